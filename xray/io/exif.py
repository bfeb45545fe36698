"""EXIF orientation: reading it, and applying it to an image.

Not OpenCV's: it applies none where 16 bits or transparency are kept, and would parse all of a hostile EXIF block.
"""

import struct
from contextlib import suppress

import numpy as np

from xray.io.pixels import Pixels

UPRIGHT = 1
ORIENTATION = 274
# By orientation: whether rows and columns are exchanged first, then the row step and the column step.
# Source: TIFF 6.0, section 8, tag Orientation.
_STEPS = {
    1: (False, 1, 1),
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, 1, -1),
    7: (True, -1, -1),
    8: (True, -1, 1),
}


def orientation(block: bytes) -> int:
    """Find the orientation in the first directory of a TIFF block.

    Args:
        block: the content of a PNG's eXIf chunk, or of a JPEG's Exif segment after its name.

    Returns:
        1 to 8; UPRIGHT where it is missing or garbled.

    Source:
        TIFF 6.0, section 2 (the directory), tag 274.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return UPRIGHT
    with suppress(struct.error):
        (directory,) = struct.unpack_from(order + "I", block, 4)
        (entries,) = struct.unpack_from(order + "H", block, directory)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(order + "HHIH", block, directory + 2 + 12 * entry)
            if tag == ORIENTATION:
                return int(value) if value in _STEPS else UPRIGHT
    return UPRIGHT


def is_known(orientation: object) -> bool:
    """Whether a value is an orientation, 1 to 8."""
    return orientation in _STEPS


def is_sideways(orientation: int) -> bool:
    """Whether the orientation exchanges height and width."""
    return _STEPS[orientation][0]


def orient(image: Pixels, orientation: int) -> Pixels:
    """Rotate or mirror an image as its orientation, 1 to 8, asks for."""
    exchange, row_step, column_step = _STEPS[orientation]
    return np.ascontiguousarray((image.T if exchange else image)[::row_step, ::column_step])
