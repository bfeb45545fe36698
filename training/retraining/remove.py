"""Delete a model of `retrain` and its run: `python -m training remove NAME`."""

import argparse
import json
import re
import shutil

from training.config import MODELS, RUNS
from xray.errors import DatasetError
from xray.networks import metadata

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def is_own(name: str) -> bool:
    """Tell whether a model, or the run that is to become one, is of `retrain`."""
    if not NAME.fullmatch(name):
        return False
    if (RUNS / name / "manifest.csv").is_file():
        return True
    try:
        return "data" in json.loads((MODELS / name / metadata.FILE_NAME).read_text(encoding="utf-8"))["training"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def run(args: argparse.Namespace) -> None:
    """Delete the model that the command line names."""
    if not is_own(args.name):
        names = {path.name for home in (MODELS, RUNS) if home.is_dir() for path in home.iterdir()}
        known = ", ".join(sorted(filter(is_own, names))) or "none"
        raise DatasetError(f"Expected a model of `retrain`; there are: {known}. Received: {args.name}.")
    for folder in (MODELS / args.name, RUNS / args.name):
        if folder.is_dir():
            shutil.rmtree(folder)
            print(f"removed {folder}")
    print(f"An app that is running serves it until it is started again. Crops and features stay in {RUNS / 'cache'}.")
