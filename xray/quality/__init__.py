"""Whether an image is a frontal chest radiograph that the networks can judge, and what to caution of."""
