"""Films shown as negatives: found and turned back, since a network that learned white bones is lost on black ones."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from xray import gate
from xray.errors import NotAChestXrayError, Phrase
from xray.image import GreyImage
from xray.lungs import LungMask

# Measured on 1,048 validation films and their negatives: with these limits 0.2 % of the films are turned
# by mistake, and 95 % of the negatives are turned back or refused.
DOUBTFUL_CONTRAST = 0.1
CLEAR_CONTRAST = 0.6
# Measured on 400 films: 766 of 800 turned by a quarter are refused, and in 765 the lungs show once they are
# turned back; so they do in 49 of 86 refused CT slices, which is why the hint says no more than "may".
ON_ITS_SIDE = Phrase("It may be a film that lies on its side: turn it upright and send it again.")
TURNS = {
    cv2.ROTATE_90_CLOCKWISE: ON_ITS_SIDE,
    cv2.ROTATE_90_COUNTERCLOCKWISE: ON_ITS_SIDE,
    cv2.ROTATE_180: Phrase("It may be a film that stands upside down: turn it upright and send it again."),
}


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
        hint = _hint(image, segment)
        try:
            raise NotAChestXrayError("%(reason)s %(hint)s", reason=refusal, hint=hint) if hint else refusal
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
    box = np.ix_(lungs.any(axis=1), lungs.any(axis=0))
    part, inside = image[box].astype(np.float32), lungs[box]
    if inside.all():
        return 0.0
    return float((part[~inside].mean() - part[inside].mean()) / max(float(part.std()), 1.0))


def _hint(image: GreyImage, segment: Callable[[GreyImage], LungMask]) -> Phrase | None:
    """Say how a refused picture may lie; nothing where no turn brings lungs out."""
    for turn, hint in TURNS.items():
        if not _refusal(segment(np.asarray(cv2.rotate(image, turn), np.uint8))):
            return hint
    return None


def _refusal(lungs: LungMask) -> NotAChestXrayError | None:
    try:
        gate.check(lungs)
    except NotAChestXrayError as error:
        return error.with_traceback(None)
    return None
