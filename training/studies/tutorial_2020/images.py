"""Radiographs of the two-model tutorial, taken from its own folder layout as it takes them.

A part is one folder of the tutorial. Parts may share radiographs, as the tutorial's do: its 20 normal validation
radiographs come from the folder from which its training radiographs were drawn.
"""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.config import REPOSITORY, RUNS, data_root
from training.data import held_out, manifest
from training.data.collection import Collection, child
from training.data.crops import Crops, crops
from training.data.duplicates import near_copies
from training.data.layouts import read_cohen, read_kermany
from training.data.manifest import Row
from training.data.splits import group
from training.evaluate import baselines
from xray.errors import ManifestError
from xray.networks.preprocess import WHOLE_IMAGE, Recipe

# The tutorial's input: the whole image squashed to 224 px and divided by 255.
RECIPE = Recipe(WHOLE_IMAGE, 224)
# Its collection had 142 PA radiographs of COVID-19 in May 2020; later ones stand further down the table.
PUBLISHED_COVID = 142
FOLDER = RUNS / "articles"
LISTED = REPOSITORY / "dataset_validation" / "manifest.csv"
VALIDATION = {"covid": "covid_validation", "normal": "normal_validation", "pneumonia": "pneumonia_validation"}
TEST = {"normal": "normal_test", "pneumonia": "pneumonia_test"}
Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Radiographs:
    """The radiographs of the tutorial, each once.

    Attributes:
        crops: rows with their groups, and uint8 squares of 224 px.
        blind: uint8, shape (2, n, 48, 48): lungs erased, and border only, in the order of `baselines.BASELINES`.
        parts: positions of each part's radiographs.
        recipe: of the crops.
    """

    crops: Crops
    blind: NDArray[np.uint8]
    parts: dict[str, Positions]
    recipe: Recipe

    def rows(self, positions: Positions) -> list[Row]:
        """Return the rows at these positions."""
        return [self.crops.rows[i] for i in positions]

    def groups(self, positions: Positions) -> NDArray[np.str_]:
        """Return the group at each of these positions: the patient, joined with others by near-copies."""
        return np.array([row.group for row in self.rows(positions)])

    def table(self, positions: Positions, y_score: NDArray[np.float64]) -> pd.DataFrame:
        """Return the rows at these positions with `y_true`, 1 for COVID-19, and their scores."""
        table = pd.DataFrame([asdict(row) for row in self.rows(positions)], columns=list(manifest.COLUMNS))
        return table.assign(y_true=(table.label == "covid").astype(int), y_score=y_score)


def find_layout(folder: Path | None = None) -> Path:
    """Return the folder that holds 10_Covid_Images/ and 20_Chest_Xray/.

    Args:
        folder: named by the user; else the setting XRAY_DATA, whose seed_layout.py is run where it has one.

    Raises:
        ManifestError: there is no such layout; the message says how to get one.
    """
    home = folder or data_root()
    script = home / "seed_layout.py"
    if folder is None and script.is_file():
        subprocess.run([sys.executable, str(script), str(FOLDER / "input")], check=True)
        return FOLDER / "input"
    if not all(child(home, name).is_dir() for name in ("10_covid_images", "20_chest_xray")):
        raise ManifestError(
            f"{home}: expected 10_Covid_Images/ and 20_Chest_Xray/, the tutorial's layout; received a folder without "
            "them. Name the folder that holds both with --input DIR or XRAY_DATA."
        )
    return home


def choose_parts(rows: Sequence[Row], listed: Sequence[str], seed: int) -> dict[str, list[Row]]:
    """Choose the radiographs of each part, as the tutorial does.

    Args:
        rows: of both sets, in the order of their tables.
        listed: file names that the tutorial kept for validation; without any, 20 of each class are drawn.
        seed: of the draws.

    Returns:
        The rows of each part, by its name.

    Raises:
        ManifestError: a class of the training part would be empty.
    """
    marked = held_out.mark(rows, listed, seed)
    of_label = {label: [row for row in marked if row.label == label] for label in VALIDATION}
    of_label["covid"] = of_label["covid"][:PUBLISHED_COVID]
    parts = {
        VALIDATION[label]: [row for row in marked if row.split == "held_out" and row.label == label]
        for label in VALIDATION
    }
    parts["covid"] = [row for row in of_label["covid"] if row.split != "held_out"]
    rng = np.random.default_rng(seed)
    for label, name in TEST.items():
        folder = [row for row in of_label[label] if row.upstream_split == "train"]
        # The tutorial draws without leaving out its validation radiographs; so does this.
        parts[label] = [folder[i] for i in sorted(rng.permutation(len(folder))[: len(parts["covid"])])]
        parts[name] = [row for row in of_label[label] if row.upstream_split == "test"]
    if empty := [label for label in VALIDATION if not parts[label]]:
        raise ManifestError(f"Expected training films of three classes in the layout. Received none of: {empty}.")
    return parts


def read(home: Path, seed: int, listed: Sequence[str] = ()) -> Radiographs:
    """Read the tutorial's layout."""
    found = Collection(home)
    read_cohen(home, found)
    read_kermany(home, found)
    parts = {name: [row.path for row in rows] for name, rows in choose_parts(found.rows, listed, seed).items()}
    return gather(found, parts, FOLDER)


def gather(found: Collection, parts: Mapping[str, Sequence[str]], folder: Path) -> Radiographs:
    """Decode, group and crop the radiographs of some parts; crops are cached."""
    wanted = {path for paths in parts.values() for path in paths}
    found.rows = [row for row in found.rows if row.path in wanted]
    rows, thumbnails = found.measure()
    # The parts overlap, so they are no splits: all rows stand in one.
    rows = [replace(row, split="train") for row in group(rows, near_copies(thumbnails))]
    manifest.write(rows, folder / "manifest.csv", found.root)
    return load(folder / "manifest.csv", parts)


def load(table: Path, parts: Mapping[str, Sequence[str]], recipe: Recipe = RECIPE) -> Radiographs:
    """Crop the radiographs of a manifest; those that serving refuses are left out.

    Args:
        table: the manifest.
        parts: paths of its radiographs, by part.
        recipe: of the crops; at 192 or 224 px the heads have the article's inputs.
    """
    cropped = crops(table, recipe)
    place = {row.path: i for i, row in enumerate(cropped.rows)}
    positions = {
        name: np.array([place[path] for path in paths if path in place], np.intp) for name, paths in parts.items()
    }
    return Radiographs(cropped, baselines.thumbnails(table, cropped.rows)[1], positions, recipe)


def validation_names() -> list[str]:
    """Return the file names that the tutorial kept for validation, as this project lists them."""
    return list(pd.read_csv(LISTED).name) if LISTED.is_file() else []
