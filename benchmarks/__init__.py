"""Measurements of what this project promises, each printed beside the baseline it is measured against."""
