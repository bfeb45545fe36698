"""One radiograph on its way through the networks, every step kept: what the page "How it works" shows.

Each step is that of `xray.analysis`, called one by one and only when it is asked for.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xray.io import image
from xray.io.pixels import GreyImage
from xray.networks import lungs, preprocess
from xray.networks.heads import Features, Head, average
from xray.networks.lungs import LungMask
from xray.networks.metadata import Check
from xray.networks.preprocess import Box, Recipe
from xray.prediction import Prediction, predict
from xray.quality import polarity
from xray.quality.polarity import Film
from xray.registry import Registry

Numbers = NDArray[np.float32]

# Of the crop: so many rows and columns of numbers are shown as numbers.
PATCH = 6
# How many of the features that speak for an answer, and of those against it, are shown.
STRONGEST = 6


@dataclass(frozen=True)
class Share:
    """What one feature adds to the difference of the two logits.

    Attributes:
        channel: its number among the features.
        mean: how strong it is on this film: the mean of its map.
        weight: what the head learned to multiply it with.
    """

    channel: int
    mean: float
    weight: float

    @property
    def product(self) -> float:
        """What it adds."""
        return self.mean * self.weight


@dataclass(frozen=True, eq=False)
class Lesson:
    """One radiograph, one model.

    Attributes:
        data: the file's bytes.
        registry: the networks.
        head: the model.
    """

    data: bytes
    registry: Registry
    head: Head

    @property
    def recipe(self) -> Recipe:
        """How the network wants its input."""
        return self.registry.backbone.recipe

    @cached_property
    def image(self) -> GreyImage:
        """The decoded picture, as large as anything needs it.

        Raises:
            ImageError: it cannot be read.
        """
        return image.load(self.data).image

    @cached_property
    def film(self) -> Film:
        """The film with white bones, and its lungs.

        Raises:
            NotAChestXrayError: no lungs were found.
        """
        return polarity.as_film(self.image, lambda each: lungs.segment(each, self.registry.segmenter))

    @cached_property
    def small(self) -> Numbers:
        """What the lung network sees: shape (128, 128)."""
        return lungs.network_input(self.film.image)[:, :, 0]

    @cached_property
    def probability(self) -> Numbers:
        """What the lung network says of each of its pixels: shape (128, 128), 0 to 1."""
        return np.asarray(self.registry.segmenter(lungs.network_input(self.film.image)[None])[0, :, :, 0])

    @property
    def mask(self) -> LungMask:
        """Where the lungs are."""
        return self.film.lungs

    @property
    def contrast(self) -> float:
        """How much darker the lungs are than what lies around them, in standard deviations."""
        return polarity.lung_contrast(self.film.image, self.mask)

    @property
    def box(self) -> Box:
        """The part that the network sees."""
        return preprocess.crop_box(self.mask, self.recipe)

    @cached_property
    def crop(self) -> GreyImage:
        """That part, squashed to a square, its contrast stretched."""
        return preprocess.crop(self.film.image, self.box, self.recipe)

    @cached_property
    def scaled(self) -> Numbers:
        """The network's input: shape (size, size, 3)."""
        return preprocess.preprocess(self.film.image, self.mask, self.recipe)

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column where the shown patch of numbers begins: in the middle of the left half."""
        return self.recipe.size // 2, self.recipe.size // 4

    @property
    def greys(self) -> list[list[float]]:
        """The crop's grey values in that patch, row by row."""
        return self._patch(self.crop)

    @property
    def inputs(self) -> list[list[float]]:
        """The network's input in that patch, row by row."""
        return self._patch(self.scaled[:, :, 0])

    def _patch(self, numbers: NDArray[np.uint8] | Numbers) -> list[list[float]]:
        row, column = self.corner
        return [[float(value) for value in line[column : column + PATCH]] for line in numbers[row : row + PATCH]]

    @cached_property
    def features(self) -> Features:
        """What the backbone makes of it: shape (rows, columns, channels)."""
        return np.asarray(self.registry.backbone.network(self.scaled[None])[0])

    @cached_property
    def pooled(self) -> Numbers:
        """One number for each feature: how strong it is on this film."""
        return average(self.features)

    @cached_property
    def weights(self) -> Numbers:
        """What each feature counts for the positive label and against the other: float32, shape (channels,)."""
        return self.head.kernel @ self._towards

    @property
    def _towards(self) -> Numbers:
        """The difference of the two logits that the lesson follows, as what each counts."""
        return np.array(
            [1 if label == self.head.facts.positive else -1 for label in self.head.facts.labels], np.float32
        )

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """What each feature adds, in the order of what it adds, the largest first."""
        products = self.pooled * self.weights
        order = np.argsort(-products)
        return tuple(Share(int(i), float(self.pooled[i]), float(self.weights[i])) for i in order)

    @property
    def strongest(self) -> tuple[Share, ...]:
        """The features that speak most for the positive class, then those most against it."""
        return (*self.shares[:STRONGEST], *self.shares[: -STRONGEST - 1 : -1])

    @property
    def others(self) -> float:
        """What all the other features add together."""
        return sum(share.product for share in self.shares[STRONGEST:-STRONGEST])

    @cached_property
    def logit(self) -> float:
        """The positive class's logit less the other's."""
        return float(self.head.logits(self.features) @ self._towards)

    @property
    def bias(self) -> float:
        """What the head adds whatever the film."""
        return self.logit - sum(share.product for share in self.shares)

    @property
    def checks(self) -> tuple[tuple[Check, float], ...]:
        """The screen's questions, each with its answer on this film."""
        screen = self.registry.screen
        scores = screen.scores(self.pooled)
        return tuple((check, float(score)) for check, score in zip(screen.facts.checks, scores, strict=True))

    @cached_property
    def prediction(self) -> Prediction:
        """What the model says, and where it saw evidence."""
        return predict(self.head, self.features, self.box, self.mask)
