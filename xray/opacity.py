"""The opacity map: where the network sees whitening of the lungs as radiologists marked it, and how much of them.

A 1×1 convolution on the backbone's features, taught with boxes that radiologists drew around opacities.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.networks.grad_cam import Cam, Heat, to_picture
from xray.networks.heads import Features, read_arrays
from xray.networks.lungs import SMALLEST_LUNG, LungMask, resized
from xray.networks.metadata import OpacityFacts
from xray.networks.preprocess import Box

# The names of what tables hold, after all their other columns.
COLUMNS = ("opacity_right_percent", "opacity_left_percent", "extent_score")
# The geographic extent score: 0 to 4 for each lung, by how much of it is opaque.
LARGEST_EXTENT = 8.0
# Longer side in pixels at which the map is measured: more than ten pixels for each place of the grid.
MEASURED = 192


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured on the map of one radiograph. Right and left are the patient's.

    Attributes:
        version: of the artefact.
        threshold: the probability from which a place counts as opaque, in (0, 1).
        opacity_right_percent: share of the right lung that is opaque, 0 to 100; None where there is no such lung.
        opacity_left_percent: the same of the left lung.
        extent_score: estimate of the geographic extent score, 0 to 8.
        extent_error: how far it is from the radiologists' score, on average; None where that was not measured.
        bilateral: the smaller lung's percentage over the larger one's, in [0, 1]; None without a lung on each side.
        peripheral: share of the opaque pixels that lie in the outer third of their lung, row by row, in [0, 1].
        lower: share of the opaque pixels that lie in the lower half of their lung, in [0, 1].

    `bilateral`, `peripheral` and `lower` are None where nothing is opaque.

    Source:
        The extent score: Cohen et al. 2020, arXiv:2005.11856, after Wong et al. 2020.
    """

    version: str
    threshold: float
    opacity_right_percent: float | None
    opacity_left_percent: float | None
    extent_score: float
    extent_error: float | None
    bilateral: float | None
    peripheral: float | None
    lower: float | None


def columns(measures: Measures | None) -> dict[str, float | None]:
    """Return the cells of a table, by COLUMNS; all None where no map was made."""
    return {name: getattr(measures, name, None) for name in COLUMNS}


@dataclass(frozen=True, eq=False)
class Opacity:
    """The opacity map of one radiograph.

    Attributes:
        grid: float32, the probability of each place of the backbone's grid, 0 to 1.
        box: the part of the image that the network saw, in pixels.
        lungs: bool, shape (height, width) of the image.
        mean: the mean probability inside the lungs.
        measures: what was measured on it.
    """

    grid: Cam
    box: Box
    lungs: LungMask
    mean: float
    measures: Measures

    def probability(self, shape: tuple[int, int]) -> Heat:
        """Return the map at a size: float32, 0 to 1, bilinear inside the lungs and 0 outside them.

        Args:
            shape: the height and width that are wanted; large, so made on demand.
        """
        return _laid(self.grid, self.box, self.lungs, shape)[0]


@dataclass(frozen=True, eq=False)
class OpacityMap:
    """The 1×1 convolution that makes the map.

    Attributes:
        facts: its threshold, and how the extent score follows from the mean probability.
        kernel: float32, shape (channels,).
        bias: float32, shape ().
    """

    facts: OpacityFacts
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path, facts: OpacityFacts, channels: int) -> "OpacityMap":
        """Read opacity.npz.

        Args:
            path: the file.
            facts: of the same artefact.
            channels: of the backbone's features.

        Raises:
            ModelError: other arrays, not float32, of other shapes, or not finite.
        """
        return cls(facts, **read_arrays(path, {"kernel": (channels,), "bias": ()}))

    def measure(self, features: Features, box: Box, lungs: LungMask) -> Opacity:
        """Map a radiograph and measure the map.

        Args:
            features: float32, shape (height, width, channels), block5_conv3 after its ReLU.
            box: the part of the image that the network saw.
            lungs: bool, of the image's shape, True inside the lungs.
        """
        logits = features @ self.kernel + self.bias
        grid = np.asarray((1 + np.tanh(logits / 2)) / 2, np.float32)  # the sigmoid, which so cannot overflow
        factor = min(1.0, MEASURED / max(lungs.shape))
        shape = (max(1, round(lungs.shape[0] * factor)), max(1, round(lungs.shape[1] * factor)))
        probability, inside = _laid(grid, box, lungs, shape)
        mean = float(probability[inside].mean()) if inside.any() else 0.0
        return Opacity(grid, box, lungs, mean, self._measures(probability, inside, mean))

    def _measures(self, probability: Heat, lungs: LungMask, mean: float) -> Measures:
        facts = self.facts
        opaque = lungs & (probability >= facts.threshold)
        right, left = split(lungs)
        percents = [100 * float(opaque[lung].mean()) if lung.any() else None for lung in (right, left)]
        both = [each for each in percents if each is not None]
        outer = _outer_third(right) | _outer_third(left[:, ::-1])[:, ::-1]
        marked = int((opaque & (right | left)).sum())

        def share(part: LungMask) -> float | None:
            return round(int((opaque & part).sum()) / marked, 4) if marked else None

        extent = float(np.clip(facts.extent_intercept + facts.extent_slope * mean, 0, LARGEST_EXTENT))
        return Measures(
            version=facts.version,
            threshold=facts.threshold,
            opacity_right_percent=None if percents[0] is None else round(percents[0], 1),
            opacity_left_percent=None if percents[1] is None else round(percents[1], 1),
            extent_score=round(extent, 2),
            extent_error=facts.extent_error,
            bilateral=round(min(both) / max(both), 4) if marked and len(both) == 2 else None,
            peripheral=share(outer),
            lower=share(_lower_half(right) | _lower_half(left)),
        )


def split(lungs: LungMask) -> tuple[LungMask, LungMask]:
    """Return the patient's right lung, which lies at the left of the image, and the left one.

    They are the two largest regions of the mask; a single region is cut at its narrowest column in the middle third of
    the image, so that lungs that touch are told apart, and a lung alone stays whole.

    Args:
        lungs: bool, shape (height, width), True inside the lungs.

    Returns:
        Two masks of the same shape; all False where there is no such lung.
    """
    _, labels, stats, centres = cv2.connectedComponentsWithStats(lungs.view(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    found = [label + 1 for label in areas.argsort()[::-1][:2] if areas[label] >= SMALLEST_LUNG * areas.max()]
    if len(found) == 2:
        first, second = sorted(found, key=lambda label: float(centres[label, 0]))
        return labels == first, labels == second
    region = labels == found[0] if found else lungs
    width = lungs.shape[1]
    cut = width // 3 + int(region.sum(axis=0)[width // 3 : width - width // 3].argmin())
    at_left = np.arange(width) < cut
    return region & at_left, region & ~at_left


def _laid(grid: Cam, box: Box, lungs: LungMask, shape: tuple[int, int]) -> tuple[Heat, LungMask]:
    """Bring the grid to an image of some size; return the map, and the lungs at that size."""
    inside = resized(lungs, shape)
    scaled = box.scaled(shape[0] / lungs.shape[0], shape[1] / lungs.shape[1])
    probability = to_picture(grid, scaled, shape)
    return np.multiply(probability, inside, out=probability), inside


def _outer_third(lung: LungMask) -> LungMask:
    """Return the outer third of each row of a lung whose outer side is at the left."""
    width = lung.shape[1]
    first, last = lung.argmax(axis=1), width - lung[:, ::-1].argmax(axis=1)
    return np.asarray(lung & (np.arange(width) + 0.5 < (first + (last - first) / 3)[:, None]))


def _lower_half(lung: LungMask) -> LungMask:
    """Return the lower half of a lung, by its height."""
    rows = np.flatnonzero(lung.any(axis=1))
    middle = (rows[0] + rows[-1] + 1) / 2 if rows.size else 0
    return np.asarray(lung & (np.arange(lung.shape[0]) + 0.5 >= middle)[:, None])
