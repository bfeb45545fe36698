"""Reading an uploaded file into a grey image: the one entry for serving and training.

Each format checks its container (PNG chunks, JPEG segments, DICOM elements) before anything is decoded.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.errors import ImageTooLargeError, Phrase, UnreadableImageError, UnsupportedImageError
from xray.io import jpeg, png
from xray.io.limits import DEFAULT_LIMITS, Limits
from xray.io.pixels import GreyImage, GreyLevels, rotate, shrink, stretch

EXTENSIONS = {".png", ".jpg", ".jpeg", ".dcm", ".dicom"}
DICOM_PREAMBLE_BYTES = 132
# How the files of each format begin. DICOM comes first: the 128 bytes before its mark are free, and may imitate
# another format.
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


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded file at the serving size.

    Attributes:
        image: grey, uint8, its longer side at most `xray.io.pixels.LONGEST` px.
        sent: height and width of the image in the file.
        deep: all grey levels, in the shape of `image`; None for 8 bits, and where they were not requested.
    """

    image: GreyImage
    sent: tuple[int, int]
    deep: GreyLevels | None = None

    def rotate(self, turn: int) -> "Decoded":
        """Rotate it clockwise by so many degrees, one of `xray.io.pixels.TURNS`."""
        deep = self.deep and replace(self.deep, levels=rotate(self.deep.levels, turn))
        return Decoded(rotate(self.image, turn), self.sent[::-1] if turn % 180 else self.sent, deep)


def load(data: bytes, limits: Limits = DEFAULT_LIMITS, *, deep: bool = False) -> Decoded:
    """Read a PNG, JPEG or DICOM radiograph, at the serving size (`pixels.serving_scale`).

    The first bytes tell the format, never a name or a content type. EXIF orientation is applied; colour pictures
    are refused, other colours become luma; transparent parts become black; 16 bits are stretched to the range of the
    image.

    Args:
        data: the whole file.
        limits: what is refused before decoding.
        deep: whether all grey levels of an image of more than 8 bits are requested.

    Raises:
        UnreadableImageError: empty, not an image, damaged or truncated.
        UnsupportedImageError: another format, an exotic variant, or too small.
        ImageTooLargeError: too many bytes or pixels; raised before decoding.
        NotAChestXrayError: a colour picture.
    """
    kind = _check_format(data, limits)
    if kind == "JPEG":
        return Decoded(*jpeg.read(data, limits))
    image, levels = _decode(kind, data, limits, deep=deep)
    if levels is not None:
        levels = replace(levels, levels=shrink(levels.levels))
    return Decoded(shrink(image), (image.shape[0], image.shape[1]), levels)


def sniff(data: bytes) -> str:
    """Name the format by its first bytes; an empty string for an unknown one."""
    return next((name for name, start in _FORMATS.items() if re.match(start, data, re.DOTALL)), "")


def _check_format(data: bytes, limits: Limits) -> str:
    """Name the format, one of those that are read.

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


def _decode(kind: str, data: bytes, limits: Limits, *, deep: bool) -> tuple[GreyImage, GreyLevels | None]:
    """Decode a PNG or DICOM file once: the greys and, where requested, all levels."""
    if kind == "DICOM":
        # Imported here: pydicom takes 0.2 s to import, and most files are not DICOM.
        from xray.io import dicom

        return dicom.read(data, limits, deep=deep)
    levels: npt.NDArray[Any] = png.read(data, limits)
    if levels.dtype == np.uint8:
        return levels, None
    return stretch(levels), GreyLevels(levels, float(levels.min()), float(levels.max())) if deep else None


def is_picture(name: str, start: Callable[[], bytes]) -> bool:
    """Tell whether a file is taken for a radiograph: by its extension, or else by its first bytes.

    Scanners name DICOM files freely: what follows the last dot may be part of a UID, or a number (`IMG.0001`).

    Args:
        name: of the file, with or without its folder.
        start: reads the file's first DICOM_PREAMBLE_BYTES, where they are needed.
    """
    return os.path.splitext(name)[1].lower() in EXTENSIONS or sniff(start()) == "DICOM"


def is_picture_here(path: str) -> bool:
    """Tell whether a path on this machine is taken for a radiograph; a pipe is not read.

    A file that cannot be read is taken for one, so that its error is reported.
    """
    try:
        return is_picture(path, lambda: read_start(path, DICOM_PREAMBLE_BYTES) if os.path.isfile(path) else b"")
    except OSError:
        return True


def read_start(path: str, size: int) -> bytes:
    """Read a file on this machine, but no more than `size` bytes of it."""
    with open(path, "rb") as file:
        return file.read(size)
