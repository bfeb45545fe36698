"""What training and serving must agree on: from the bytes of a radiograph to a verdict.

Imports nothing else of ours, and never Flask, TensorFlow or Keras.
"""
