"""Is this a frontal chest radiograph? A first, coarse answer from the lung mask alone."""

import numpy as np

from xray.errors import NotAChestXrayError
from xray.image import GreyImage
from xray.lungs import LungMask

# Measured on frontal films kept apart and on CT, MRI and lateral pictures: see training/README.md.
SMALLEST_SHARE = 0.06
SMALLEST_SIDE = 0.2


def check(image: GreyImage, lungs: LungMask) -> None:
    """Refuse a picture in which no pair of lungs was found.

    Args:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, True inside the lungs.

    Raises:
        NotAChestXrayError: with the reason.
    """
    share = float(lungs.mean())
    if share < SMALLEST_SHARE:
        raise NotAChestXrayError(
            "No lungs were found in this picture. Expected a frontal chest radiograph whose lungs fill at least "
            f"{SMALLEST_SHARE:.0%} of the picture; received one where they would fill {share:.0%}. "
            "Send the whole film, upright, without other pictures around it."
        )
    columns = lungs.sum(axis=0)
    middle = int(np.flatnonzero(columns).mean())
    smaller = min(int(columns[:middle].sum()), int(columns[middle:].sum())) / int(columns.sum())
    if smaller < SMALLEST_SIDE:
        raise NotAChestXrayError(
            "Only one lung was found in this picture. Expected a frontal chest radiograph with both lungs; received "
            f"one with {smaller:.0%} of the lung area on the smaller side. Lateral films and half films are not read."
        )
