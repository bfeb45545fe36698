"""The published data sets, fetched for a user: `python -m training.download`."""
