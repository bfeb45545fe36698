"""Images that the screen must recognise: what is no frontal chest radiograph, and altered radiographs.

None of them is kept: photographs are scikit-learn's, slices and lateral radiographs the publisher's, the rest is drawn.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_sample_images

from training.data.manifest import Row
from xray.errors import ManifestError
from xray.io import image
from xray.io.limits import DEFAULT_LIMITS
from xray.io.pixels import GreyImage

Change = Callable[[GreyImage, np.random.Generator], GreyImage]
NOT_CHEST = ("not_frontal", "ct", "brain_mri")
PHOTOGRAPH_PX = 200


@dataclass(frozen=True, eq=False)
class Picture:
    """An image that is no radiograph of the manifest.

    Attributes:
        kind: what it is, in words.
        group: what must stay in one fold: a patient or a photograph.
        read: gives it, grey, uint8, shape (height, width).
    """

    kind: str
    group: str
    read: Callable[[], GreyImage]


def strangers(folder: Path) -> list[Picture]:
    """Return what is no frontal chest radiograph: the publisher's slices and lateral views, photographs, drawings.

    Images that are too small to be read at all are left out, and those whose view nobody states: they look frontal.

    Args:
        folder: the data root, with the publisher's manifest.csv.

    Raises:
        ManifestError: no such table.
    """
    path = folder / "manifest.csv"
    if not path.is_file():
        raise ManifestError(f"Expected a manifest.csv in {folder}. Received: none. Set XRAY_DATA to its folder.")
    found = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = row["label"] != "not_frontal" or row["view"] == "L"
            if (
                row["label"] in NOT_CHEST
                and known
                and min(int(row["width"]), int(row["height"])) >= DEFAULT_LIMITS.min_side
            ):
                kind = row["label"].replace("not_frontal", "lateral")
                found.append(Picture(kind, row["patient_id"] or row["path"], _reader(folder / row["path"])))
    return found + _photographs() + _drawings()


def _reader(path: Path) -> Callable[[], GreyImage]:
    return lambda: image.load(path.read_bytes()).image


def _photographs() -> list[Picture]:
    """Return windows of scikit-learn's photographs, grey."""
    bunch = load_sample_images()
    found = []
    for name, colour in zip(bunch.filenames, bunch.images, strict=True):
        grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
        for top in range(0, grey.shape[0] - PHOTOGRAPH_PX, 60):
            for left in range(0, grey.shape[1] - PHOTOGRAPH_PX, 100):
                window = grey[top : top + PHOTOGRAPH_PX, left : left + PHOTOGRAPH_PX]
                found.append(Picture("photograph", Path(name).stem, partial(_same, window)))
    return found


def _drawings() -> list[Picture]:
    """Return pages of text, noise and gradients."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(20):
        page = np.full((400, 300), 255, np.uint8)
        for line in range(30, 390, 18):
            words = "".join(rng.choice(list("abcdefghiklmnoprstu  "), 24))
            cv2.putText(page, words, (20, line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 0, 1, cv2.LINE_AA)
        noise = rng.integers(0, 256, (300, 300), dtype=np.uint8)
        slope = np.tile(np.linspace(0, 255, 300), (300, 1)) * rng.uniform(0.3, 1.0)
        for kind, picture in (("text page", page), ("noise", noise), ("gradient", slope.astype(np.uint8))):
            found.append(Picture(kind, f"{kind} {number}", partial(_same, picture)))
    return found


def altered(rows: Sequence[Row], folder: Path, seed: int) -> list[Picture]:
    """Return radiographs as they came, upside down, and cut in half."""
    found = []
    for number, row in enumerate(rows):
        read = _reader(folder / row.path)
        how: dict[str, Change] = {
            "as it came": lambda film, _: film,
            "upside down": lambda film, _: np.ascontiguousarray(film[::-1, ::-1]),
            "half": lambda film, rng: (
                film[:, : film.shape[1] // 2] if rng.random() < 0.5 else film[:, film.shape[1] // 2 :]
            ),
        }
        for kind, change in how.items():
            rng = np.random.default_rng((seed, number))
            found.append(Picture(kind, row.group, partial(_changed, read, change, rng)))
    return found


def _same(image: GreyImage) -> GreyImage:
    return image


def _changed(read: Callable[[], GreyImage], change: Change, rng: np.random.Generator) -> GreyImage:
    return change(read(), rng)
