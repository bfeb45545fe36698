"""The command line that the steps share which teach a head on the frozen backbone."""

import argparse
from pathlib import Path

from training.data.manifest import MANIFEST
from training.fit.features import run_folder
from xray.registry import BACKBONE


def head_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser for a configuration, a backbone, a manifest and a run's folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a TOML file of training/configs")
    parser.add_argument("--backbone", default=BACKBONE, help="of model/")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--run", type=Path, help="folder of the run (default: runs/<name>, or runs/<backbone>/<name>)")
    return parser


def run_of(asked: argparse.Namespace, name: str) -> Path:
    """Return the run's folder: the one that was asked for, or the one of the configuration's name."""
    return asked.run or run_folder(name, asked.backbone)
