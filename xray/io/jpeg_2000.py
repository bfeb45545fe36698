"""JPEG 2000: what the headers ask of a decoder, bounded before anything is decoded; then decoding in a child process.

A few hundred bytes may state millions of tiles, precincts, code-blocks and layers, each of which costs memory and time.

Source:
    ITU-T T.800, annexes A (markers) and B (how an image is divided).
"""

import math
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from xray.errors import Phrase, UnsupportedImageError, XrayError, damaged
from xray.io.child import Child, DecodingError
from xray.io.pixels import Pixels

_SOC, _SIZ, _COD, _COC, _POC, _SOT, _SOD, _EOC = 0xFF4F, 0xFF51, 0xFF52, 0xFF53, 0xFF5F, 0xFF90, 0xFF93, 0xFFD9
_START = struct.pack(">HH", _SOC, _SIZ)
_TOO_COSTLY = Phrase(
    "Expected a JPEG 2000 of ordinary structure, received one that would take too much time or memory. "
    "Please export the radiograph uncompressed."
)
# Tile-parts, precincts and code-blocks. 25 million pixels in code-blocks of 32 x 32 have 33,000.
MOST_PARTS = 200_000
# Encoders write 1 to 20.
MOST_LAYERS = 100
# Precincts and code-blocks, each once for every layer and every order of progression.
MOST_STEPS = 1_000_000
_MOST_LEVELS = 32  # table A.15
_MOST_CODINGS = 32  # different ones; files have one
_POC_BYTES = 7  # of one change, where there is but one component (A.6.6)
_MOST_PRECISION = 16

_child = Child()


class _Axis(NamedTuple):
    """What SIZ states along one axis, in pixels of the reference grid (A.5.1)."""

    stop: int
    start: int
    tile: int
    tile_start: int

    @property
    def tiles(self) -> int:
        """How many tiles there are."""
        return math.ceil((self.stop - self.tile_start) / self.tile)

    def edges(self) -> tuple[Pixels, Pixels]:
        """Return the first pixel of each tile, and the first after it: int64, shape (tiles,) (B.3)."""
        first = self.tile_start + self.tile * np.arange(self.tiles)
        return np.maximum(first, self.start), np.minimum(first + self.tile, self.stop)


class _Coding(NamedTuple):
    """What COD or COC states: the logarithms of the sides of code-blocks, and of precincts by resolution (A.6.1)."""

    block: tuple[int, int]
    precincts: tuple[tuple[int, int], ...]

    def parts(self, axes: tuple[_Axis, _Axis]) -> int:
        """Return how many precincts and code-blocks there are in all tiles: of the latter at most (B.6, B.7)."""
        count, levels = 0, len(self.precincts) - 1
        for level, sides in enumerate(self.precincts):
            precincts = blocks = 1
            # Above the lowest resolution there are three bands of half the size.
            half = min(level, 1)
            for axis, side, block in zip(axes, sides, self.block, strict=True):
                first, end = (-(-edge >> (levels - level)) for edge in axis.edges())
                precincts *= _pieces(first, end, side)
                blocks *= _pieces(first >> half, (end + half) >> half, min(block, max(side - half, 0)))
            count += precincts + (3 if level else 1) * blocks
        return count


def _pieces(first: Pixels, end: Pixels, side: int) -> int:
    """Return into how many pieces of 2**side some ranges fall."""
    return int(np.where(end > first, -(-end >> side) - (first >> side), 0).sum())


def decode(frame: bytes, shape: tuple[int, int], *, signed: bool) -> Pixels:
    """Decode a JPEG 2000 of one component.

    Args:
        frame: the codestream, or a whole JP2 file, of which nothing but the codestream is read.
        shape: the expected height and width.
        signed: whether the values that are wanted have a sign, whatever the file says.

    Returns:
        Integers of 8 or 16 bits, with or without sign as wanted, of the given shape.

    Raises:
        UnreadableImageError: damaged, of another size, or of several components.
        UnsupportedImageError: it would take more time or memory than any radiograph.
        XrayError: no child process can be started.
        ValueError, struct.error: damaged, too.
    """
    codestream = frame[frame.index(_START) :]
    depth = check(codestream, shape)
    precision, has_sign = (depth & 0x7F) + 1, bool(depth & 0x80)
    try:
        content = _child.decode(codestream)
    except DecodingError as error:
        raise (UnsupportedImageError(_TOO_COSTLY) if error.exceeded else damaged("DICOM radiograph")) from error
    except OSError as error:
        raise XrayError("Expected to start a decoder with %(python)s.", python=sys.executable) from error
    item = 1 if precision <= 8 else 2
    samples = np.frombuffer(content, f"<{'i' if signed else 'u'}{item}").reshape(shape)
    shift = 8 * item - precision
    # A sample of the other kind keeps its bits: those above are filled anew.
    return np.asarray(samples << shift >> shift) if signed != has_sign else samples


def check(codestream: bytes, shape: tuple[int, int]) -> int:
    """Check a codestream's size and what its headers ask of a decoder.

    Args:
        codestream: it begins with the marker of its start.
        shape: the expected height and width.

    Returns:
        The bits of a sample less 1, and 128 more where samples have a sign (A.5.1, Ssiz).

    Raises:
        UnreadableImageError: damaged, of another size, or of several components.
        UnsupportedImageError: more parts or layers than any radiograph has.
        LookupError, struct.error: damaged, too.
    """
    layers, orders, codings, tile_parts, size = 1, 1, set[_Coding](), 0, b""
    for marker, content in _segments(codestream):
        if marker == _SIZ:
            size = size or content
        elif marker == _COD:
            layers = max(layers, *struct.unpack_from(">H", content, 2))
            codings.add(_coding(content[5:], custom=bool(content[0] & 1)))
        elif marker == _COC:
            # The index of a component takes one byte, as there is but one.
            codings.add(_coding(content[2:], custom=bool(content[1] & 1)))
        elif marker == _POC:
            orders += len(content) // _POC_BYTES
        elif marker == _SOT:
            tile_parts += 1
    right, bottom, left, top, *tile, components, depth = struct.unpack_from(">8IHB", size, 2)
    axes = _Axis(right, left, tile[0], tile[2]), _Axis(bottom, top, tile[1], tile[3])
    whole = codings and tile_parts and min(tile[:2]) and (depth & 0x7F) < _MOST_PRECISION
    if not whole or (bottom - top, right - left) != shape or components != 1:
        raise damaged("DICOM radiograph")
    tiles = axes[0].tiles * axes[1].tiles
    costly = layers > MOST_LAYERS or len(codings) > _MOST_CODINGS or max(tiles, tile_parts) > MOST_PARTS
    parts = 0 if costly else max(coding.parts(axes) for coding in codings)
    if costly or parts > MOST_PARTS or parts * layers * orders > MOST_STEPS:
        raise UnsupportedImageError(_TOO_COSTLY)
    return int(depth)


def _segments(codestream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each marker of the main header and of the headers of tile-parts, and its segment's content (A.4)."""
    at, start, length = 2, 0, 0
    while at + 2 <= len(codestream):
        marker = int.from_bytes(codestream[at : at + 2])
        if marker == _EOC:
            return
        if marker == _SOD:
            # A length of 0 stands for all that is left, in the last tile-part.
            if not length:
                return
            if start + length <= at:
                break
            at = start + length
            continue
        end = at + 2 + int.from_bytes(codestream[at + 2 : at + 4])
        if marker < 0xFF00 or end < at + 4 or end > len(codestream):
            break
        content = codestream[at + 4 : end]
        if marker == _SOT:
            start, (length,) = at, struct.unpack_from(">I", content, 2)
        yield marker, content
        at = end


def _coding(content: bytes, *, custom: bool) -> _Coding:
    """Read the part that COD and COC share.

    Args:
        content: of the segment, from the number of decomposition levels on.
        custom: whether sizes of precincts follow; else each is 2**15.
    """
    levels, across, down = struct.unpack_from(">3B", content)
    if levels > _MOST_LEVELS or max(across, down) > 8 or across + down > 8:
        raise damaged("DICOM radiograph")
    sides = struct.unpack_from(f">{levels + 1}B", content, 5) if custom else (0xFF,) * (levels + 1)
    return _Coding((across + 2, down + 2), tuple((side & 15, side >> 4) for side in sides))
