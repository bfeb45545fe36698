"""DICOM's run-length compression, unpacked no further than the picture; pydicom's decoder knows no bound."""

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.errors import damaged

Pixels = npt.NDArray[Any]

# Each costs a step and gives no pixel: 30 MB of them took five seconds. Encoders write none.
MOST_FILLERS = 1000


def decode(frame: bytes, shape: tuple[int, int], planes: int) -> Pixels:
    """Decode one run-length segment per byte of a pixel, the high byte first.

    Args:
        frame: a header of 64 bytes, which says where each segment begins, and the segments.
        shape: the height and width that it must have.
        planes: bytes of a pixel, 1 or 2.

    Returns:
        uint8 or uint16, of the given shape.

    Raises:
        UnreadableImageError: another number of segments.
        ValueError, struct.error: damaged or truncated.

    Source:
        DICOM PS3.5, annex G.
    """
    count, *starts = struct.unpack_from("<16I", frame)
    if count != planes:
        raise damaged("DICOM radiograph")
    stored: Pixels = np.zeros(shape, np.uint16)
    for start, end in zip(starts[:count], [*starts[1:count], len(frame)], strict=True):
        segment = _unpacked(frame[start:end], stored.size)
        stored = (stored << 8) | np.frombuffer(segment, np.uint8).reshape(shape)
    return stored.astype(f"u{planes}")


def _unpacked(source: bytes, size: int) -> bytes:
    """Undo the run lengths, up to a size."""
    target, at, fillers = bytearray(), 0, 0
    while len(target) < size and at < len(source) and fillers < MOST_FILLERS:
        count = source[at]
        fillers += count == 128
        if count < 128:
            target += source[at + 1 : at + 2 + count]
            at += count + 2
        else:
            # 128 is a filler: no bytes.
            target += source[at + 1 : at + 2] * (257 - count if count > 128 else 0)
            at += 2 if count > 128 else 1
    return bytes(target[:size])
