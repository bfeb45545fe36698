"""The two lossless compressions of DICOM that no library of ours decodes safely: RLE and lossless JPEG.

pydicom's RLE decoder has no bound. OpenCV reads no lossless JPEG of more than 8 bits, and the decoders that pydicom
could use are GPL (pylibjpeg-libjpeg) or too large for the hosts (GDCM).
"""

import struct
from itertools import islice

import numpy as np

from xray.errors import UnsupportedImageError, damaged
from xray.io.jpeg import segments
from xray.io.pixels import Pixels

# Each RLE filler costs a step and gives no pixel: 30 MB of them took five seconds. Encoders write none.
MOST_FILLERS = 1000
# Source: ITU-T T.81, table B.1.
_LOSSLESS_FRAME, _TABLES, _SCAN, _RESTART_INTERVAL = 0xC3, 0xC4, 0xDA, 0xDD
# Bytes of a scan that are decoded together: about 20 MB of working memory.
_BLOCK = 2**16


def decode_rle(frame: bytes, shape: tuple[int, int], planes: int) -> Pixels:
    """Decode one run-length segment per byte of a pixel, the high byte first, and no further than the image.

    Args:
        frame: a header of 64 bytes, which states where each segment begins, and the segments.
        shape: the expected height and width.
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
        segment = _expand_runs(frame[start:end], stored.size)
        stored = (stored << 8) | np.frombuffer(segment, np.uint8).reshape(shape)
    return stored.astype(f"u{planes}")


def _expand_runs(source: bytes, size: int) -> bytes:
    """Expand a segment's runs, up to a size in bytes."""
    target, at, fillers = bytearray(), 0, 0
    while len(target) < size and at < len(source) and fillers < MOST_FILLERS:
        count = source[at]
        if count < 128:
            target += source[at + 1 : at + 2 + count]
            at += count + 2
        elif count > 128:
            target += source[at + 1 : at + 2] * (257 - count)
            at += 2
        else:  # a filler: no bytes
            fillers += 1
            at += 1
    return bytes(target[:size])


def decode_lossless_jpeg(frame: bytes, shape: tuple[int, int]) -> Pixels:
    """Decode a lossless JPEG of one component, predicted from the left neighbour (selection value 1).

    Args:
        frame: the whole JPEG.
        shape: the expected height and width.

    Returns:
        uint16, of the given shape.

    Raises:
        UnreadableImageError: damaged, truncated or of another size.
        UnsupportedImageError: another predictor, or restart markers.
        LookupError, ValueError, struct.error: damaged, too.

    Source:
        ITU-T T.81, annexes B (segments) and H (lossless mode).
    """
    tables: dict[int, bytes] = {}
    found: dict[int, tuple[bytes, int]] = {}
    for marker, content, end in segments(frame):
        if marker == _TABLES:
            tables.update(_huffman_tables(content))
        found[marker] = content, end
    precision, *size, components = struct.unpack_from(">BHHB", found[_LOSSLESS_FRAME][0])
    header, scan = found[_SCAN]
    _, _, selector, predictor, _, shift = struct.unpack_from(">6B", header)
    if tuple(size) != shape or components != 1:
        raise damaged("DICOM radiograph")
    if predictor != 1 or any(found.get(_RESTART_INTERVAL, (b"", 0))[0]):
        raise UnsupportedImageError(
            "Expected lossless JPEG predicted from the left and without restart marks, "
            "received another kind. Please export the radiograph uncompressed."
        )
    bits = frame[scan : frame.rindex(b"\xff\xd9")].replace(b"\xff\0", b"\xff")
    differences = _differences(bits, _huffman_codes(tables[selector >> 4]), shape[0] * shape[1])
    differences = differences.reshape(shape)
    differences[:1, :1] += 1 << (precision - shift - 1)
    # Sums are modulo 65,536: the first column downwards, then each row from its left.
    differences[:, 0] = np.cumsum(differences[:, 0], dtype=np.uint16)
    return np.asarray(np.cumsum(differences, axis=1, dtype=np.uint16) << shift)


def _huffman_tables(segment: bytes) -> dict[int, bytes]:
    """Split a segment into its tables: 16 counts of codes by length, then the categories of these codes."""
    tables, at = {}, 0
    while at + 17 <= len(segment):
        end = at + 17 + sum(segment[at + 1 : at + 17])
        tables[segment[at]] = segment[at + 1 : end]
        at = end
    return tables


def _huffman_codes(table: bytes) -> Pixels:
    """Return the code length and the category with which any 16 bits begin; length 0 where no code matches.

    Source: ITU-T T.81, annex C.
    """
    codes, code, categories = np.zeros((2**16, 2), np.int64), 0, iter(table[16:])
    for length, count in enumerate(table[:16], start=1):
        for category in islice(categories, count):
            following = code + (1 << (16 - length))
            codes[code:following] = length, category
            code = following
    return codes


def _differences(scan: bytes, codes: Pixels, count: int) -> Pixels:
    """Decode the differences of a lossless scan, modulo 65,536.

    The end of a code is known only once its start is. So the distance from every bit to a next code is looked up at
    once, block by block, and the only loop in Python follows these distances.

    Source: ITU-T T.81, F.2.2.1 (extra bits) and H.1.2.2 (categories).
    """
    lengths, categories = codes.T
    # A category of 16 stands for 32,768 and has no extra bits.
    steps = np.maximum(lengths + np.where(categories == 16, 0, categories), 1).astype(np.uint8)
    data = np.frombuffer(scan + bytes(8), np.uint8).astype(np.int64)
    differences, done, at = np.zeros(count, np.uint16), 0, 0
    for start in range(0, len(scan), _BLOCK):
        stop = min(start + _BLOCK, len(scan))
        five_bytes = np.zeros(stop - start, np.int64)
        for byte in range(5):
            five_bytes = five_bytes << 8 | data[start + byte : stop + byte]
        next_16_bits = (five_bytes[:, None] >> np.arange(24, 16, -1) & 0xFFFF).ravel()
        distances, begins = steps[next_16_bits].tobytes(), list[int]()
        at -= 8 * start
        while at < len(distances) and len(begins) < count - done:
            begins.append(at)
            at += distances[at]
        begin = np.array(begins, np.int64)
        length, category = codes[next_16_bits[begin]].T
        if not length.all() or (category > 16).any():
            raise damaged("DICOM radiograph")
        extra = five_bytes[begin >> 3] >> (40 - (begin & 7) - length - category) & ((1 << category) - 1)
        signed = np.where(extra >= (1 << category) >> 1, extra, extra - (1 << category) + 1)
        differences[done : done + begin.size] = np.where(category == 16, 2**15, signed) & 0xFFFF
        done += begin.size
        at += 8 * start
    if done < count or at > 8 * len(scan):
        raise damaged("DICOM radiograph")
    return differences
