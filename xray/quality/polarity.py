"""Films shown as negatives: found and turned back, since a network that learned white bones is lost on black ones."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from xray.errors import NotAChestXrayError
from xray.io.pixels import GreyImage, rotate
from xray.networks.lungs import LungMask
from xray.quality import frontal

# Measured on 1,048 validation films and their negatives: with these limits 0.2 % of the films are turned
# by mistake, and 95 % of the negatives are turned back or refused.
DOUBTFUL_CONTRAST = 0.1
CLEAR_CONTRAST = 0.6
# A quarter before a half: a film on its side may show lungs upside down, too.
TRIED = (90, 270, 180)


class Film(NamedTuple):
    """A frontal chest radiograph with white bones.

    Attributes:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, True inside the lungs.
        inverted: whether the picture came as a negative and was turned back.
    """

    image: GreyImage
    lungs: LungMask
    inverted: bool


def as_film(image: GreyImage, segment: Callable[[GreyImage], LungMask]) -> Film:
    """Find the lungs, in the picture or, where it does not convince, in its negative.

    Args:
        image: grey, uint8, shape (height, width).
        segment: finds the lungs in such a picture.

    Returns:
        The film, of the polarity in which the lungs stand out dark.

    Raises:
        NotAChestXrayError: in neither polarity; the reason is that of the picture as it came, with a hint where
            lungs show once it is turned.
    """
    lungs = segment(image)
    refusal = _refusal(lungs)
    if refusal or lung_contrast(image, lungs) < DOUBTFUL_CONTRAST:
        negative = np.asarray(255 - image, np.uint8)
        other = segment(negative)
        if not _refusal(other) and lung_contrast(negative, other) >= CLEAR_CONTRAST:
            return Film(negative, other, inverted=True)
    if refusal:
        try:
            raise refusal.that_may_be_upright_after(_upright(image, segment))
        finally:
            # An error knows where it was raised: here, where it is known by name. In that circle 97 MB of a large
            # picture lay about until Python looked for circles.
            del refusal
    return Film(image, lungs, inverted=False)


def lung_contrast(image: GreyImage, lungs: LungMask) -> float:
    """Return how much darker the lungs are than what lies around and between them.

    Args:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, not empty.

    Returns:
        The difference of the means inside the mask's bounding box, in standard deviations of that box.
    """
    rows, columns = lungs.any(axis=1), lungs.any(axis=0)
    cells, inside = int(rows.sum()) * int(columns.sum()), int(lungs.sum())
    if inside == cells:
        return 0.0
    mean, deviation = (float(each[0, 0]) for each in cv2.meanStdDev(image, mask=np.outer(rows, columns).view(np.uint8)))
    within = float(cv2.mean(image, mask=np.ascontiguousarray(lungs).view(np.uint8))[0])
    around = (mean * cells - within * inside) / (cells - inside)
    return (around - within) / max(deviation, 1.0)


def _upright(image: GreyImage, segment: Callable[[GreyImage], LungMask]) -> int:
    """Return the turn of a refused picture that brings lungs out, a quarter before a half; 0 where none does.

    Of two quarters the one with the darker lungs: the right one for 182 of 236 validation films on their side.
    """
    contrasts = {0: -np.inf}
    for turn in TRIED:
        if turn == 180 and len(contrasts) > 1:
            break
        picture = rotate(image, turn)
        lungs = segment(picture)
        if not _refusal(lungs):
            contrasts[turn] = lung_contrast(picture, lungs)
    return max(contrasts, key=lambda turn: contrasts[turn])


def _refusal(lungs: LungMask) -> NotAChestXrayError | None:
    try:
        frontal.check(lungs)
    except NotAChestXrayError as error:
        return error.with_traceback(None)
    return None
