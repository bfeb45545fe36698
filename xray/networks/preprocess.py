"""Crop and intensity scaling: from a radiograph and its lungs to the backbone's input."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.errors import ModelError
from xray.io.pixels import GreyImage
from xray.networks.lungs import LungMask

WHOLE_IMAGE = "whole-image"
LUNG_BOX = "lung-box"

# The lung box is widened on each side by this share of its height or width, so that the diaphragm, the apices and
# an imperfect mask stay inside.
MARGIN = 0.06
# Burnt-in letters and collimator edges have extreme values; they must not set the contrast of the lungs.
DARKEST_PERCENT, BRIGHTEST_PERCENT = 1.0, 99.0
# Half of the training radiographs are published at 224 px, their lungs at about 160 px. Sharper ones are reduced to
# that, or the network could tell the publisher by sharpness.
DETAIL = 160


@dataclass(frozen=True)
class Recipe:
    """How a radiograph becomes the network's input; stored with every artefact.

    Attributes:
        name: `whole-image` (the image resized to a square, divided by 255: the reference articles' recipe) or
            `lung-box` (the box around the lungs resized to a square, percentile stretch, mean 0 and deviation 1).
        size: side of the square in pixels; a multiple of 16, as VGG16 halves it four times before `block5_conv3`.
    """

    name: str
    size: int

    def __post_init__(self) -> None:
        """Refuse an unknown name, and a size that VGG16 cannot halve four times."""
        if self.name not in (WHOLE_IMAGE, LUNG_BOX) or self.size < 32 or self.size % 16:
            raise ModelError(
                f"Expected the recipe {WHOLE_IMAGE!r} or {LUNG_BOX!r} and a size that is a multiple of 16. "
                f"Received: {self.name!r}, {self.size!r}. Mend the artefact's metadata.json by `make models`."
            )


class Box(NamedTuple):
    """A rectangle of an image in pixels; bottom and right are exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    def scaled(self, down: float, across: float) -> "Box":
        """Return the same part of a resized image, at least a pixel large.

        Args:
            down: the new height over the old one.
            across: the new width over the old one.
        """
        top, left = round(self.top * down), round(self.left * across)
        return Box(top, max(round(self.bottom * down), top + 1), left, max(round(self.right * across), left + 1))


def crop_box(lungs: LungMask, recipe: Recipe) -> Box:
    """Return the part of the image that the network sees.

    Args:
        lungs: bool, shape (height, width), True inside the lungs.
        recipe: `whole-image` takes all of the image, `lung-box` the lungs with a margin.

    Returns:
        The box; the whole image where the mask is empty.
    """
    height, width = lungs.shape
    rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
    if recipe.name == WHOLE_IMAGE or rows.size == 0:
        return Box(0, height, 0, width)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    tall, wide = round(MARGIN * (bottom - top)), round(MARGIN * (right - left))
    return Box(max(top - tall, 0), min(bottom + tall, height), max(left - wide, 0), min(right + wide, width))


def crop(image: GreyImage, box: Box, recipe: Recipe) -> GreyImage:
    """Crop the box, resize it to the recipe's square and stretch its contrast.

    Args:
        image: grey, uint8, shape (height, width).
        box: the part to keep.
        recipe: gives the size; `lung-box` also reduces the detail to 160 px a side and stretches the 1st to the 99th
            percentile to 0..255.

    Returns:
        uint8, shape (size, size).
    """
    part = image[box.top : box.bottom, box.left : box.right]
    if recipe.name == WHOLE_IMAGE:
        return _resize(part, recipe.size, recipe.size)
    coarse = _resize(part, min(part.shape[0], DETAIL), min(part.shape[1], DETAIL))
    square = _resize(coarse, recipe.size, recipe.size)
    dark, bright = np.percentile(square, (DARKEST_PERCENT, BRIGHTEST_PERCENT))
    stretched = (square.astype(np.float32) - dark) * (255.0 / max(bright - dark, 1.0))
    return np.asarray(np.clip(np.rint(stretched), 0, 255), np.uint8)


def scale(square: NDArray[np.uint8] | NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32]:
    """Scale a crop's intensities to what the network was trained on.

    Args:
        square: shape (size, size), values 0 to 255; float32 where augmentation made it so.
        recipe: `whole-image` divides by 255; `lung-box` gives mean 0 and deviation 1.

    Returns:
        float32, shape (size, size, 3), grey repeated.
    """
    values = square.astype(np.float32)
    if recipe.name == WHOLE_IMAGE:
        values = values / 255.0
    else:
        values = (values - values.mean()) / max(float(values.std()), 1.0)
    return np.asarray(cv2.merge([values] * 3), np.float32)


def _resize(part: GreyImage, height: int, width: int) -> GreyImage:
    """Average when shrinking (no moiré from ribs or grids), interpolate when enlarging."""
    shrinks = part.shape[0] > height or part.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (width, height), interpolation=way), np.uint8)
