"""The gate: a first, coarse check for a frontal chest radiograph, by the shape of the lung mask, in either polarity.

Radiographs displayed as negatives are detected and inverted, as the networks only learned white bones.

Source:
    The limits were chosen on the validation radiographs and on CT, MRI and lateral images. The screen's card lists what
    they and the screen (xray/quality/out_of_distribution.py) refuse.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from xray.errors import NotAChestXrayError, Phrase
from xray.io.pixels import GreyImage, rotate
from xray.networks.lungs import LungMask

SMALLEST_SHARE = 0.10  # of the image
SMALLEST_LUNG = 0.30  # of the area of both
SMALLEST_SOLIDITY = 0.82  # area divided by that of the convex hulls
NARROWEST, WIDEST = 0.4, 1.7  # height divided by width of both lungs together

ADVICE = Phrase("Send one whole frontal chest radiograph, upright, without other pictures around it.")

# Measured on 1,048 validation radiographs and their negatives: with these limits 0.2 % of the radiographs are inverted
# by mistake, and 95 % of the negatives are inverted or refused.
DOUBTFUL_CONTRAST = 0.1
CLEAR_CONTRAST = 0.6
# Degrees clockwise, quarter turns first: of a sideways radiograph a half turn may show lungs, too.
TRIED = (90, 270, 180)


class FrontalView(NamedTuple):
    """A frontal chest radiograph with white bones.

    Attributes:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, True inside the lungs.
        inverted: whether the image came as a negative.
    """

    image: GreyImage
    lungs: LungMask
    inverted: bool


def frontal_view(image: GreyImage, segment: Callable[[GreyImage], LungMask]) -> FrontalView:
    """Find the lungs in an image or, where these do not convince, in its negative.

    Args:
        image: grey, uint8, shape (height, width).
        segment: finds the lungs in such an image.

    Returns:
        The polarity in which the lungs are darker than their surroundings.

    Raises:
        NotAChestXrayError: no lungs in either polarity; with the reason for the image as it came, and a hint where
            lungs are found after a rotation.
    """
    lungs = segment(image)
    refusal = _refusal(lungs)
    if refusal or lung_contrast(image, lungs) < DOUBTFUL_CONTRAST:
        negative = np.asarray(255 - image, np.uint8)
        other = segment(negative)
        if not _refusal(other) and lung_contrast(negative, other) >= CLEAR_CONTRAST:
            return FrontalView(negative, other, inverted=True)
    if refusal:
        try:
            raise refusal.with_hint(_turn_to_upright(image, segment))
        finally:
            # The traceback holds this frame, and the frame this name: a reference cycle that kept 97 MB of a large
            # image until the next garbage collection.
            del refusal
    return FrontalView(image, lungs, inverted=False)


def lung_contrast(image: GreyImage, lungs: LungMask) -> float:
    """Return how much darker the lungs are than the tissue around and between them.

    Args:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, not empty.

    Returns:
        The difference of the means within the mask's rows and columns, in standard deviations of that part.
    """
    left, top, width, height = cv2.boundingRect(lungs.view(np.uint8))
    around = slice(top, top + height), slice(left, left + width)
    part, mask = image[around], lungs[around]
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    cells, inside = int(rows.sum()) * int(columns.sum()), cv2.countNonZero(mask.view(np.uint8))
    if inside == cells:
        return 0.0
    # Without a mask where none is needed, which takes a tenth of the time.
    used = None if cells == mask.size else np.outer(rows, columns).view(np.uint8)
    mean, deviation = (float(each[0, 0]) for each in cv2.meanStdDev(part, mask=used))
    within = cv2.sumElems(cv2.copyTo(part, mask.view(np.uint8)))[0] / inside
    outside = (mean * cells - within * inside) / (cells - inside)
    return (outside - within) / max(deviation, 1.0)


def _turn_to_upright(image: GreyImage, segment: Callable[[GreyImage], LungMask]) -> int:
    """Return the turn after which lungs are found in a refused image, in the order of TRIED; 0 where there is none.

    Of two quarter turns the one with the darker lungs: the right one for 182 of 236 sideways validation radiographs.
    """
    contrasts = {0: -np.inf}
    for turn in TRIED:
        if turn == 180 and len(contrasts) > 1:
            break
        rotated = rotate(image, turn)
        lungs = segment(rotated)
        if not _refusal(lungs):
            contrasts[turn] = lung_contrast(rotated, lungs)
    return max(contrasts, key=lambda turn: contrasts[turn])


def _refusal(lungs: LungMask) -> NotAChestXrayError | None:
    try:
        check(lungs)
    except NotAChestXrayError as error:
        return error.with_traceback(None)
    return None


def check(lungs: LungMask) -> None:
    """Refuse an image in which no pair of lungs was found.

    Args:
        lungs: bool, shape (height, width), True inside the lungs.

    Raises:
        NotAChestXrayError: with the reason.
    """
    share = cv2.countNonZero(lungs.view(np.uint8)) / lungs.size
    if share < SMALLEST_SHARE:
        raise NotAChestXrayError(
            "This does not look like a frontal chest radiograph: expected lungs that fill at least %(least)s%% of the "
            "picture, received one where %(share)s%% looks like lungs. %(advice)s",
            least=round(100 * SMALLEST_SHARE),
            share=round(100 * share),
            advice=ADVICE,
        )
    regions, _ = cv2.findContours(lungs.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    areas = sorted((cv2.contourArea(region) for region in regions), reverse=True)
    if len(areas) < 2 or areas[1] < SMALLEST_LUNG * (areas[0] + areas[1]):
        raise NotAChestXrayError(
            "This does not look like a frontal chest radiograph: expected two lungs side by side, received one "
            "lung, or two of very different size, as on a lateral radiograph. %(advice)s",
            advice=ADVICE,
        )
    # Lungs of a line's width have no area: they are refused by their share, or are no lungs.
    solidity = sum(areas) / max(sum(cv2.contourArea(cv2.convexHull(region)) for region in regions), 1.0)
    rows, columns = _extent(lungs, axis=1), _extent(lungs, axis=0)
    if solidity < SMALLEST_SOLIDITY or not NARROWEST <= rows / columns <= WIDEST:
        raise NotAChestXrayError(
            "This does not look like a frontal chest radiograph: expected two lungs of the usual shape, received a "
            "picture whose dark areas have another shape. %(advice)s",
            advice=ADVICE,
        )


def _extent(lungs: LungMask, axis: int) -> int:
    """Return the height (axis 1) or the width (axis 0) of both lungs together, in pixels."""
    lines = np.flatnonzero(lungs.any(axis=axis))
    return int(lines[-1] - lines[0]) + 1
