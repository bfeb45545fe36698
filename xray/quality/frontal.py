"""The gate: a first, coarse check for a frontal chest radiograph, by the shape of the lung mask alone.

Source:
    The limits were chosen on the validation radiographs and on CT, MRI and lateral images. The screen's card lists what
    they and the screen (xray/quality/out_of_distribution.py) refuse.
"""

import cv2
import numpy as np

from xray.errors import NotAChestXrayError, Phrase
from xray.networks.lungs import LungMask

SMALLEST_SHARE = 0.10  # of the image
SMALLEST_LUNG = 0.30  # of the area of both
SMALLEST_SOLIDITY = 0.82  # area divided by that of the convex hulls
NARROWEST, WIDEST = 0.4, 1.7  # height divided by width of both lungs together

ADVICE = Phrase("Send one whole frontal chest film, upright, without other pictures around it.")


def check(lungs: LungMask) -> None:
    """Refuse an image in which no pair of lungs was found.

    Args:
        lungs: bool, shape (height, width), True inside the lungs.

    Raises:
        NotAChestXrayError: with the reason.
    """
    share = float(lungs.mean())
    if share < SMALLEST_SHARE:
        raise NotAChestXrayError(
            "This does not look like a frontal chest radiograph: expected lungs that fill at least %(least)s%% of the "
            "picture, received one where %(share)s%% looks like lungs. %(advice)s",
            least=round(100 * SMALLEST_SHARE),
            share=round(100 * share),
            advice=ADVICE,
        )
    regions, _ = cv2.findContours(lungs.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = sorted((cv2.contourArea(region) for region in regions), reverse=True)
    if len(areas) < 2 or areas[1] < SMALLEST_LUNG * (areas[0] + areas[1]):
        raise NotAChestXrayError(
            "This does not look like a frontal chest radiograph: expected two lungs side by side, received one lung, "
            "or two of very different size, as on a lateral film. %(advice)s",
            advice=ADVICE,
        )
    solidity = sum(areas) / sum(cv2.contourArea(cv2.convexHull(region)) for region in regions)
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
