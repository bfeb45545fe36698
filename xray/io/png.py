"""A PNG's chunks, walked before anything is decoded."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from xray.errors import UnsupportedImageError, damaged
from xray.io import exif
from xray.io.limits import Limits, check_size

# A second of reading at most; real files have tens of chunks.
_MAX_CHUNKS = 100_000
# What OpenCV decodes a colour type to; a palette may be transparent.
_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}


def checked(data: bytes, limits: Limits) -> tuple[bytes, int]:
    """Check the size and every chunk, and keep those that make the picture.

    No profile, text or animation reaches libpng.

    Args:
        data: the whole file, which begins as a PNG.
        limits: what is refused.

    Returns:
        A PNG of the needed chunks alone, and the EXIF orientation, 1 to 8.

    Raises:
        UnreadableImageError: damaged or truncated.
        UnsupportedImageError: animated, or too small.
        ImageTooLargeError: too many pixels.

    Source:
        PNG specification, third edition, sections 5 (chunks) and 11 (their content).
    """
    if data[12:16] != b"IHDR" or len(data) < 26:
        raise damaged("PNG picture")
    width, height, depth, colour_type = struct.unpack_from(">IIBB", data, 16)
    # The limit is meant for 8-bit colour, three bytes a pixel; 16-bit colour with alpha takes eight.
    weight = _CHANNELS.get(colour_type, 1) * (2 if depth == 16 else 1)
    check_size(height, width, replace(limits, pixels=limits.pixels * 3 // max(weight, 3)))
    needed, orientation = [data[:8]], exif.UPRIGHT
    for kind, chunk in _chunks(data):
        if kind in _NEEDED:
            needed.append(chunk)
        elif kind == b"eXIf":
            orientation = exif.orientation(chunk[8:-4])
        elif kind == b"acTL":
            raise UnsupportedImageError("Expected one picture, received an animated PNG. Please export one.")
    return b"".join(needed), orientation


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's type and its whole bytes, up to IEND.

    Raises:
        UnreadableImageError: a wrong checksum, or no IEND.
    """
    view, at = memoryview(data), 8
    for _ in range(_MAX_CHUNKS):
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
    raise damaged("PNG picture")
