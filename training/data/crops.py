"""The radiographs as the networks see them: cached crops, made by the pixel path of serving, and balanced draws."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import cache as once
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

import xray
from training import cache
from training.config import MODELS
from training.data.manifest import Row, labels_of, read, root
from training.progress import progress
from xray import analysis
from xray.analysis import Prepared
from xray.errors import DatasetError, ImageError
from xray.networks.preprocess import Recipe
from xray.networks.runtime import Network

LUNG_NETWORK = MODELS / "lung_unet" / "network.tflite"
# The code that a crop depends on, besides the lung network and OpenCV.
_XRAY = Path(xray.__file__).parent
PIXEL_PATH = (
    *sorted((_XRAY / "io").glob("*.py")), *sorted((_XRAY / "quality").glob("*.py")),
    _XRAY / "analysis.py", _XRAY / "networks" / "lungs.py", _XRAY / "networks" / "preprocess.py",
)  # fmt: skip
THREADS = os.cpu_count() or 1
# A source of a label is drawn in proportion to the cube root of its size: a small hospital is heard, a large one does
# not drown it, and eleven radiographs are not repeated hundreds of times.
SOURCE_POWER = 1 / 3

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Crops:
    """Rows of the manifest with their crops.

    Attributes:
        rows: the radiographs, in the order of the manifest.
        images: uint8, shape (len(rows), size, size), memory-mapped.
        lungs: bool, same shape, True inside the lungs; memory-mapped.
        boxes: float32, shape (len(rows), 4): top, bottom, left and right of each crop as shares of the radiograph's
            height and width.
    """

    rows: list[Row]
    images: NDArray[np.uint8]
    lungs: NDArray[np.bool_]
    boxes: NDArray[np.float32]

    def where(self, *, split: str) -> NDArray[np.intp]:
        """Return the positions of one split's radiographs."""
        return np.flatnonzero([row.split == split for row in self.rows])

    def draw(self, count: int, seed: tuple[int, ...]) -> NDArray[np.intp]:
        """Draw training radiographs, some more than once, labels and sources balanced; see `draw_weights`.

        Args:
            count: how many.
            seed: of the draw.
        """
        train = self.where(split="train")
        weights = draw_weights([self.rows[i].label for i in train], [self.rows[i].source for i in train])
        return np.random.default_rng(seed).choice(train, count, p=weights)


def crops(manifest: Path, recipe: Recipe, some: Sequence[Row] | None = None) -> Crops:
    """Prepare every radiograph of the manifest once, whatever its label; later calls read the cache.

    Args:
        manifest: written by `prepare`.
        recipe: which crop, at which size.
        some: of its rows; all by default.

    Returns:
        The crops of all splits; without the radiographs that serving refuses, which no head ever sees.
    """
    rows = list(read(manifest, labels_of(manifest)) if some is None else some)
    folder = root(manifest)

    def make() -> dict[str, NDArray[np.generic]]:
        found = threaded(lambda row: prepared(folder / row.path, recipe), rows, "crop")
        kept = [each for each in found if each]
        if not kept:
            raise DatasetError(
                f"Expected frontal chest radiographs. Received {len(rows)} pictures, and the app's checks refuse all "
                "of them: no frontal chest radiograph, or no lungs found."
            )
        return {
            "accepted": np.array([each is not None for each in found]),
            "images": np.stack([each.crop for each in kept]),
            "lungs": np.stack([_cropped_lungs(each) for each in kept]),
            "boxes": np.stack([_shares(each) for each in kept]),
        }

    kept = cache.arrays("crops", ([row.sha256 for row in rows], astuple(recipe), pixel_path()), make)
    accepted = [row for row, each in zip(rows, kept["accepted"], strict=True) if each]
    return Crops(accepted, kept["images"], kept["lungs"], kept["boxes"])


def _cropped_lungs(one: Prepared) -> NDArray[np.bool_]:
    box, side = one.box, one.crop.shape[0]
    part = one.lungs[box.top : box.bottom, box.left : box.right].astype(np.uint8)
    return np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_NEAREST), bool)


def _shares(one: Prepared) -> NDArray[np.float32]:
    (height, width), box = one.whole, one.box
    top, left = one.film.top, one.film.left
    rows, columns = np.array([box.top, box.bottom]) + top, np.array([box.left, box.right]) + left
    return np.array([*rows / height, *columns / width], np.float32)


def prepared(path: Path, recipe: Recipe) -> Prepared | None:
    """Prepare one file as serving does.

    Args:
        path: of the file.
        recipe: of the backbone.

    Returns:
        Image, lungs, box and crop; None where serving refuses the file.
    """
    try:
        return analysis.prepare(path.read_bytes(), segmenter(), recipe)
    except ImageError:
        return None


@once
def segmenter() -> Network:
    """Return the served lung network, for as many threads as `threaded` uses."""
    return Network(LUNG_NETWORK, pool_size=THREADS, threads=1)


@once
def pixel_path() -> str:
    """Return the hash of all that turns a file into a crop: code, lung network, and the version of OpenCV."""
    return cache.digest(*PIXEL_PATH, LUNG_NETWORK, cv2.__version__)


def threaded(function: Callable[[T], R], items: Iterable[T], what: str) -> list[R]:
    """Apply a function to items in several threads, with a progress bar.

    Args:
        function: releases Python's lock while it computes, as OpenCV and LiteRT do.
        items: its arguments.
        what: is done, in a word.

    Returns:
        The results, in the order of the items.
    """
    items = list(items)
    with ThreadPoolExecutor(THREADS) as pool:
        return list(progress(pool.map(function, items), what, len(items)))


def draw_weights(labels: Sequence[str], sources: Sequence[str], power: float = SOURCE_POWER) -> NDArray[np.float64]:
    """Return each radiograph's probability to be drawn: labels equal, the sources of a label nearly so.

    Args:
        labels: the label of each radiograph.
        sources: its source.
        power: a source's share of its label is its size to this power.

    Returns:
        float64, shape (n,), sum 1.
    """
    cells = np.array([f"{label}\t{source}" for label, source in zip(labels, sources, strict=True)])
    names, inverse, sizes = np.unique(cells, return_inverse=True, return_counts=True)
    shares = sizes**power
    classes = np.array([name.split("\t")[0] for name in names])
    for name in np.unique(classes):
        shares[classes == name] /= shares[classes == name].sum()
    return np.asarray((shares / sizes / len(np.unique(classes)))[inverse], np.float64)
