"""Reports, model cards and plots, written from what was measured."""
