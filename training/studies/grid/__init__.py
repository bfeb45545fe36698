"""A grid of training settings, judged on validation radiographs."""
