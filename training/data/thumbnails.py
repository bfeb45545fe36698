"""Every radiograph of the manifest in small, whole and with its lungs alone: to look at all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training import cache
from training.data.crops import pixel_path, prepared, threaded
from training.data.duplicates import SIDE
from training.data.manifest import Row, root
from xray.networks.preprocess import WHOLE_IMAGE, Recipe

RECIPE = Recipe(WHOLE_IMAGE, SIDE)


@dataclass(frozen=True)
class Gallery:
    """Radiographs in small.

    Attributes:
        rows: of the manifest, without those that serving refuses.
        whole: uint8, shape (n, 64, 64): each image squashed to a square.
        inside: bool, same shape, True where the served lung network sees lung.
    """

    rows: list[Row]
    whole: NDArray[np.uint8]
    inside: NDArray[np.bool_]

    @property
    def masked(self) -> NDArray[np.uint8]:
        """The images with everything but the lungs black: uint8, shape (n, 64, 64)."""
        return np.asarray(self.whole * self.inside, np.uint8)

    def values(self, name: str) -> NDArray[np.str_]:
        """Return a column of the manifest as text."""
        return np.array([str(getattr(row, name)) for row in self.rows])


def gallery(manifest: Path, rows: Sequence[Row]) -> Gallery:
    """Read, segment and shrink each radiograph once; later calls read the cache.

    Args:
        manifest: written by `prepare`; says where the files lie.
        rows: those of its rows that are wanted.
    """
    folder = root(manifest)

    def small(row: Row) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
        ready = prepared(folder / row.path, RECIPE)
        if ready is None:
            return None
        lungs = cv2.resize(ready.lungs * np.uint8(255), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return ready.crop, lungs > 127

    def make() -> dict[str, NDArray[np.generic]]:
        found = threaded(small, rows, "shrink")
        whole, inside = zip(*filter(None, found), strict=True)
        accepted = np.array([each is not None for each in found])
        return {"whole": np.stack(whole), "inside": np.stack(inside), "accepted": accepted}

    kept = cache.arrays("gallery", ([row.sha256 for row in rows], pixel_path()), make)
    accepted = [row for row, each in zip(rows, kept["accepted"], strict=True) if each]
    return Gallery(accepted, kept["whole"], kept["inside"])
