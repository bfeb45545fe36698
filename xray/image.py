"""From the bytes of a file to a grey picture: the one door for pictures, in training and in serving.

The container (PNG chunks, JPEG segments) is walked before anything is decoded, because OpenCV allocates
whatever a header asks for and returns a full-size picture for a JPEG that was cut in the middle.
"""

import re
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from xray import colour, jpeg, png
from xray.deep import Deep
from xray.errors import ImageTooLargeError, Phrase, UnreadableImageError, UnsupportedImageError, damaged
from xray.limits import DEFAULT_LIMITS, Limits

GreyImage = npt.NDArray[np.uint8]
# Degrees clockwise by which a sender may have a film turned before it is read.
TURNS = (0, 90, 180, 270)

# DICOM stands first: the 128 bytes before its mark are free, and may imitate another format.
_FORMATS = {
    "DICOM": rb".{128}DICM",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF.{4}WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "BMP": rb"BM.{4}\0{4}",
    "SVG": rb"(\xef\xbb\xbf)?\s*(<(\?xml|!--|!DOCTYPE svg)[^\0]{0,1000}?)?<svg\b",
    "PDF": rb"%PDF-",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    Phrase("HEIC or AVIF"): rb".{4}ftyp(hei|hev|mif|msf|avi)",
    "ZIP": rb"PK\x03\x04",
}

# Where a PNG says of how many bits its samples are (specification, third edition, section 11.2.1).
_PNG_DEPTH = 24

# EXIF orientation: (swap rows and columns first, then row step, column step).
# Source: TIFF 6.0, section 8, tag Orientation.
_ORIENTATIONS = {
    1: (False, 1, 1),
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> GreyImage:
    """Read a PNG, JPEG or DICOM radiograph.

    The format is told by the first bytes, never by a name or a content type. EXIF orientation is
    applied; colour pictures are refused, the colours of others become luma; transparent parts become
    black, as the collimated border of a film is (white would read as bone); 16 bits are stretched to the
    picture's own range.

    Args:
        data: the whole file.
        limits: what is refused unread.

    Returns:
        uint8, shape (height, width), values 0 to 255, each side at least limits.min_side.

    Raises:
        UnreadableImageError: empty, not a picture, damaged or truncated.
        UnsupportedImageError: another format, an exotic variant, or too small.
        ImageTooLargeError: too many bytes or pixels; raised before decoding.
        NotAChestXrayError: a colour picture.
    """
    if not data:
        raise UnreadableImageError("Expected a picture, received an empty file. Please choose it again.")
    if len(data) > limits.size_bytes:
        raise ImageTooLargeError(
            "Expected at most %(limit)s MiB, received %(received)s MiB. Please send a smaller export.",
            limit=round(limits.size_bytes / 2**20),
            received=round(len(data) / 2**20, 1),
        )
    match sniff(data):
        case "PNG":
            needed, orientation = png.checked(data, limits)
            return _oriented(_grey(_decode(needed, cv2.IMREAD_UNCHANGED, "PNG picture")), orientation)
        case "JPEG":
            return read_jpeg(data, limits)
        case "DICOM":
            # Here, not at the top: pydicom takes 0.2 s to import, and most pictures are not DICOM.
            from xray import dicom

            return dicom.read(data, limits)
        case "":
            raise UnreadableImageError(
                "Expected a PNG, JPEG or DICOM picture, received a file that begins like none of them. "
                "Please choose the radiograph itself."
            )
        case name:
            raise UnsupportedImageError(
                "Expected a PNG, JPEG or DICOM picture, received %(format)s. "
                "Please export the radiograph as PNG, JPEG or .dcm.",
                format=Phrase(name),
            )


def read_deep(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Deep | None:
    """Read all grey levels of a radiograph of more than 8 bits, with the window in which `read` shows them.

    Costs nothing where there are no more than 8 bits, and a second decoding where there are.

    Args:
        data: a whole file that `read` reads.
        limits: what is refused unread.

    Returns:
        The levels, in the shape of `read`; None for 8 bits.

    Raises:
        ImageError: as `read`.
    """
    match sniff(data):
        case "PNG" if data[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10":
            needed, orientation = png.checked(data, limits)
            levels = _oriented(_luma(_decode(needed, cv2.IMREAD_UNCHANGED, "PNG picture")), orientation)
            return Deep(levels, float(levels.min()), float(levels.max()))
        case "DICOM":
            from xray import dicom

            return dicom.read_deep(data, limits)
    return None


def sniff(data: bytes) -> str:
    """Name the format that the first bytes show, or return an empty string."""
    return next((name for name, start in _FORMATS.items() if re.match(start, data, re.DOTALL)), "")


def stretch(values: npt.NDArray[Any]) -> GreyImage:
    """Map the smallest value to 0 and the largest to 255, linearly; equal values all become 0.

    A 16-bit radiograph rarely fills its range (10 to 14 bits are usual), so dividing by 256 would
    leave it nearly black.
    """
    stretched = np.empty(values.shape, np.uint8)
    cv2.normalize(values, stretched, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    return stretched


def read_jpeg(data: bytes, limits: Limits) -> GreyImage:
    """Read a baseline or progressive JPEG of 8 bits; contract and errors as `read`."""
    orientation = jpeg.check(data, limits)
    colour.check(_decode(data, cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION, "JPEG picture"))
    # Not from those colours: JPEG stores luma, which decoding to grey returns untouched.
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    return _oriented(_decode(data, flags, "JPEG picture"), orientation)


def _decode(data: bytes, flags: int, what: str) -> npt.NDArray[Any]:
    """Decode with OpenCV, which answers None or raises for what it cannot read."""
    pixels = None
    with suppress(cv2.error):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise damaged(what)
    return pixels


def _grey(pixels: npt.NDArray[Any]) -> GreyImage:
    """Turn what OpenCV decoded into 8-bit grey."""
    levels = _luma(pixels)
    return levels if levels.dtype == np.uint8 else stretch(levels)


def _luma(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn what OpenCV decoded (grey, BGR or BGRA; 8 or 16 bits) into grey of as many bits."""
    if pixels.ndim == 3:
        size = (pixels.shape[1] // colour.SHRINK, pixels.shape[0] // colour.SHRINK)
        colour.check(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)[..., :3])
        opacity = pixels[..., 3] if pixels.shape[2] == 4 else None
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY if opacity is None else cv2.COLOR_BGRA2GRAY)
        if opacity is not None:
            pixels = cv2.multiply(pixels, opacity, scale=1 / np.iinfo(opacity.dtype).max)
    return pixels


def turned(image: npt.NDArray[Any], turn: int) -> npt.NDArray[Any]:
    """Turn a picture clockwise.

    Args:
        image: any dtype, shape (height, width).
        turn: degrees, one of TURNS.
    """
    return np.ascontiguousarray(np.rot90(image, -turn // 90)) if turn else image


def _oriented(image: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Turn a picture the way its EXIF orientation asks for."""
    swap, row_step, column_step = _ORIENTATIONS[orientation]
    return np.ascontiguousarray((image.T if swap else image)[::row_step, ::column_step])
