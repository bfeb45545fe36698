"""Training: lung network, backbone, heads and the out-of-distribution screen."""
