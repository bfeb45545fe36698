"""Architectures compared on the same folds."""
