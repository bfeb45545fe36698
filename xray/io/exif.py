"""Which way up a camera or an exporter says that a picture is."""

import struct
from contextlib import suppress

UPRIGHT = 1
_ORIENTATION = 274


def orientation(block: bytes) -> int:
    """Find the orientation in the first directory of a TIFF block.

    Args:
        block: the content of a PNG's eXIf chunk, or of a JPEG's Exif segment behind its name.

    Returns:
        1 to 8; 1, which is upright, where it is absent or garbled.

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
            if tag == _ORIENTATION:
                return int(value) if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT
