"""Every radiograph of the manifest in small, whole and with its lungs alone: what can be looked at all at once."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.config import RUNS
from training.data.crops import LUNG_NETWORK
from training.data.duplicates import SIDE
from training.data.manifest import Row, root
from xray.io import image
from xray.networks import lungs
from xray.networks.runtime import Network

# A cached file's name holds the hash of all that it depends on.
CACHE = RUNS / "explore"


@dataclass(frozen=True)
class Gallery:
    """Radiographs in small.

    Attributes:
        rows: of the manifest.
        whole: uint8, shape (n, 64, 64): each picture squashed to a square.
        inside: bool, same shape, True where the served lung network sees lung.
    """

    rows: list[Row]
    whole: NDArray[np.uint8]
    inside: NDArray[np.bool_]

    @property
    def masked(self) -> NDArray[np.uint8]:
        """The pictures with everything but the lungs black: uint8, shape (n, 64, 64)."""
        return np.asarray(self.whole * self.inside, np.uint8)

    def values(self, name: str) -> NDArray[np.str_]:
        """Return a column of the manifest as text."""
        return np.array([str(getattr(row, name)) for row in self.rows])


def gallery(manifest: Path, rows: Sequence[Row]) -> Gallery:
    """Read, segment and shrink each radiograph once; later calls read the cache.

    Args:
        manifest: written by `training.data.prepare`; says where the pictures lie.
        rows: those of its rows that are wanted.
    """
    named = "".join(row.sha256 for row in rows).encode()
    key = hashlib.sha256(named + LUNG_NETWORK.read_bytes()).hexdigest()[:12]
    path = CACHE / f"gallery-{key}.npz"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, small=_shrunk(rows, root(manifest)))
        part.replace(path)
    small = np.load(path)["small"]
    return Gallery(list(rows), small[:, 0], small[:, 1] > 0)


def _shrunk(rows: Sequence[Row], folder: Path) -> NDArray[np.uint8]:
    """Return each picture beside its lung mask (0 or 255): uint8, shape (n, 2, 64, 64)."""
    network = Network(LUNG_NETWORK, pool_size=2, threads=1)

    def one(row: Row) -> NDArray[np.uint8]:
        picture = image.read((folder / row.path).read_bytes())
        mask = np.asarray(lungs.segment(picture, network) * np.uint8(255), np.uint8)
        small = [cv2.resize(each, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for each in (picture, mask)]
        return np.stack([small[0], np.where(small[1] > 127, 255, 0)]).astype(np.uint8)

    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(tqdm(pool.map(one, rows), total=len(rows), desc="shrink", disable=None)))
