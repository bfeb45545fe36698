"""Rerun of the two-model tutorial of 2020, each of its numbers beside ours."""
