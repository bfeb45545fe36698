"""From the bytes of a file to a grey picture: the one door for pictures, in training and in serving.

The container (PNG chunks, JPEG segments) is walked before anything is decoded, because OpenCV allocates
whatever a header asks for and returns a full-size picture for a JPEG that was cut in the middle.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError

GreyImage = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Limits:
    """What is refused before it costs memory: too many bytes, too many pixels, too few pixels a side."""

    size_bytes: int = 32 * 2**20
    pixels: int = 50_000_000
    min_side: int = 64


DEFAULT_LIMITS = Limits()

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
    "HEIC or AVIF": rb".{4}ftyp(hei|hev|mif|msf|avi)",
    "ZIP": rb"PK\x03\x04",
}

# A second of reading at most; real files have tens of chunks or segments, and about ten scans.
_MAX_PARTS = 100_000
_MAX_SCANS = 100

# What OpenCV decodes a colour type to; a palette may be transparent.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
_PNG_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}

# What begins a segment or ends the picture; the others stand alone, or are a stuffed byte (FF00) of a scan.
# Source: ITU-T T.81, table B.1 and B.1.1.5.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_DCT_FRAMES = {0xC0, 0xC1, 0xC2}

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
    applied; colours become luma; transparent parts become black, as the collimated border of a film
    is (white would read as bone); 16 bits are stretched to the picture's own range.

    Args:
        data: the whole file.
        limits: what is refused unread.

    Returns:
        uint8, shape (height, width), values 0 to 255, each side at least limits.min_side.

    Raises:
        UnreadableImageError: empty, not a picture, damaged or truncated.
        UnsupportedImageError: another format, an exotic variant, or too small.
        ImageTooLargeError: too many bytes or pixels; raised before decoding.
    """
    if not data:
        raise UnreadableImageError("Expected a picture, received an empty file. Please choose it again.")
    if len(data) > limits.size_bytes:
        raise ImageTooLargeError(
            f"Expected at most {limits.size_bytes / 2**20:.0f} MiB, received {len(data) / 2**20:.1f} MiB. "
            "Please send a smaller export."
        )
    match sniff(data):
        case "PNG":
            return _read_png(data, limits)
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
                f"Expected a PNG, JPEG or DICOM picture, received {name}. "
                "Please export the radiograph as PNG, JPEG or .dcm."
            )


def sniff(data: bytes) -> str:
    """Name the format that the first bytes show, or return an empty string."""
    return next((name for name, start in _FORMATS.items() if re.match(start, data, re.DOTALL)), "")


def check_size(height: int, width: int, limits: Limits) -> None:
    """Refuse a picture by the size its header states.

    Raises:
        UnreadableImageError: no pixels.
        ImageTooLargeError: more than limits.pixels.
        UnsupportedImageError: a side under limits.min_side.
    """
    received = f"received {width} x {height}"
    if height < 1 or width < 1:
        raise UnreadableImageError(f"Expected a picture with pixels, {received}. Please export it again.")
    if height * width > limits.pixels:
        raise ImageTooLargeError(
            f"Expected at most {limits.pixels / 1e6:g} million pixels, {received}. Please export it smaller."
        )
    if min(height, width) < limits.min_side:
        raise UnsupportedImageError(
            f"Expected at least {limits.min_side} pixels a side, {received}. Please send the full picture."
        )


def stretch(values: npt.NDArray[Any]) -> GreyImage:
    """Map the smallest value to 0 and the largest to 255, linearly; equal values all become 0.

    A 16-bit radiograph rarely fills its range (10 to 14 bits are usual), so dividing by 256 would
    leave it nearly black.
    """
    stretched = np.empty(values.shape, np.uint8)
    cv2.normalize(values, stretched, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    return stretched


def _read_png(data: bytes, limits: Limits) -> GreyImage:
    """Check every chunk, then decode the needed ones only: no profile, text or animation reaches libpng.

    Source: PNG specification, third edition, sections 5 (chunks) and 11 (their content).
    """
    if data[12:16] != b"IHDR" or len(data) < 26:
        raise _damaged("PNG")
    width, height, depth, colour_type = struct.unpack_from(">IIBB", data, 16)
    # The limit is meant for 8-bit colour, three bytes a pixel; 16-bit colour with alpha takes eight.
    weight = _PNG_CHANNELS.get(colour_type, 1) * (2 if depth == 16 else 1)
    check_size(height, width, replace(limits, pixels=limits.pixels * 3 // max(weight, 3)))
    needed, orientation = [data[:8]], 1
    for kind, chunk in _png_chunks(data):
        if kind in _PNG_NEEDED:
            needed.append(chunk)
        elif kind == b"eXIf":
            orientation = _exif_orientation(chunk[8:-4])
        elif kind == b"acTL":
            raise UnsupportedImageError("Expected one picture, received an animated PNG. Please export one.")
    return _oriented(_grey(_decode(b"".join(needed), cv2.IMREAD_UNCHANGED, "PNG")), orientation)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's type and its whole bytes, up to IEND.

    Raises:
        UnreadableImageError: a wrong checksum, or no IEND.
    """
    view, at = memoryview(data), 8
    for _ in range(_MAX_PARTS):
        if at + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            break
        yield kind, data[at:end]
        if kind == b"IEND":
            return
        at = end
    raise _damaged("PNG")


def _grey(pixels: npt.NDArray[Any]) -> GreyImage:
    """Turn what OpenCV decoded (grey, BGR or BGRA; 8 or 16 bits) into 8-bit grey."""
    if pixels.ndim == 3:
        opacity = pixels[..., 3] if pixels.shape[2] == 4 else None
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY if opacity is None else cv2.COLOR_BGRA2GRAY)
        if opacity is not None:
            pixels = cv2.multiply(pixels, opacity, scale=1 / np.iinfo(opacity.dtype).max)
    return pixels if pixels.dtype == np.uint8 else stretch(pixels)


def read_jpeg(data: bytes, limits: Limits) -> GreyImage:
    """Read a baseline or progressive JPEG of 8 bits; contract and errors as `read`.

    The end mark is looked for segment by segment, so that neither the thumbnail inside an EXIF
    segment nor what follows the picture is taken for its end.
    """
    orientation, frames, scans = 1, 0, 0
    for marker, segment, _ in jpeg_segments(data):
        if marker in _FRAMES:
            frames += 1
            _check_jpeg_frame(marker, segment, limits)
        elif marker == _APP1 and segment.startswith(b"Exif\0\0"):
            orientation = _exif_orientation(segment[6:])
        elif marker == _SOS:
            scans += 1
    # A second frame is the next picture's, behind one that was cut.
    if frames != 1 or not scans:
        raise _damaged("JPEG")
    if scans > _MAX_SCANS:
        # Each scan of a progressive JPEG costs a pass over the whole picture: a small file, minutes of work.
        raise UnsupportedImageError(
            f"Expected a JPEG of at most {_MAX_SCANS} scans, received {scans}. Please export it again."
        )
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION
    return _oriented(_decode(data, flags, "JPEG"), orientation)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield each marker, its segment's content and where that ends, up to the end mark.

    Raises:
        UnreadableImageError: the data ends before the end mark.
    """
    at = 2
    for _ in range(_MAX_PARTS):
        found = _JPEG_MARKER.search(data, at)
        if found is None:
            break
        marker, start = found[1][0], found.end()
        if marker == _EOI:
            return
        at = start + int.from_bytes(data[start : start + 2])
        if at < start + 2 or at > len(data):
            break
        yield marker, data[start + 2 : at], at
    raise _damaged("JPEG")


def _check_jpeg_frame(marker: int, segment: bytes, limits: Limits) -> None:
    """Refuse, by the frame header, what OpenCV cannot read or what is too large (ITU-T T.81, B.2.2)."""
    if len(segment) < 6:
        raise _damaged("JPEG")
    precision, height, width = struct.unpack_from(">BHH", segment)
    if marker not in _HUFFMAN_DCT_FRAMES or precision != 8:
        received = "lossless, arithmetic or hierarchical" if precision == 8 else f"{precision}-bit"
        raise UnsupportedImageError(
            f"Expected a baseline or progressive JPEG of 8 bits, received a {received} one. "
            "Please export the radiograph as PNG."
        )
    check_size(height, width, limits)


def _decode(data: bytes, flags: int, name: str) -> npt.NDArray[Any]:
    """Decode with OpenCV, which answers None or raises for what it cannot read."""
    pixels = None
    with suppress(cv2.error):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise _damaged(name)
    return pixels


def _exif_orientation(exif: bytes) -> int:
    """Find the orientation (1 to 8) in the first directory of a TIFF block; 1 when absent or garbled.

    Source: TIFF 6.0, section 2 (the directory), tag 274.
    """
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    with suppress(struct.error):
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(order + "HHIH", exif, directory + 2 + 12 * entry)
            if tag == 274:
                return value if value in _ORIENTATIONS else 1
    return 1


def _oriented(image: GreyImage, orientation: int) -> GreyImage:
    """Turn a picture the way its EXIF orientation asks for."""
    swap, row_step, column_step = _ORIENTATIONS[orientation]
    return np.ascontiguousarray((image.T if swap else image)[::row_step, ::column_step])


def _damaged(name: str) -> ImageError:
    """Make the error for a file that is cut short or whose content contradicts itself."""
    return UnreadableImageError(
        f"Expected a whole {name} picture, received a truncated or damaged one. Please export it again."
    )
