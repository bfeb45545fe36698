"""What the screen learns from and is judged on: radiographs, other images, and radiographs that were altered.

The other images are not kept: photographs are scikit-learn's, slices and lateral radiographs the publisher's, the rest
is drawn.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_sample_images

from training import cache
from training.config import Choices, data_root
from training.data.crops import crops, pixel_path, segmenter, threaded
from training.data.manifest import Row, root
from training.fit import features
from training.metrics.figures import Json, shares
from xray.errors import ManifestError, NotAChestXrayError
from xray.io import image
from xray.io.limits import DEFAULT_LIMITS
from xray.io.pixels import GreyImage
from xray.networks import lungs
from xray.networks.heads import average
from xray.networks.preprocess import Recipe, crop, crop_box, scale
from xray.quality import frontal
from xray.registry import BACKBONE

Change = Callable[[GreyImage, np.random.Generator], GreyImage]
NOT_CHEST = ("not_frontal", "ct", "brain_mri")
PHOTOGRAPH_PX = 200
BLUR = (0.005, 0.03)  # sigma as a share of the shorter side


class ScreenConfig(Choices, frozen=True):
    """Choices of this step; see configs/screen.toml.

    Attributes:
        films: train radiographs that are turned to learn from, and halved to be judged on; so many of the test split
            judge the cautions that need no learning.
        components: principal components in which the distance is measured.
        regularisation: C of the logistic regressions.
        refused: share of frontal radiographs that the screen may refuse; sets its threshold.
        warned: share of radiographs that each caution may be given to by mistake; sets its threshold.
        seed: of everything random.
        recipe: of the backbone.
    """

    films: int
    components: int
    regularisation: float
    refused: float
    warned: float
    seed: int
    recipe: Recipe


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
                found.append(Picture("photograph", Path(name).stem, partial(np.asarray, window)))
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
            found.append(Picture(kind, f"{kind} {number}", partial(np.asarray, picture)))
    return found


def altered(rows: Sequence[Row], folder: Path, seed: int) -> list[Picture]:
    """Return radiographs as they came, blurred, upside down, and cut in half."""
    found = []
    for number, row in enumerate(rows):
        read = _reader(folder / row.path)
        how: dict[str, Change] = {
            "as it came": lambda film, _: film,
            "blurred": _blurred,
            "upside down": lambda film, _: np.ascontiguousarray(film[::-1, ::-1]),
            "half": lambda film, rng: (
                film[:, : film.shape[1] // 2] if rng.random() < 0.5 else film[:, film.shape[1] // 2 :]
            ),
        }
        for kind, change in how.items():
            rng = np.random.default_rng((seed, number))
            found.append(Picture(kind, row.group, partial(_changed, read, change, rng)))
    return found


def _blurred(film: GreyImage, rng: np.random.Generator) -> GreyImage:
    sigma = rng.uniform(*BLUR) * min(film.shape)
    return np.asarray(cv2.GaussianBlur(film, (0, 0), sigma), np.uint8)


def _changed(read: Callable[[], GreyImage], change: Change, rng: np.random.Generator) -> GreyImage:
    return change(read(), rng)


@dataclass(frozen=True, eq=False)
class Seen:
    """What serving makes of pictures: averaged features, and whether the gate lets them as far as the screen."""

    pictures: list[Picture]
    inputs: NDArray[np.float32]
    admitted: NDArray[np.bool_]

    @property
    def groups(self) -> NDArray[np.str_]:
        """The group of each image."""
        return np.array([picture.group for picture in self.pictures])

    @property
    def kinds(self) -> NDArray[np.str_]:
        """The kind of each image."""
        return np.array([picture.kind for picture in self.pictures])

    def of(self, kind: str) -> NDArray[np.intp]:
        """Return the positions of one kind."""
        return np.flatnonzero(self.kinds == kind)

    def part(self, chosen: NDArray[np.intp]) -> "Seen":
        """Return some of the images."""
        return Seen([self.pictures[i] for i in chosen], self.inputs[chosen], self.admitted[chosen])


def see(pictures: list[Picture], recipe: Recipe, key: str, weights: str = BACKBONE) -> Seen:
    """Compute what serving computes of each image, once.

    `key` names the images in the cache.
    """
    network, digest = features.backbone(weights, recipe)

    def one(picture: Picture) -> tuple[NDArray[np.float32], bool]:
        grey = picture.read()
        mask = lungs.segment(grey, segmenter())
        try:
            frontal.check(mask)
            admitted = True
        except NotAChestXrayError:
            admitted = False
        return average(network(scale(crop(grey, crop_box(mask, recipe), recipe), recipe)[None])[0]), admitted

    def make() -> dict[str, NDArray[np.generic]]:
        inputs, admitted = zip(*threaded(one, pictures, key), strict=True)
        return {"inputs": np.stack(inputs), "admitted": np.array(admitted)}

    parts = (key, digest, pixel_path(), [(picture.kind, picture.group) for picture in pictures])
    kept = cache.arrays("screen", parts, make)
    return Seen(pictures, kept["inputs"], kept["admitted"])


@dataclass(frozen=True, eq=False)
class Material:
    """What the heads learn from and are judged on.

    Attributes:
        inputs: averaged features of the manifest's radiographs, shape (n, channels).
        split, source, group: of each.
        strange: what is no frontal chest radiograph.
        films: train radiographs as they came, blurred, upside down and cut in half.
    """

    inputs: NDArray[np.float32]
    split: NDArray[np.str_]
    source: NDArray[np.str_]
    group: NDArray[np.str_]
    strange: Seen
    films: Seen

    @classmethod
    def gather(cls, config: ScreenConfig, manifest: Path, backbone: str) -> "Material":
        """Compute or read all features."""
        data = crops(manifest, config.recipe)
        split, source, group = (
            np.array([getattr(row, name) for row in data.rows]) for name in ("split", "source", "group")
        )
        train_films = np.flatnonzero(split == "train")
        rng = np.random.default_rng(config.seed)
        chosen = [data.rows[i] for i in rng.choice(train_films, min(config.films, len(train_films)), replace=False)]
        changed = see(altered(chosen, root(manifest), config.seed), config.recipe, "altered films", backbone)
        strangers_seen = see(strangers(data_root()), config.recipe, "strangers", backbone)
        inputs = features.views(data, config.recipe, backbone)[:, 0]
        return cls(inputs, split, source, group, strangers_seen, changed)

    def learned(self) -> NDArray[np.intp]:
        """Return the radiographs that heads may learn from and thresholds may be set on."""
        return np.flatnonzero((self.split == "train") | (self.split == "val"))

    def test_shares(self, flags: NDArray[np.bool_]) -> Json:
        """Return the shares of the test radiographs, by source, of flags of all radiographs."""
        test = self.split == "test"
        return shares(flags[test], self.source[test])
