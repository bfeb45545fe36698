"""Cautions: reasons to doubt a verdict more than its score says."""

from enum import StrEnum

import numpy as np

from xray.io.pixels import GreyImage
from xray.networks.lungs import LungMask
from xray.quality import markers

# Largest share of the image's edge covered by lung; on a whole radiograph hardly any is.
TIGHT = 0.10
# Least shorter side in pixels; the training set has too few smaller radiographs to learn from.
SMALL = 160


class Caution(StrEnum):
    """A reason to doubt a verdict."""

    CHILD = "child"
    UPSIDE_DOWN = "upside_down"
    UNFAMILIAR = "unfamiliar"
    INVERTED = "inverted"
    TIGHT_CROP = "tight_crop"
    LOW_RESOLUTION = "low_resolution"
    MARKS = "marks"


CAUTIONS = {
    Caution.CHILD: "Looks like a child's film: the models know children from one hospital only.",
    Caution.UPSIDE_DOWN: "Looks upside down: turn it and send it again.",
    Caution.UNFAMILIAR: "Unlike the films that the models learned from: their answer is a guess.",
    Caution.INVERTED: "Came as a negative, and was turned back before it was read.",
    Caution.TIGHT_CROP: "The lungs touch the edge of the picture: a part of them may be missing.",
    Caution.LOW_RESOLUTION: "Very small: fine detail is missing.",
    Caution.MARKS: "Something white and sharp lies over the lungs, such as letters, an arrow or metal.",
}


def of_image(image: GreyImage, lungs: LungMask, *, inverted: bool) -> tuple[Caution, ...]:
    """Return the cautions that follow from the image and its lung mask, without the classification networks.

    Args:
        image: grey, uint8, shape (height, width), white bones.
        lungs: bool, same shape, True inside the lungs.
        inverted: whether the image came as a negative.
    """
    edge = np.concatenate([lungs[0], lungs[-1], lungs[:, 0], lungs[:, -1]])
    found = {
        Caution.INVERTED: inverted,
        Caution.TIGHT_CROP: bool(edge.mean() > TIGHT),
        Caution.LOW_RESOLUTION: min(image.shape) < SMALL,
        Caution.MARKS: markers.over_lungs(image, lungs),
    }
    return tuple(caution for caution, holds in found.items() if holds)
