"""Which radiographs a model has seen while it was trained: the same files, and near-copies of them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training import cache
from training.config import MANIFEST, RUNS
from training.data import manifest
from training.data.collection import Measure, measured
from training.data.crops import threaded
from training.data.duplicates import SIDE, Thumbnails, near_copies
from training.data.manifest import Row
from xray.networks.metadata import HeadFacts

TAUGHT = ("train", "val")  # the splits that weights, calibration and operating points come from


@dataclass(frozen=True)
class Seen:
    """What a model has seen of some radiographs.

    Attributes:
        paths: of those that it was trained on, or of near-copies of them.
        line: says so.
    """

    paths: frozenset[str]
    line: str


def seen(rows: pd.DataFrame, facts: HeadFacts) -> Seen:
    """Compare radiographs with those that a model was trained on."""
    path = _list_of(facts)
    if path is None:
        return Seen(frozenset(), "The list of its training films is not here: whether it saw these was not checked.")
    taught = [row for row in manifest.read(path, manifest.labels_of(path)) if row.split in TAUGHT]
    same = set(rows.path[rows.sha256.isin({row.sha256 for row in taught})])
    copies = _copies(rows[~rows.path.isin(same) & (rows.sha256 != "")], taught, manifest.root(path))
    found = same | copies
    if not found:
        return Seen(frozenset(), f"None of the {len(rows)} films, and no near-copy of one, was trained on.")
    kinds = f" ({len(copies)} as near-copies)" if copies else ""
    words = "was" if len(found) == 1 else "were"
    return Seen(frozenset(found), f"{len(found)} of {len(rows)} films {words} trained on{kinds}: figures without them.")


def _list_of(facts: HeadFacts) -> Path | None:
    """Return the manifest that a model was trained on; None where it is not here."""
    expected = facts.training.get("manifest_sha256")
    for path in (RUNS / facts.name / "manifest.csv", MANIFEST):
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == expected:
            return path
    return None


def _copies(rows: pd.DataFrame, taught: list[Row], root: Path) -> set[str]:
    """Return the paths of near-copies of training films, as far as those still lie where they were."""
    there = [row for row in taught if (root / row.path).is_file()]
    if rows.empty or not there:
        return set()
    own = _thumbnails([Path(path) for path in rows.path], list(rows.sha256))
    theirs = _thumbnails([root / row.path for row in there], [row.sha256 for row in there])
    paths = list(rows.path)
    return {paths[i] for i, j in near_copies(np.concatenate([own, theirs])) if i < len(paths) <= j}


def _thumbnails(paths: list[Path], hashes: list[str]) -> Thumbnails:
    """Return the thumbnails of files, computed once; black where a file cannot be read."""

    def one(path: Path) -> Thumbnails:
        found = measured(path)
        return found.thumbnail if isinstance(found, Measure) else np.zeros((SIDE, SIDE), np.uint8)

    parts = (hashes, SIDE)
    made = cache.arrays("copies", parts, lambda: {"images": np.stack(threaded(one, paths, "compare"))})
    return np.asarray(made["images"])
