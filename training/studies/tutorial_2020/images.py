"""The films of the two-model tutorial, taken from its own layout as it takes them.

A part is what the tutorial has in one folder. Parts may share films, as the tutorial's do: its twenty normal films
for validation come from the folder that the training films were drawn from.
"""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from training.config import REPOSITORY, RUNS, data_root
from training.data import held_out
from training.data.collection import Collection, child
from training.data.crops import LUNG_NETWORK, Crops
from training.data.duplicates import near_copies
from training.data.layouts import read_cohen, read_kermany
from training.data.manifest import Row
from training.data.splits import group
from training.evaluate import baselines
from xray.errors import ManifestError
from xray.io import image
from xray.networks import lungs
from xray.networks.preprocess import WHOLE_IMAGE, Box, Recipe, crop
from xray.networks.runtime import Network

# The tutorial's input: the whole picture squashed to 224 px and divided by 255.
RECIPE = Recipe(WHOLE_IMAGE, 224)
# Its collection had 142 PA films of COVID-19 in May 2020; films that were added later stand further down the table.
PUBLISHED_COVID = 142
LISTED = REPOSITORY / "dataset_validation" / "manifest.csv"
VALIDATION = {"covid": "covid_validation", "normal": "normal_validation", "pneumonia": "pneumonia_validation"}
TEST = {"normal": "normal_test", "pneumonia": "pneumonia_test"}
Parts = dict[str, list[Row]]


@dataclass(frozen=True)
class Films:
    """The tutorial's films.

    Attributes:
        crops: all of them, each once: rows with their groups, and uint8 squares of 224 px.
        blind: uint8, shape (2, n, 48, 48): without lungs, and the border alone, as `baselines.BASELINES` says.
        parts: positions of each part in them.
    """

    crops: Crops
    blind: NDArray[np.uint8]
    parts: dict[str, NDArray[np.intp]]

    def table(self, positions: NDArray[np.intp], score: NDArray[np.float64]) -> pd.DataFrame:
        """Return films with their scores for COVID-19, as the figures are made from."""
        rows = [self.crops.rows[i] for i in positions]
        return pd.DataFrame(
            {
                "path": [row.path for row in rows], "label": [row.label for row in rows],
                "source": [row.source for row in rows], "patient_id": [row.patient_id for row in rows],
                "group": [row.group for row in rows], "y_true": [int(row.label == "covid") for row in rows],
                "y_score": score,
            }
        )  # fmt: skip

    def groups(self, positions: NDArray[np.intp]) -> NDArray[np.str_]:
        """Return whose films these are: patients, joined where their films are near-copies."""
        return np.array([self.crops.rows[i].group for i in positions])


def laid_out(folder: Path | None = None) -> Path:
    """Return the folder with 10_Covid_Images/ and 20_Chest_Xray/.

    Args:
        folder: named by the user; else the setting XRAY_DATA, whose seed_layout.py is run where it has one.

    Raises:
        ManifestError: there is no such layout; says how to get one.
    """
    home = folder or data_root()
    script, made = home / "seed_layout.py", RUNS / "articles" / "input"
    if folder is None and script.is_file():
        subprocess.run([sys.executable, str(script), str(made)], check=True)
        return made
    if not all(child(home, name).is_dir() for name in ("10_covid_images", "20_chest_xray")):
        raise ManifestError(
            f"{home}: expected 10_Covid_Images/ and 20_Chest_Xray/, the tutorial's layout; received a folder without "
            "them. Name the folder that holds both with --input DIR or XRAY_DATA."
        )
    return home


def chosen(rows: Sequence[Row], listed: Sequence[str], seed: int, most: int = PUBLISHED_COVID) -> Parts:
    """Choose the films of each part, as the tutorial does.

    Args:
        rows: of both sets, in the order of their tables.
        listed: names of the films that the tutorial kept for validation; 20 of each class are drawn without any.
        seed: of the draws.
        most: PA films of COVID-19 that are taken, the first of the table.

    Raises:
        ManifestError: a class of the training part would be empty.
    """
    marked = held_out.mark(rows, listed, seed)
    covid = [row for row in marked if row.label == "covid"][:most]
    parts = {name: [row for row in marked if row.split == "held_out" and row.label == label]
             for label, name in VALIDATION.items()}  # fmt: skip
    parts["covid"] = [row for row in covid if row.split != "held_out"]
    rng = np.random.default_rng(seed)
    for label, name in TEST.items():
        here = [row for row in marked if row.label == label]
        folder = [row for row in here if row.upstream_split == "train"]
        # The tutorial draws without leaving out its validation films; so does this.
        drawn = sorted(rng.permutation(len(folder))[: len(parts["covid"])])
        parts[label] = [folder[i] for i in drawn]
        parts[name] = [row for row in here if row.upstream_split == "test"]
    empty = [name for name in ("covid", "normal", "pneumonia") if not parts[name]]
    if empty:
        raise ManifestError(f"Expected training films of three classes in the layout. Received none of: {empty}.")
    return parts


def read(home: Path, seed: int, listed: Sequence[str] = ()) -> Films:
    """Read the layout: choose, decode, squash and group the films."""
    found = Collection(home)
    read_cohen(home, found)
    read_kermany(home, found)
    parts = chosen(found.rows, listed, seed)
    wanted = {row.path for part in parts.values() for row in part}
    found.rows = [row for row in found.rows if row.path in wanted]
    rows, thumbnails = found.measure()
    rows = group(rows, near_copies(thumbnails))
    place = {row.path: i for i, row in enumerate(rows)}
    positions = {
        name: np.array([place[row.path] for row in part if row.path in place], np.intp) for name, part in parts.items()
    }
    squares, blind = _pictures(home, rows)
    return Films(Crops(rows, squares), blind, positions)


def validation_names() -> list[str]:
    """Return the file names that the tutorial kept for validation, as this project lists them."""
    return list(pd.read_csv(LISTED).name) if LISTED.is_file() else []


def _pictures(home: Path, rows: Sequence[Row]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    network = Network(LUNG_NETWORK, pool_size=2, threads=1)

    def one(row: Row) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        grey = image.read((home / row.path).read_bytes())
        square = crop(grey, Box(0, grey.shape[0], 0, grey.shape[1]), RECIPE)
        return square, baselines.without_lungs(grey, lungs.segment(grey, network))

    with ThreadPoolExecutor(2) as pool:
        both = list(tqdm(pool.map(one, rows), total=len(rows), desc="squash, erase lungs", disable=None))
    return np.stack([square for square, _ in both]), np.stack([blind for _, blind in both], axis=1)
