"""What the screen learns from and is judged on: radiographs, other images, and radiographs that were altered."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import cache
from training.config import Choices, data_root
from training.data.crops import crops, pixel_path, segmenter, threaded
from training.data.manifest import root
from training.data.not_chest import Picture, altered, strangers
from training.fit import features
from training.metrics.figures import Json, shares
from xray.errors import NotAChestXrayError
from xray.networks import lungs
from xray.networks.heads import average
from xray.networks.preprocess import Recipe, crop, crop_box, scale
from xray.quality import frontal
from xray.registry import BACKBONE


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

    Args:
        pictures: the images.
        recipe: of the backbone.
        key: names the images in the cache.
        weights: of the backbone; see `features.backbone`.
    """
    network, digest = features.backbone(weights, recipe)

    def one(picture: Picture) -> tuple[NDArray[np.float32], bool]:
        image = picture.read()
        mask = lungs.segment(image, segmenter())
        try:
            frontal.check(mask)
            admitted = True
        except NotAChestXrayError:
            admitted = False
        return average(network(scale(crop(image, crop_box(mask, recipe), recipe), recipe)[None])[0]), admitted

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
        films: train radiographs as they came, upside down and cut in half.
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
