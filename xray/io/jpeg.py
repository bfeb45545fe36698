"""A JPEG's segments, walked before anything is decoded."""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from xray.errors import UnsupportedImageError, damaged
from xray.io import exif
from xray.io.limits import Limits, check_size

# A second or two of reading at most; real files have tens of segments, and about ten scans.
_MAX_SEGMENTS = 100_000
_MAX_SCANS = 50

# What begins a segment or ends the picture; the others stand alone, or are a stuffed byte (FF00) of a scan.
# Source: ITU-T T.81, table B.1 and B.1.1.5.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_DCT_FRAMES = {0xC0, 0xC1, 0xC2}


class Frame(NamedTuple):
    """What a JPEG's headers say of its picture.

    Attributes:
        height: in pixels, before it is turned.
        width: in pixels, before it is turned.
        channels: 1 for grey.
        orientation: of EXIF, 1 to 8.
    """

    height: int
    width: int
    channels: int
    orientation: int = exif.UPRIGHT


def check(data: bytes, limits: Limits) -> Frame:
    """Check that this is a whole baseline or progressive JPEG of 8 bits, and no larger than is read.

    The end mark is looked for segment by segment, so that neither the thumbnail inside an EXIF
    segment nor what follows the picture is taken for its end.

    Args:
        data: the whole file, which begins as a JPEG.
        limits: what is refused.

    Returns:
        What the headers say.

    Raises:
        UnreadableImageError: damaged or truncated.
        UnsupportedImageError: another kind of JPEG, or too small.
        ImageTooLargeError: too many pixels.
    """
    orientation, frames, scans = exif.UPRIGHT, [], 0
    for marker, content, _ in segments(data):
        if marker in _FRAMES:
            frames.append(_frame(marker, content, limits))
        elif marker == _APP1 and content.startswith(b"Exif\0\0"):
            orientation = exif.orientation(content[6:])
        elif marker == _SOS:
            scans += 1
    # A second frame is the next picture's, behind one that was cut.
    if len(frames) != 1 or not scans:
        raise damaged("JPEG picture")
    if scans > _MAX_SCANS:
        # Each scan of a progressive JPEG costs a pass over the whole picture: a small file, minutes of work.
        raise UnsupportedImageError(
            "Expected a JPEG of at most %(limit)s scans, received %(scans)s. Please export it again.",
            limit=_MAX_SCANS,
            scans=scans,
        )
    return frames[0]._replace(orientation=orientation)


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield each marker, its segment's content and where that ends, up to the end mark.

    Raises:
        UnreadableImageError: the data ends before the end mark.
    """
    at = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, start = found[1][0], found.end()
        if marker == _EOI:
            return
        at = start + int.from_bytes(data[start : start + 2])
        if at < start + 2 or at > len(data):
            break
        yield marker, data[start + 2 : at], at
    raise damaged("JPEG picture")


def _frame(marker: int, content: bytes, limits: Limits) -> Frame:
    """Read the frame header, and refuse what OpenCV cannot read or what is too large (ITU-T T.81, B.2.2)."""
    if len(content) < 6:
        raise damaged("JPEG picture")
    precision, height, width, channels = struct.unpack_from(">BHHB", content)
    if marker not in _HUFFMAN_DCT_FRAMES or precision != 8:
        if precision != 8:
            raise UnsupportedImageError(
                "Expected a baseline or progressive JPEG of 8 bits, received a %(precision)s-bit one. "
                "Please export the radiograph as PNG.",
                precision=precision,
            )
        raise UnsupportedImageError(
            "Expected a baseline or progressive JPEG of 8 bits, received a lossless, arithmetic or hierarchical one. "
            "Please export the radiograph as PNG."
        )
    check_size(height, width, limits)
    return Frame(height, width, channels)
