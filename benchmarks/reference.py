"""Saves the reference way's network once, for all measurements of a run; see `benchmarks.reference_app`."""

import os
import subprocess
import sys
from pathlib import Path


def save(folder: Path) -> Path:
    """Save the network in a process of its own: TensorFlow shall not weigh on whoever measures."""
    path = folder / "reference.keras"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "benchmarks.reference_app", str(path)]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return path
