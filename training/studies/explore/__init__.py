"""Statistics of the radiographs before any training."""
