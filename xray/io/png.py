"""PNG: reading, with every chunk checked before anything is decoded, and writing.

The chunks are walked here because libpng allocates whatever a header asks for, inflates any profile or text, and
returns a full-size image for a truncated file.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from xray.errors import UnsupportedImageError, damaged
from xray.io import colour, exif
from xray.io.limits import Limits, check_size
from xray.io.pixels import Flaw, Pixels, decode

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# About a second of reading; real files have tens of chunks.
_MAX_CHUNKS = 100_000
# The channels to which OpenCV decodes a colour type; a palette may be transparent.
_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}

# Filter types of section 9.2: the difference from the row above, which suits slowly changing radiographs, and none.
_UP, _NONE = 2, 0
# The lowest level that searches for repeated runs; higher ones cost more time than they save space.
_COMPRESSION = 1
# Rows that are filtered and compressed at a time, so that no second copy of a large image is made.
ROWS = 128
# By channels: the colour type of section 11.2.1, and the conversion from OpenCV's order of channels.
_PALETTE = 3
_COLOURS = {1: (0, None), 3: (2, cv2.COLOR_BGR2RGB), 4: (6, cv2.COLOR_BGRA2RGBA)}


def read(data: bytes, limits: Limits) -> tuple[Pixels, tuple[Flaw, ...]]:
    """Read a PNG as grey, with its EXIF orientation applied.

    Args:
        data: the whole file, which begins as a PNG.
        limits: what is refused before decoding.

    Returns:
        uint8, or uint16 where the file holds 16 bits, shape (height, width); and what was passed over.

    Raises:
        ImageError: as `check` and `colour.to_grey`.
    """
    needed, orientation = check(data, limits)
    pixels, flaws = colour.without_blind_alpha(decode(needed, cv2.IMREAD_UNCHANGED, "PNG picture"))
    return exif.orient(colour.to_grey(pixels), orientation), flaws


def check(data: bytes, limits: Limits) -> tuple[bytes, int]:
    """Check the size and every chunk, and keep those that hold the image.

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
    # The limit is for 8-bit colour, three bytes a pixel; 16-bit colour with alpha takes eight.
    bytes_per_pixel = _CHANNELS.get(colour_type, 1) * (2 if depth == 16 else 1)
    check_size(height, width, replace(limits, pixels=limits.pixels * 3 // max(bytes_per_pixel, 3)))
    needed, orientation = [SIGNATURE], exif.UPRIGHT
    for kind, chunk in _chunks(data):
        if kind in _NEEDED:
            needed.append(chunk)
        elif kind == b"eXIf":
            orientation = exif.orientation(chunk[8:-4])
        elif kind == b"acTL":
            raise UnsupportedImageError("Expected one picture, received an animated PNG. Please export one.")
    return b"".join(needed), orientation


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each chunk's type and all its bytes, up to IEND.

    Raises:
        UnreadableImageError: a wrong checksum, or no IEND.
    """
    view, at = memoryview(data), len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + 12 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data) or isal_zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            break
        yield kind, data[at:end]
        if kind == b"IEND":
            return
        at = end
    raise damaged("PNG picture")


def encode_png(image: NDArray[np.uint8] | NDArray[np.bool_], palette: NDArray[np.uint8] | None = None) -> bytes:
    """Encode an image as PNG.

    Not by OpenCV, whose zlib is five times slower than ISA-L's and took a third of a request.

    Args:
        image: uint8, shape (height, width) for grey, or with 3 or 4 channels: blue, green, red, opacity; bool, shape
            (height, width), for black and white, which takes an eighth of the space.
        palette: the colour that each number of a grey image stands for: uint8, shape (256, 4), as of 4 channels.

    Source:
        PNG specification, third edition, sections 5 (chunks), 9 (filters), 10 (compression), 11.2.1 (header), 11.2.2
        (palette) and 11.3.1 (its opacity).
    """
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    depth = 1 if image.dtype == np.bool_ else 8
    kind = _COLOURS[channels][0] if palette is None else _PALETTE
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    compressor = isal_zlib.compressobj(_COMPRESSION)
    content = b"".join([*(compressor.compress(rows) for rows in _filtered(image, channels)), compressor.flush()])
    colours = (
        []
        if palette is None
        else [_chunk(b"PLTE", palette[:, 2::-1].tobytes()), _chunk(b"tRNS", palette[:, 3].tobytes())]
    )
    return b"".join([SIGNATURE, _chunk(b"IHDR", header), *colours, _chunk(b"IDAT", content), _chunk(b"IEND", b"")])


def _filtered(image: NDArray[np.uint8] | NDArray[np.bool_], channels: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the rows in blocks, each row after its filter type."""
    above: NDArray[np.uint8] | None = None
    for start in range(0, image.shape[0], ROWS):
        block = _bytes(image[start : start + ROWS], channels)
        rows = np.empty((block.shape[0], block.shape[1] + 1), np.uint8)
        if image.dtype == np.bool_:
            rows[:, 0], rows[:, 1:] = _NONE, block
        else:
            rows[:, 0] = _UP
            rows[0, 1:] = block[0] if above is None else block[0] - above
            np.subtract(block[1:], block[:-1], out=rows[1:, 1:])
        above = block[-1]
        yield rows


def _bytes(rows: NDArray[np.uint8] | NDArray[np.bool_], channels: int) -> NDArray[np.uint8]:
    """Return rows as PNG stores them: uint8, shape (rows, bytes)."""
    if rows.dtype == np.bool_:
        return np.packbits(rows, axis=1)
    order = _COLOURS[channels][1]
    ordered = rows if order is None else cv2.cvtColor(np.asarray(rows, np.uint8), order)
    return np.asarray(ordered, np.uint8).reshape(rows.shape[0], -1)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
