"""Letters, arrows and metal over the lungs: white to the last grey, with edges sharper than any tissue's."""

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.io.pixels import GreyImage
from xray.networks.lungs import LungMask

# Pictures are judged at a size at which a thin arrow still shows and noise is averaged.
LONGEST = 1024
# Whiter than this, and next to something darker by this share of the film's own range of greys.
WHITE, STEP = 250, 0.30
# Of the longer side, that the lungs are shrunk by: a white film border may touch their edge.
EDGE = 0.01
# Least number of such pixels, in square roots of the lungs' area: the length of a mark rather than a speck.
LEAST = 0.05


def over_lungs(image: GreyImage, lungs: LungMask) -> bool:
    """Tell whether something white and sharp lies over the lungs.

    Args:
        image: grey, uint8, shape (height, width), white bones.
        lungs: bool, same shape.
    """
    factor = min(1.0, LONGEST / max(image.shape))
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    film = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    dark, bright = np.percentile(film[::4, ::4], (1, 99))  # a sixteenth tells as well
    width = max(3, 2 * round(EDGE * max(film.shape)) + 1)
    near = np.asarray(cv2.resize(lungs.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    # Only round the lungs is there anything to be found.
    part = _around(near, width)
    inside = cv2.erode(near[part], np.ones((width, width), np.uint8))
    step = cv2.morphologyEx(film[part], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    found = (inside > 0) & (film[part] >= WHITE) & (step > STEP * max(1.0, bright - dark))
    return bool(found.sum() > LEAST * np.sqrt(inside.sum()))


def _around(lungs: NDArray[np.uint8], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns of the lungs, and so many pixels on each side."""
    left, top, width, height = cv2.boundingRect(lungs)
    return slice(max(top - margin, 0), top + height + margin), slice(max(left - margin, 0), left + width + margin)
