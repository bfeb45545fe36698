"""One radiograph with every step of its analysis, for the page "How it works".

Each step is that of `xray.analysis`, computed when it is first needed.
"""

from collections.abc import Sequence
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
from xray.quality import frame, frontal
from xray.quality.frontal import FrontalView
from xray.registry import Registry

Numbers = NDArray[np.float32]

# Rows and columns of the crop that are shown as numbers.
PATCH = 6
# The radiograph can be covered in so many rows and columns of fields.
FIELDS = 10
# Number of features shown for the positive label, and of those against it.
STRONGEST = 6


@dataclass(frozen=True)
class Area:
    """A rectangle of the radiograph; its edges are shares of the width and height, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def of_field(cls, number: int) -> "Area":
        """Return a field; its number goes from 0 to FIELDS² - 1, row by row."""
        row, column = divmod(number, FIELDS)
        return cls(column / FIELDS, row / FIELDS, (column + 1) / FIELDS, (row + 1) / FIELDS)

    @classmethod
    def read(cls, text: str) -> "Area | None":
        """Return the rectangle of four numbers with commas between; None where they are none."""
        try:
            left, top, right, bottom = map(float, text.split(","))
        except ValueError:
            return None
        return cls(left, top, right, bottom) if 0 <= left < right <= 1 and 0 <= top < bottom <= 1 else None


@dataclass(frozen=True)
class Share:
    """The contribution of one feature to the logit.

    Attributes:
        channel: the number of the feature.
        mean: its pooled value on this radiograph.
        weight: its weight in the head.
    """

    channel: int
    mean: float
    weight: float

    @property
    def product(self) -> float:
        """The contribution."""
        return self.mean * self.weight


@dataclass(frozen=True, eq=False)
class Lesson:
    """The analysis of one radiograph by one model, step by step.

    Attributes:
        data: the file's bytes.
        registry: the networks.
        head: of the model.
    """

    data: bytes
    registry: Registry
    head: Head

    @property
    def recipe(self) -> Recipe:
        """The preprocessing of the backbone."""
        return self.registry.backbone.recipe

    @cached_property
    def image(self) -> GreyImage:
        """The decoded image, without wide borders and pictures beside it.

        Raises:
            ImageError: it cannot be read.
        """
        decoded = image.load(self.data)
        film, _ = frame.find(decoded.image, self._segment)
        return decoded.crop(*film).image

    @cached_property
    def film(self) -> FrontalView:
        """The radiograph with white bones, and its lungs.

        Raises:
            NotAChestXrayError: no lungs were found.
        """
        return frontal.frontal_view(self.image, self._segment)

    def _segment(self, picture: GreyImage) -> LungMask:
        return lungs.segment(picture, self.registry.segmenter)

    @cached_property
    def small(self) -> Numbers:
        """The input of the lung network: shape (128, 128)."""
        return lungs.network_input(self.film.image)[:, :, 0]

    @cached_property
    def probability(self) -> Numbers:
        """The output of the lung network: shape (128, 128), 0 to 1."""
        return np.asarray(self.registry.segmenter(lungs.network_input(self.film.image)[None])[0, :, :, 0])

    @property
    def mask(self) -> LungMask:
        """The lung mask."""
        return self.film.lungs

    @property
    def contrast(self) -> float:
        """How much darker the lungs are than their surroundings, in standard deviations."""
        return frontal.lung_contrast(self.film.image, self.mask)

    @property
    def box(self) -> Box:
        """The part of the image that the backbone sees."""
        return preprocess.crop_box(self.mask, self.recipe)

    @cached_property
    def crop(self) -> GreyImage:
        """That part, resized to a square, its contrast stretched."""
        return preprocess.crop(self.film.image, self.box, self.recipe)

    @cached_property
    def scaled(self) -> Numbers:
        """The input of the backbone: shape (size, size, 3)."""
        return preprocess.scale(self.crop, self.recipe)

    @property
    def corner(self) -> tuple[int, int]:
        """Row and column where the patch of numbers begins: in the middle of the left half."""
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
        """The features of the backbone: shape (rows, columns, channels)."""
        return np.asarray(self.registry.backbone.network(self.scaled[None])[0])

    @cached_property
    def pooled(self) -> Numbers:
        """The pooled value of each feature: shape (channels,)."""
        return average(self.features)

    @property
    def linear(self) -> bool:
        """Whether the logit is a plain sum of features times weights: not for three labels that exclude each other."""
        return self.head.facts.is_pair or not self.head.facts.exclusive

    @cached_property
    def weights(self) -> Numbers:
        """The weight of each feature for the positive label and against the others: float32, shape (channels,)."""
        return self.head.kernel @ self._gradient

    @property
    def _gradient(self) -> Numbers:
        """The derivative of `logit` with respect to the logit of each label."""
        own = self.head.facts.labels.index(self.head.facts.positive)
        scores = self.head.scores(self.features)
        others = -scores / (1 - scores[own]) if self.head.facts.exclusive else np.zeros(len(scores))
        others[own] = 1
        return others.astype(np.float32)

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        """The contributions of the features, the largest first."""
        products = self.pooled * self.weights
        order = np.argsort(-products)
        return tuple(Share(int(i), float(self.pooled[i]), float(self.weights[i])) for i in order)

    @property
    def strongest(self) -> tuple[Share, ...]:
        """The largest contributions for the positive label, then the largest against it."""
        return (*self.shares[:STRONGEST], *self.shares[: -STRONGEST - 1 : -1])

    @property
    def others(self) -> float:
        """The sum of all other contributions."""
        return sum(share.product for share in self.shares[STRONGEST:-STRONGEST])

    @cached_property
    def logit(self) -> float:
        """The log-odds of the positive label times the temperature: of a pair, the difference of the two logits."""
        logits, facts = self.head.logits(self.features).astype(np.float64), self.head.facts
        positive = np.array([label == facts.positive for label in facts.labels])
        own = float(logits[positive][0])
        if not facts.exclusive:
            return own
        return own - facts.temperature * float(np.logaddexp.reduce(logits[~positive] / facts.temperature))

    @property
    def bias(self) -> float:
        """What the head adds to the contributions."""
        return self.logit - sum(share.product for share in self.shares)

    @property
    def checks(self) -> tuple[tuple[Check, float], ...]:
        """The checks of the out-of-distribution screen, each with its score."""
        screen = self.registry.screen
        scores = screen.scores(self.pooled)
        return tuple((check, float(score)) for check, score in zip(screen.facts.checks, scores, strict=True))

    @cached_property
    def prediction(self) -> Prediction:
        """The prediction with its heat map."""
        return predict(self.head, self.features, self.box, self.mask)

    def covered(self, areas: Sequence[Area]) -> Prediction | None:
        """Predict with parts of the image in its mean grey; the lungs and the box stay as they were found.

        Args:
            areas: the parts.

        Returns:
            The prediction; None where nothing is covered.

        Raises:
            NotAChestXrayError: no lungs were found.
        """
        if not areas:
            return None
        image, (height, width) = self.film.image.copy(), self.film.image.shape
        for area in areas:
            rows = slice(round(area.top * height), round(area.bottom * height))
            image[rows, round(area.left * width) : round(area.right * width)] = self.film.image.mean()
        crop = preprocess.crop(image, self.box, self.recipe)
        features = self.registry.backbone.network(preprocess.scale(crop, self.recipe)[None])[0]
        return predict(self.head, features, self.box, self.mask)
