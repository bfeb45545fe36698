"""Network architectures in Keras, and their conversion to LiteRT."""
