"""From the bytes of a file to a grey picture: the one door for pictures, in training and in serving.

The container (PNG chunks, JPEG segments) is walked before anything is decoded, because OpenCV allocates
whatever a header asks for and returns a full-size picture for a JPEG that was cut in the middle.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from xray.errors import ImageTooLargeError, Phrase, UnreadableImageError, UnsupportedImageError, damaged
from xray.io import colour, jpeg, png
from xray.io.grey_levels import Deep
from xray.io.limits import DEFAULT_LIMITS, Limits

GreyImage = npt.NDArray[np.uint8]
# Degrees clockwise by which a sender may have a film turned before it is read.
TURNS = (0, 90, 180, 270)

# Nothing needs more: the networks see 128 and 160 px a side and learned from films of 512, and marks are looked for,
# and films shown, at this size. Of a picture that is long and thin the shorter side keeps this much.
LONGEST, SHORTEST = 1024, 160
# The shares of a JPEG's size at which it can be decoded, for less time and memory than all of it.
_GREY = {1: cv2.IMREAD_GRAYSCALE, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4}
_COLOUR = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}

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


@dataclass(frozen=True, eq=False)
class Radiograph:
    """A picture as large as anything needs it.

    Attributes:
        image: grey, uint8, its longer side at most LONGEST px.
        shape: height and width of the picture that was sent.
        deep: all its grey levels, in the shape of `image`; None for 8 bits, and where they were not asked for.
    """

    image: GreyImage
    shape: tuple[int, int]
    deep: Deep | None = None

    def turned(self, turn: int) -> "Radiograph":
        """Turn it clockwise by so many degrees, one of TURNS."""
        deep = self.deep and replace(self.deep, levels=turned(self.deep.levels, turn))
        return Radiograph(turned(self.image, turn), self.shape[::-1] if turn % 180 else self.shape, deep)


def load(data: bytes, limits: Limits = DEFAULT_LIMITS, *, deep: bool = False) -> Radiograph:
    """Read a PNG, JPEG or DICOM radiograph as `read` does, but no larger than is needed.

    Args:
        data: the whole file.
        limits: what is refused unread.
        deep: whether all grey levels are wanted of a picture of more than 8 bits.

    Raises:
        ImageError: as `read`.
    """
    kind = _format(data, limits)
    if kind == "JPEG":
        return _load_jpeg(data, limits)
    image, levels = _decoded(kind, data, limits, deep=deep)
    if levels is not None:
        levels = replace(levels, levels=shrunk(levels.levels))
    return Radiograph(shrunk(image), (image.shape[0], image.shape[1]), levels)


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> GreyImage:
    """Read a PNG, JPEG or DICOM radiograph at its full size.

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
    kind = _format(data, limits)
    return read_jpeg(data, limits) if kind == "JPEG" else _decoded(kind, data, limits, deep=False)[0]


def _format(data: bytes, limits: Limits) -> str:
    """Name the format of a file that may be read.

    Raises:
        ImageError: empty, too large, or of another format.
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
        case "PNG" | "JPEG" | "DICOM" as name:
            return name
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


def _decoded(kind: str, data: bytes, limits: Limits, *, deep: bool) -> tuple[GreyImage, Deep | None]:
    """Decode a PNG or DICOM picture once, to its greys and, where they are wanted, all its levels."""
    if kind == "DICOM":
        # Here, not at the top: pydicom takes 0.2 s to import, and most pictures are not DICOM.
        from xray.io import dicom

        return dicom.read(data, limits, deep=deep)
    needed, orientation = png.checked(data, limits)
    levels = _oriented(_luma(_decode(needed, cv2.IMREAD_UNCHANGED, "PNG picture")), orientation)
    if levels.dtype == np.uint8:
        return levels, None
    return stretch(levels), Deep(levels, float(levels.min()), float(levels.max())) if deep else None


def shrunk(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make a picture as large as anything needs it; a smaller one stays as it is."""
    share = _share(pixels.shape[0], pixels.shape[1])
    if share == 1:
        return pixels
    height, width = round(pixels.shape[0] * share), round(pixels.shape[1] * share)
    # The mean of four pixels, then the line between two: ten times faster than areas of any size, and as smooth.
    return np.asarray(cv2.resize(halved(pixels, height, width), (width, height), interpolation=cv2.INTER_LINEAR))


def halved(pixels: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    """Halve a picture as often as its sides stay at least so long, each pixel the mean of four."""
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width:
        down, across = pixels.shape[0] // 2, pixels.shape[1] // 2
        pixels = np.asarray(
            cv2.resize(pixels[: 2 * down, : 2 * across], (across, down), interpolation=cv2.INTER_AREA), pixels.dtype
        )
    return pixels


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
    """Read a baseline or progressive JPEG of 8 bits at its full size; contract and errors as `read`."""
    frame = jpeg.check(data, limits)
    return _oriented(_jpeg(data, frame, 1), frame.orientation)


def _load_jpeg(data: bytes, limits: Limits) -> Radiograph:
    frame = jpeg.check(data, limits)
    factor = max(factor for factor in _GREY if 1 / factor >= _share(frame.height, frame.width))
    swap, *_ = _ORIENTATIONS[frame.orientation]
    shape = (frame.width, frame.height) if swap else (frame.height, frame.width)
    return Radiograph(_oriented(shrunk(_jpeg(data, frame, factor)), frame.orientation), shape)


def _jpeg(data: bytes, frame: jpeg.Frame, factor: int) -> GreyImage:
    """Decode a JPEG at one over `factor` of its size."""
    if frame.channels > 1:
        flags = _COLOUR[factor] | cv2.IMREAD_IGNORE_ORIENTATION
        return np.asarray(_luma(_decode(data, flags, "JPEG picture"), colour.SHRINK // factor))
    return np.asarray(_decode(data, _GREY[factor] | cv2.IMREAD_IGNORE_ORIENTATION, "JPEG picture"))


def _share(height: int, width: int) -> float:
    """Return the share of its size that is needed of a picture, at most 1."""
    return min(1.0, max(LONGEST / max(height, width), SHORTEST / min(height, width)))


def _decode(data: bytes, flags: int, what: str) -> npt.NDArray[Any]:
    """Decode with OpenCV, which answers None or raises for what it cannot read."""
    pixels = None
    with suppress(cv2.error):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise damaged(what)
    return pixels


def _luma(pixels: npt.NDArray[Any], shrink: int = colour.SHRINK) -> npt.NDArray[Any]:
    """Turn what OpenCV decoded (grey, BGR or BGRA; 8 or 16 bits) into grey of as many bits.

    Args:
        pixels: the picture.
        shrink: how much smaller it is made before it is judged by its colours.
    """
    if pixels.ndim == 3:
        size = (max(1, pixels.shape[1] // shrink), max(1, pixels.shape[0] // shrink))
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
