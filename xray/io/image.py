"""Reading an uploaded file into a grey image: the one entry for serving and training.

Each format checks its container (PNG chunks, JPEG segments, DICOM elements) before anything is decoded.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xray.errors import ImageTooLargeError, Phrase, UnreadableImageError, UnsupportedImageError
from xray.io import jpeg, png
from xray.io.limits import DEFAULT_LIMITS, Limits, mib
from xray.io.pixels import Flaw, GreyImage, GreyLevels, display, rotate, shrink

# Files of these names are taken for radiographs whatever they hold, so that the error of a damaged one is reported.
EXTENSIONS = {".png", ".jpg", ".jpeg", ".dcm", ".dicom", ".tif", ".tiff", ".bmp", ".webp", ".avif"}
# Enough of a file to tell its format.
START_BYTES = 512
DICOM, DICOMDIR = "DICOM", "DICOMDIR"
# Elements that begin a file without preamble, in the three uncompressed transfer syntaxes; or its meta information.
_BARE_DICOM = (
    rb"\x02\0[\0-\x16]\0(OB|UI|UL)|\x08\0[\0-\x20]\0([A-Z]{2}|[\0-\x40]\0\0\0)|\0\x08\0[\0-\x20](UL|CS|DA|TM|UI|SH|LO)"
)
# How the files of each format begin. DICOM comes first: the 128 bytes before its mark are free, and may imitate
# another format.
_FORMATS = {
    DICOMDIR: rb".{128}DICM.{1,300}1\.2\.840\.10008\.1\.3\.10[^.\d]",
    DICOM: rb".{128}DICM|" + _BARE_DICOM,
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WebP": rb"RIFF.{4}WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "BMP": rb"BM.{4}\0{4}",
    "AVIF": rb".{4}ftyp(avi|(mif|msf).(.{4}){0,20}?avi)",
    "GIF": rb"GIF8[79]a",
    "SVG": rb"(\xef\xbb\xbf)?\s*(<(\?xml|!--|!DOCTYPE svg)[^\0]{0,1000}?)?<svg\b",
    "PDF": rb"%PDF-",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "JPEG XL": rb"\0\0\0\x0cJXL |\xff\x0a",
    "HEIC": rb".{4}ftyp(hei|hev|mif|msf)",
    "ZIP": rb"PK\x03\x04|PK\x05\x06",
}
READ = {DICOM, "PNG", "JPEG", "WebP", "TIFF", "BMP", "AVIF"}


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded file at the serving size.

    Attributes:
        image: grey, uint8, its longer side at most `xray.io.pixels.LONGEST` px.
        sent: height and width of the image in the file.
        deep: all grey levels, in the shape of `image`; None for 8 bits, and where they were not requested.
        flaws: what was passed over in the file, or lost when it was made.
    """

    image: GreyImage
    sent: tuple[int, int]
    deep: GreyLevels | None = None
    flaws: tuple[Flaw, ...] = ()

    def rotate(self, turn: int) -> "Decoded":
        """Rotate it clockwise by so many degrees; see `xray.io.pixels.rotate`."""
        deep = self.deep and replace(self.deep, levels=rotate(self.deep.levels, turn))
        sent = self.sent[::-1] if turn % 180 == 90 else self.sent
        return replace(self, image=rotate(self.image, turn), sent=sent, deep=deep)

    def crop(self, top: int, bottom: int, left: int, right: int) -> "Decoded":
        """Keep a part of it, in pixels of `image`; bottom and right are exclusive."""
        height, width = self.image.shape
        if (top, left, bottom, right) == (0, 0, height, width):
            return self
        part = slice(top, bottom), slice(left, right)
        down, across = self.sent[0] / height, self.sent[1] / width
        sent = round((bottom - top) * down), round((right - left) * across)
        deep = self.deep and replace(self.deep, levels=np.ascontiguousarray(self.deep.levels[part]))
        return replace(self, image=np.ascontiguousarray(self.image[part]), sent=sent, deep=deep)


def load(data: bytes, limits: Limits = DEFAULT_LIMITS, *, deep: bool = False) -> Decoded:
    """Read a radiograph of one of the formats READ, at the serving size (`pixels.serving_scale`).

    The first bytes tell the format, never a name or a content type. EXIF orientation is applied; colour pictures
    are refused, other colours become luma; transparent parts become black; 16 bits are stretched to the range of the
    image without outliers.

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
        return Decoded(*jpeg.read(data, limits), flaws=(Flaw.COMPRESSION,) if jpeg.is_coarse(data) else ())
    image, levels, flaws = _decode(kind, data, limits, deep=deep)
    levels = levels and replace(levels, levels=shrink(levels.levels))
    return Decoded(shrink(image), (image.shape[0], image.shape[1]), levels, flaws)


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
            limit=mib(limits.size_bytes),
            received=mib(len(data)),
        )
    match sniff(data):
        case name if name in READ:
            return name
        case "":
            raise UnreadableImageError(
                "Expected a PNG, JPEG or DICOM picture, received a file that begins like none of them. "
                "Please choose the radiograph itself."
            )
        case "DICOMDIR":
            raise UnsupportedImageError(
                "Expected a radiograph, received a DICOMDIR, the index of a disc. "
                "Please send the files from the folders beside it."
            )
        case name:
            raise UnsupportedImageError(
                "Expected a PNG, JPEG or DICOM picture, received %(format)s. "
                "Please export the radiograph as PNG, JPEG or .dcm.",
                format=Phrase(name),
            )


def _decode(
    kind: str, data: bytes, limits: Limits, *, deep: bool
) -> tuple[GreyImage, GreyLevels | None, tuple[Flaw, ...]]:
    """Decode a file once: the greys, where requested all levels, and what was passed over."""
    # Imported here: pydicom takes 0.2 s to import, and most files are PNG or JPEG.
    if kind == DICOM:
        from xray.io import dicom

        return dicom.read(data, limits, deep=deep)
    if kind == "PNG":
        levels, flaws = png.read(data, limits)
    else:
        from xray.io import pillow

        levels, flaws = pillow.read(data, kind, limits)
    return *display(levels, deep=deep), flaws


def left_out(name: str, start: Callable[[], bytes]) -> str:
    """Say what a file in a folder is that is no radiograph; "" for one that is taken for it.

    The first bytes decide. Only a file that begins like nothing is judged by its name.

    Args:
        name: of the file, with or without its folder.
        start: reads the file's first START_BYTES.
    """
    kind = sniff(start())
    if kind in READ or (not kind and os.path.splitext(name)[1].lower() in EXTENSIONS):
        return ""
    return kind or "other than pictures"


def left_out_here(path: str) -> str:
    """Say the same of a path on this machine; a pipe is not read.

    A file that cannot be read is taken for a radiograph, so that its error is reported.
    """
    try:
        return left_out(path, lambda: read_start(path, START_BYTES) if os.path.isfile(path) else b"")
    except OSError:
        return ""


def read_start(path: str, size: int) -> bytes:
    """Read a file on this machine, but no more than `size` bytes of it."""
    with open(path, "rb") as file:
        return file.read(size)
