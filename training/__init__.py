"""From published folders to artefacts: each step is `python -m training STEP --help`."""
