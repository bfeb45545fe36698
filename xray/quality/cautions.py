"""Cautions: reasons to doubt a verdict more than its score says, and one to look at a film before it is shared."""

from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.io.pixels import Flaw, GreyImage
from xray.networks.lungs import LungMask

# Largest share of the image's edge covered by lung; on a whole radiograph hardly any is.
TIGHT = 0.10
# Least shorter side in pixels; the training set has too few smaller radiographs to learn from.
SMALL = 160
# Marks are letters, arrows and metal: pure white, with edges sharper than those of any tissue.
# Longer side in pixels at which a thin arrow is still visible and noise is averaged.
LONGEST = 1024
# A pixel of a mark has at least the grey WHITE, beside one that is darker by STEP of the image's own range.
WHITE, STEP = 250, 0.30
# Share of the longer side by which the lung mask is eroded: a white border may touch its edge.
EDGE = 0.01
# Least number of such pixels, relative to the square root of the lungs' area: the length of a mark, not of a speck.
LEAST = 0.05

# Least deviation of the Laplacian of a crop, in greys. Measured: less than 1 % of 120 published radiographs are below
# it, three quarters of them blurred by 3 pixels, and 95 % of them by 6.
SHARP = 5.5
# Deviation of the noise in greys. Measured: below 2 for 98 % of 358 published radiographs, 6.5 the most; of 64 with
# noise of 25 a quarter changed a verdict, with noise of 5 one.
NOISY = 8.0
# In degrees. Measured: 3 % of 180 radiographs as published reach it, 92 % of them turned by 15 degrees, all by 20.
TILTED = 10
# The mean tilt of upright radiographs, as the left lung is the narrower one.
MEAN_TILT = 1.6


class Caution(StrEnum):
    """A reason to doubt a verdict, or to be careful with the film."""

    CHILD = "child"
    UPSIDE_DOWN = "upside_down"
    UNFAMILIAR = "unfamiliar"
    INVERTED = "inverted"
    TIGHT_CROP = "tight_crop"
    LOW_RESOLUTION = "low_resolution"
    MARKS = "marks"
    TILTED = "tilted"
    BLURRED = "blurred"
    NOISY = "noisy"
    STRAIGHTENED = "straightened"
    LEFT_PART = "left_part"
    RIGHT_PART = "right_part"
    TOP_PART = "top_part"
    BOTTOM_PART = "bottom_part"
    TEXT = "text"
    HEADER_WINDOW = Flaw.WINDOW.value
    HEADER_RESCALE = Flaw.RESCALE.value
    HEADER_TABLE = Flaw.TABLE.value
    HEADER_PADDING = Flaw.PADDING.value
    TRANSPARENCY = Flaw.TRANSPARENCY.value
    COMPRESSION = Flaw.COMPRESSION.value


CAUTIONS = {
    Caution.CHILD: "Looks like a child's radiograph: the models know children from one hospital only.",
    Caution.UPSIDE_DOWN: "Looks upside down: turn it and send it again.",
    Caution.UNFAMILIAR: "Unlike the radiographs that the models learned from: their answer is a guess.",
    Caution.INVERTED: "Came as a negative, and was inverted before it was read.",
    Caution.TIGHT_CROP: "The lungs touch the edge of the picture: a part of them may be missing.",
    Caution.LOW_RESOLUTION: "Very small: fine detail is missing.",
    Caution.MARKS: "Something white and sharp lies over the lungs, such as letters, an arrow or metal.",
    Caution.TILTED: "Tilted by ten degrees or more: have it straightened.",
    Caution.BLURRED: "Blurred: fine detail is missing.",
    Caution.NOISY: "Noisy: its grain hides fine detail.",
    Caution.STRAIGHTENED: "Came tilted, and was straightened before it was read.",
    Caution.LEFT_PART: "Came with another picture on its right: only the left part was read.",
    Caution.RIGHT_PART: "Came with another picture on its left: only the right part was read.",
    Caution.TOP_PART: "Came with another picture below it: only the top part was read.",
    Caution.BOTTOM_PART: "Came with another picture above it: only the bottom part was read.",
    Caution.TEXT: "Text is burnt into this radiograph, such as a name or a date: cover it before you share it.",
    Caution.HEADER_WINDOW: (
        "WindowCenter and WindowWidth would hide the picture: its own range of grey levels was used."
    ),
    Caution.HEADER_RESCALE: (
        "RescaleSlope and RescaleIntercept would hide the picture: its own range of grey levels was used."
    ),
    Caution.HEADER_TABLE: (
        "Its look-up table (LUTDescriptor, LUTData) would hide the picture: its own range of grey levels was used."
    ),
    Caution.HEADER_PADDING: "PixelPaddingValue would hide the picture, and was ignored.",
    Caution.TRANSPARENCY: "It is nearly transparent; the transparency was ignored.",
    Caution.COMPRESSION: "Compressed too far as a JPEG: fine detail is missing.",
}
# Where only a user's own models answered: nobody knows whether children were among their radiographs.
OWN_CAUTIONS = {
    Caution.CHILD: "Looks like a child's radiograph: did this model learn from children?",
    Caution.UNFAMILIAR: "Unlike the radiographs that the network below this model learned from: its answer is a guess.",
}


def words(caution: Caution, *, own: bool = False) -> str:
    """Return a caution in a sentence.

    Args:
        caution: one of them.
        own: whether only models of a user's own answered.
    """
    return OWN_CAUTIONS.get(caution, CAUTIONS[caution]) if own else CAUTIONS[caution]


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
        Caution.MARKS: marks_over_lungs(image, lungs),
        Caution.TILTED: is_tilted(lungs),
        Caution.NOISY: noise(image[_around(lungs.view(np.uint8), 0)]) > NOISY,
    }
    return tuple(caution for caution, holds in found.items() if holds)


def is_blurred(crop: GreyImage) -> bool:
    """Return whether a crop, as `preprocess.crop` makes it of a lung box, has no fine detail."""
    return float(cv2.Laplacian(crop, cv2.CV_32F).std()) < SHARP


def noise(image: GreyImage) -> float:
    """Estimate the deviation of the noise in an image, in greys.

    Source:
        J. Immerkaer, Fast Noise Variance Estimation, 1996, doi 10.1006/cviu.1996.0060.
    """
    second_difference = np.array([1, -2, 1], np.float32)
    differences = cv2.sepFilter2D(image, cv2.CV_16S, second_difference, second_difference)
    return float(np.sqrt(np.pi / 2) / 6 * cv2.norm(differences, cv2.NORM_L1) / image.size)


def is_tilted(lungs: LungMask) -> bool:
    """Return whether a radiograph is tilted so far that its verdict may suffer; see `tilt`."""
    return abs(tilt(lungs)) >= TILTED


def tilt(lungs: LungMask) -> int:
    """Return by how many degrees a radiograph is turned clockwise from upright; 0 where lungs are wider than tall.

    The long axes of both lungs lean towards each other, so that their mean stands upright.

    Args:
        lungs: bool, shape (height, width), True inside the lungs; not empty.
    """
    regions, _ = cv2.findContours(lungs.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    angles = []
    for region in sorted(regions, key=cv2.contourArea, reverse=True)[:2]:
        moments = cv2.moments(region)
        axis = np.degrees(np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])) / 2
        angles.append(axis % 180 - 90)
    return round(float(np.mean(angles)) - MEAN_TILT) if np.abs(angles).max() < 60 else 0


def marks_over_lungs(image: GreyImage, lungs: LungMask) -> bool:
    """Return whether a mark lies over the lungs.

    Args:
        image: grey, uint8, shape (height, width), white bones.
        lungs: bool, same shape.
    """
    factor = min(1.0, LONGEST / max(image.shape))
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    small = image if factor == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    width = max(3, 2 * round(EDGE * max(small.shape)) + 1)
    mask = np.asarray(cv2.resize(lungs.view(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    part = _around(mask, width)
    white = cv2.copyTo(cv2.threshold(small[part], WHITE - 1, 1, cv2.THRESH_BINARY)[1], mask[part])
    if not cv2.countNonZero(white):
        return False  # as for most radiographs; the rest takes five times as long
    dark, bright = np.percentile(small[::4, ::4], (1, 99))  # a sixteenth of the pixels is enough
    inside = cv2.erode(mask[part], np.ones((width, width), np.uint8))
    step = cv2.morphologyEx(small[part], cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    found = (inside > 0) & (white > 0) & (step > STEP * max(1.0, bright - dark))
    return bool(found.sum() > LEAST * np.sqrt(inside.sum()))


def _around(lungs: NDArray[np.uint8], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns of the lungs' bounding box, widened by a margin in pixels on each side."""
    left, top, width, height = cv2.boundingRect(lungs)
    return slice(max(top - margin, 0), top + height + margin), slice(max(left - margin, 0), left + width + margin)
