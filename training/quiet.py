"""Imports of what talks while it is loaded: TensorFlow logs how it was built before it can be told not to."""

import importlib
import os
import sys
from types import ModuleType


def load(name: str) -> ModuleType:
    """Import a module while standard error is shut; what an import raises is raised all the same."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        return importlib.import_module(name)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
