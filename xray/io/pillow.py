"""TIFF, BMP, WebP and AVIF, by Pillow. The only importer of Pillow.

Pillow reads a header without decoding a pixel, so that the size is checked first.
"""

import warnings
from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from xray.errors import UnsupportedImageError, damaged
from xray.io import colour, exif
from xray.io.limits import Limits, check_size
from xray.io.pixels import Flaw, Pixels

FORMATS = {"TIFF", "BMP", "WebP", "AVIF"}
# The size is checked here, by limits of our own.
Image.MAX_IMAGE_PIXELS = None
# What Pillow raises on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RuntimeError)
_BYTES = {"RGBA": 4, "CMYK": 4, "PA": 4, "LA": 4, "P": 4, "I": 4, "F": 4}
# Colours of these are held so many times over while they are decoded: 25 million pixels took 340 to 510 MB.
_KINDS = {"TIFF": 4, "AVIF": 5, "WebP": 7}
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def read(data: bytes, kind: str, limits: Limits) -> tuple[Pixels, tuple[Flaw, ...]]:
    """Read a picture as grey, with its EXIF orientation applied.

    Args:
        data: the whole file.
        kind: one of FORMATS.
        limits: what is refused before decoding.

    Returns:
        uint8, or uint16 where the file holds more bits, shape (height, width); and what was passed over.

    Raises:
        UnreadableImageError: damaged or truncated.
        UnsupportedImageError: several pictures, fractions, or too small.
        ImageTooLargeError: too many pixels.
        NotAChestXrayError: a colour picture.
    """
    try:
        # Pillow warns of damage that it then raises, or that does not matter.
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=[kind]) as picture:
            cost = 3 if picture.mode in ("L", "1") else max(_BYTES.get(picture.mode, 3), _KINDS.get(kind, 3))
            within = replace(limits, pixels=limits.pixels * 3 // cost)
            check_size(picture.height, picture.width, within)
            _check_tiles(picture, limits)
            _check_alone(picture, kind)
            orientation = picture.getexif().get(exif.ORIENTATION, exif.UPRIGHT)
            picture.load()
            # A TIFF is turned when it is loaded.
            pixels = _pixels(picture, kind)
    except _DAMAGE as error:
        raise damaged("picture") from error
    pixels, flaws = colour.without_blind_alpha(pixels)
    upright = kind == "TIFF" or not exif.is_known(orientation)
    return exif.orient(colour.to_grey(pixels), exif.UPRIGHT if upright else orientation), flaws


def _check_tiles(picture: Image.Image, limits: Limits) -> None:
    """Refuse a TIFF of tiles larger than any image, which its decoder would allocate."""
    tags = getattr(picture, "tag_v2", {})
    height, width = tags.get(_TILE_LENGTH, 0), tags.get(_TILE_WIDTH, 0)
    if height and width:
        check_size(height, width, replace(limits, min_side=1))


def _check_alone(picture: Image.Image, kind: str) -> None:
    try:
        picture.seek(1)
    except EOFError:
        picture.seek(0)
        return
    raise UnsupportedImageError(
        "Expected one picture, received a %(format)s of several. Please export one.", format=kind
    )


def _pixels(picture: Image.Image, kind: str) -> Pixels:
    """Return the pixels as OpenCV orders them: grey, BGR or BGRA, uint8 or uint16."""
    if picture.mode in ("L", "I;16", "I;16L", "I;16B"):
        pixels = np.asarray(picture)
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if picture.mode in ("I", "F"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > np.iinfo(np.uint16).max or np.any(values != np.rint(values)):
            raise UnsupportedImageError(
                "Expected 8 or 16 bits a pixel, received a %(format)s of 32. Please export it as 16 bits.", format=kind
            )
        return values.astype(np.uint16)
    if picture.mode == "1":
        return np.asarray(picture.convert("L"))
    if picture.has_transparency_data:
        return np.asarray(cv2.cvtColor(np.asarray(picture.convert("RGBA")), cv2.COLOR_RGBA2BGRA))
    return np.asarray(cv2.cvtColor(np.asarray(picture.convert("RGB")), cv2.COLOR_RGB2BGR))
