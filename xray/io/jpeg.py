"""JPEG: reading, with every segment checked before anything is decoded, and writing.

The segments are walked here because OpenCV allocates whatever a header asks for, and returns a full-size image, its
rest grey, for a file that was cut in the middle.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.errors import UnsupportedImageError, damaged
from xray.io import colour, exif
from xray.io.limits import Limits, check_size
from xray.io.pixels import GreyImage, Pixels, decode, serving_scale, shrink

# A second or two of reading; real files have tens of segments, and about ten scans.
_MAX_SEGMENTS = 100_000
_MAX_SCANS = 50

# By the factor of reduction: how OpenCV decodes to it, which takes less time and memory than the full size.
_GREY = {1: cv2.IMREAD_GRAYSCALE, 2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4}
_COLOUR = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}

# Mean step of the table that grey is quantised by. Measured: the published radiographs have 36 at most; of 64 written
# anew at libjpeg's quality 20 (142) 34 % changed a verdict, at quality 50 (58) 3 %.
_COARSE = 90

# The markers that begin a segment or end the image; others stand alone, or are a stuffed byte (FF00) of a scan.
# Source: ITU-T T.81, table B.1 and B.1.1.5.
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
_DQT = 0xDB

_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_DCT_FRAMES = {0xC0, 0xC1, 0xC2}

# libjpeg's grey where a scan's data have run out; and data for it to go on with, which hold no marker.
_NO_DATA, _MORE_DATA = 128, bytes(range(0, 250, 3))


class Frame(NamedTuple):
    """What a JPEG's headers state.

    Attributes:
        height: in pixels, before EXIF orientation.
        width: in pixels, before EXIF orientation.
        channels: 1 for grey.
        orientation: of EXIF, 1 to 8.
        end: position of the end marker.
    """

    height: int
    width: int
    channels: int
    orientation: int = exif.UPRIGHT
    end: int = 0


def read(data: bytes, limits: Limits, *, full: bool = False) -> tuple[GreyImage, tuple[int, int]]:
    """Read a JPEG as grey at the serving size, with its EXIF orientation applied.

    Args:
        data: the whole file, which begins as a JPEG.
        limits: what is refused before decoding.
        full: whether its full size is wanted instead.

    Returns:
        The image, and the height and width of the full size.

    Raises:
        ImageError: as `check` and `colour.to_grey`; UnreadableImageError too where the image ends before its frame.
    """
    frame = check(data, limits)
    scale = 1.0 if full else serving_scale(frame.height, frame.width)
    reduction = max(factor for factor in _GREY if 1 / factor >= scale)
    flags = (_COLOUR if frame.channels > 1 else _GREY)[reduction] | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = decode(data, flags, "JPEG picture")
    if _ends_early(pixels, data, frame.end, flags):
        raise damaged("JPEG picture")
    grey = colour.to_grey(pixels, reduction)
    image = exif.orient(grey if full else shrink(grey), frame.orientation)
    shape = frame.height, frame.width
    return image, shape[::-1] if exif.is_sideways(frame.orientation) else shape


def is_coarse(data: bytes) -> bool:
    """Return whether a JPEG that `check` lets pass is compressed so far that its blocks show (quality 30 or less)."""
    for marker, content, _ in segments(data):
        at = 0
        while marker == _DQT and at < len(content):
            # Decoders take every precision but 0 for 16 bits.
            wide, table = content[at] > 15, content[at] & 15
            steps = content[at + 1 : at + 1 + 64 * (1 + wide)]
            if len(steps) < 64 * (1 + wide):
                break
            if table == 0:
                return bool(np.frombuffer(steps, ">u2" if wide else "u1").mean() >= _COARSE)
            at += 1 + len(steps)
    return False


def encode_jpeg(image: NDArray[np.uint8], quality: int = 88, *, sharp_colours: bool = False) -> bytes:
    """Encode an image as JPEG.

    Args:
        image: uint8, grey, or with 3 channels: blue, green, red.
        quality: 0 to 100.
        sharp_colours: whether colour has the resolution of brightness (4:4:4), as coloured lines and letters need.
    """
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if sharp_colours:
        flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", image, flags)[1].tobytes()


def check(data: bytes, limits: Limits) -> Frame:
    """Check that this is a whole baseline or progressive JPEG of 8 bits within the limits.

    The end marker is searched segment by segment, so that neither the thumbnail inside an EXIF
    segment nor what follows the image is taken for its end.

    Args:
        data: the whole file, which begins as a JPEG.
        limits: what is refused.

    Returns:
        What the headers state.

    Raises:
        UnreadableImageError: damaged or truncated.
        UnsupportedImageError: another kind of JPEG, or too small.
        ImageTooLargeError: too many pixels.
    """
    orientation, frames, scans, end = exif.UPRIGHT, [], 0, 0
    for marker, content, after in segments(data):
        if marker == _EOI:
            end = after - 2
        elif marker in _FRAMES:
            frames.append(_frame(marker, content, limits))
        elif marker == _APP1 and content.startswith(b"Exif\0\0"):
            orientation = exif.orientation(content[6:])
        elif marker == _SOS:
            scans += 1
    # A second frame belongs to the next image, after one that was cut.
    if len(frames) != 1 or not scans:
        raise damaged("JPEG picture")
    if scans > _MAX_SCANS:
        # Each scan of a progressive JPEG costs a pass over the whole image: a small file, minutes of work.
        raise UnsupportedImageError(
            "Expected a JPEG of at most %(limit)s scans, received %(scans)s. Please export it again.",
            limit=_MAX_SCANS,
            scans=scans,
        )
    return frames[0]._replace(orientation=orientation, end=end)


def _ends_early(pixels: Pixels, data: bytes, end: int, flags: int) -> bool:
    """Whether a scan's data run out before the image is whole, although an end marker follows.

    Such an image ends in grey; so may a whole one, which more data behind its last block leave unchanged.
    """
    if (pixels[-2:, -2:] != _NO_DATA).any():
        return False
    return not np.array_equal(pixels, decode(data[:end] + _MORE_DATA + data[end:], flags, "JPEG picture"))


def segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield each marker, its segment's content and the position after it, up to and with the end marker.

    Raises:
        UnreadableImageError: the data ends before the end marker.
    """
    at = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            break
        marker, start = found[1][0], found.end()
        if marker == _EOI:
            yield marker, b"", start
            return
        at = start + int.from_bytes(data[start : start + 2])
        if at < start + 2 or at > len(data):
            break
        yield marker, data[start + 2 : at], at
    raise damaged("JPEG picture")


def _frame(marker: int, content: bytes, limits: Limits) -> Frame:
    """Read the frame header; refuse what OpenCV cannot read and what is too large (ITU-T T.81, B.2.2)."""
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
