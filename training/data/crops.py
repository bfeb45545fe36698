"""The radiographs as the networks see them: cached lung-box crops, and balanced draws from them."""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.config import MODELS, RUNS
from training.data.manifest import Row, read, root
from training.networks import devices
from xray.io import image
from xray.networks import lungs, preprocess
from xray.networks.preprocess import Recipe
from xray.networks.runtime import Network

# A cached file's name holds the hash of all that it depends on.
CACHE = RUNS / "crops"
LUNG_NETWORK = MODELS / "lung_unet" / "network.tflite"
# Sources of one class are drawn in proportion to the cube root of their size: a small hospital is
# heard, a large one does not drown it, and eleven pictures are not repeated hundreds of times.
SOURCE_POWER = 1 / 3


@dataclass(frozen=True)
class Crops:
    """Rows of the manifest with their crops.

    Attributes:
        rows: the radiographs, in the order of the manifest.
        pictures: uint8, shape (len(rows), size, size), memory-mapped.
    """

    rows: list[Row]
    pictures: NDArray[np.uint8]

    def where(self, *, split: str) -> NDArray[np.intp]:
        """Return the positions of one split's radiographs."""
        return np.flatnonzero([row.split == split for row in self.rows])

    def draw(self, count: int, seed: tuple[int, ...]) -> NDArray[np.intp]:
        """Draw training radiographs, some more than once, classes and sources balanced; see `draw_weights`."""
        train = self.where(split="train")
        weights = draw_weights([self.rows[i].label for i in train], [self.rows[i].source for i in train])
        return np.random.default_rng(seed).choice(train, count, p=weights)


def crops(manifest: Path, recipe: Recipe, some: Sequence[Row] | None = None) -> Crops:
    """Segment and crop every radiograph of the manifest once; later calls read the cache.

    Args:
        manifest: written by `training.data.prepare`.
        recipe: which crop, at which size.
        some: of its rows; all of them by default.

    Returns:
        The crops of all splits, made by the served lung network.
    """
    rows, folder = list(some or read(manifest)), root(manifest)
    named = manifest.read_bytes() if some is None else "".join(row.sha256 for row in some).encode()
    inputs = (LUNG_NETWORK, Path(lungs.__file__), Path(preprocess.__file__))
    key = hashlib.sha256(named + b"".join(path.read_bytes() for path in inputs)).hexdigest()[:12]
    path = CACHE / f"{recipe.name}-{recipe.size}-{key}.npy"
    while devices.share()[0] > 0 and not path.exists():
        time.sleep(1)  # the first of several processes makes them for all
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _write(path, rows, folder, recipe)
    return Crops(rows, np.load(path, mmap_mode="r"))


def _write(path: Path, rows: Sequence[Row], folder: Path, recipe: Recipe) -> None:
    network = Network(LUNG_NETWORK, pool_size=2, threads=1)

    def one(row: Row) -> NDArray[np.uint8]:
        picture = image.read((folder / row.path).read_bytes())
        mask = lungs.segment(picture, network)
        return preprocess.crop(picture, preprocess.crop_box(mask, recipe), recipe)

    part = path.with_suffix(".part.npy")
    shape = (len(rows), recipe.size, recipe.size)
    pictures = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
    with ThreadPoolExecutor(2) as pool:
        for i, picture in enumerate(tqdm(pool.map(one, rows), total=len(rows), desc="crop", disable=None)):
            pictures[i] = picture
    pictures.flush()
    part.replace(path)


def draw_weights(labels: Sequence[str], sources: Sequence[str], power: float = SOURCE_POWER) -> NDArray[np.float64]:
    """Return each radiograph's chance to be drawn: classes equal, sources of a class nearly so.

    Args:
        labels: the class of each radiograph.
        sources: its source.
        power: a source's share of its class is its size to this power.

    Returns:
        float64, shape (n,), sum 1.
    """
    cells = np.array([f"{label}\t{source}" for label, source in zip(labels, sources, strict=True)])
    names, inverse, sizes = np.unique(cells, return_inverse=True, return_counts=True)
    shares = sizes**power
    classes = np.array([name.split("\t")[0] for name in names])
    for name in np.unique(classes):
        shares[classes == name] /= shares[classes == name].sum()
    return (shares / sizes / len(np.unique(classes)))[inverse]
