"""Conversion to grey, and the check that refuses colour: radiographs are grey, photographs and screenshots are not."""

import cv2
import numpy as np

from xray.errors import NotAChestXrayError
from xray.io.pixels import Flaw, Pixels

# Images are shrunk to an eighth before the check, so that the coloured fringes of letters do not count.
SHRINK = 8
# Rows that are looked at together.
ROWS = 128
# Least difference, of 255, between the strongest and the weakest of red, green and blue of a coloured pixel, after
# the tint is removed.
COLOURED = 32
# Largest coloured share of a radiograph. Measured: 0 for all 11,516 radiographs of the manifest (stored grey) and for
# the 48 validation radiographs as published; 0 for these 48 with a tint; at most 0.18 with six broad arrows, a frame,
# a caption and a bar across the top drawn in strong colours. Five photographs, two of them scikit-learn's: 0.22 to
# 0.79.
LARGEST_SHARE = 0.20
# Least mean opacity, in [0, 1]: an alpha channel below it hides the radiograph, as one of zeros does.
LEAST_OPACITY = 0.1


def without_blind_alpha(pixels: Pixels) -> tuple[Pixels, tuple[Flaw, ...]]:
    """Remove an alpha channel that would hide the picture; return the rest, and what was passed over.

    Args:
        pixels: as for `to_grey`.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        if cv2.mean(pixels)[3] < LEAST_OPACITY * np.iinfo(pixels.dtype).max:
            return np.ascontiguousarray(pixels[..., :3]), (Flaw.TRANSPARENCY,)
    return pixels, ()


def to_grey(pixels: Pixels, reduction: int = 1) -> Pixels:
    """Convert a decoded image to grey, after checking that it is not a colour picture.

    Colours become luma. Transparent parts become black, like the collimated border of a radiograph: white would read
    as bone.

    Args:
        pixels: grey, BGR or BGRA, 8 or 16 bits, as OpenCV decodes them.
        reduction: the factor by which the decoder shrank the image already.

    Returns:
        As many bits, shape (height, width).

    Raises:
        NotAChestXrayError: a colour picture.
    """
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 3 and _is_grey(pixels):
        return np.asarray(cv2.extractChannel(pixels, 0))
    shrink = SHRINK // reduction
    rows, columns = (max(1, side // shrink) for side in pixels.shape[:2])
    # By a whole number, which takes a quarter of the time.
    whole = pixels[: rows * shrink, : columns * shrink]
    check(np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA))[..., :3])
    if pixels.shape[2] == 3:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
    opacity = pixels[..., 3]
    luma = cv2.cvtColor(pixels, cv2.COLOR_BGRA2GRAY)
    return np.asarray(cv2.multiply(luma, opacity, scale=1 / np.iinfo(opacity.dtype).max))


def _is_grey(pixels: Pixels) -> bool:
    """Whether blue, green and red are the same in every pixel: grey stored as colour, as in many radiographs.

    Looked at in parts: no copy of a large image is made, and few rows tell that an image has colours.
    """
    for start in range(0, pixels.shape[0], ROWS):
        blue, green, red = cv2.split(pixels[start : start + ROWS])
        if not (np.array_equal(blue, green) and np.array_equal(green, red)):
            return False
    return True


def check(small: Pixels) -> None:
    """Refuse a colour picture; coloured arrows or captions, and one tint over the whole radiograph, pass.

    Args:
        small: blue, green, red, 8 or 16 bits, shape (height, width, 3), shrunk to an eighth.

    Raises:
        NotAChestXrayError: more than a fifth of it is clearly coloured.
    """
    channels = cv2.split(small.astype(np.float32) * (255 / np.iinfo(small.dtype).max))
    # The median keeps marks out of the tint; the brighter half keeps out the black border, which has no tint.
    grey = np.add.reduce(channels) / 3
    bright = grey >= np.median(grey)
    tint = np.array([max(np.median(channel[bright]), 1) for channel in channels], np.float32)
    untinted = [channel * share for channel, share in zip(channels, tint.mean() / tint, strict=True)]
    coloured = np.maximum.reduce(untinted) - np.minimum.reduce(untinted) > COLOURED
    if coloured.mean() > LARGEST_SHARE:
        raise NotAChestXrayError(
            "Expected a grey radiograph, received a picture of which %(share)s%% is coloured, such as a photograph or "
            "a screenshot. Please send the radiograph itself, as it was exported.",
            share=round(100 * coloured.mean()),
        )
