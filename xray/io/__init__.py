"""From a file's bytes to a grey image, within limits."""
