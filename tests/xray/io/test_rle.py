"""DICOM's run lengths; against pydicom's encoder in test_dicom.py."""

import struct
import tracemalloc

import numpy as np
import pytest

from xray.errors import UnreadableImageError
from xray.io.lossless import decode_rle

SHAPE = (72, 96)
# Runs of 128 equal bytes, and one of 127: 54 of them fill the picture.
ZEROS, ONES = b"\x81\0", b"\x81\1"
MEGABYTE = ZEROS * 2**19


def frame(*segments: bytes) -> bytes:
    starts = [64 + sum(map(len, segments[:number])) for number in range(len(segments))]
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


def test_runs_literals_and_fillers() -> None:
    low = bytes([255, 7, 128, 2, 1, 2, 3, 128, 254, 9])
    np.testing.assert_array_equal(decode_rle(frame(low), (2, 4), 1), [[7, 7, 1, 2], [3, 9, 9, 9]])


def test_the_high_byte_comes_first() -> None:
    decoded = decode_rle(frame(ONES * 54, ZEROS * 54), SHAPE, 2)
    assert decoded.dtype == np.uint16
    assert (decoded == 256).all()


def test_runs_are_unpacked_no_further_than_the_picture() -> None:
    # A megabyte of runs would unpack to 64.
    data = frame(MEGABYTE, ONES * 54)
    tracemalloc.start()
    try:
        assert (decode_rle(data, SHAPE, 2) == 1).all()
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_another_number_of_planes_is_refused() -> None:
    with pytest.raises(UnreadableImageError, match="damaged"):
        decode_rle(frame(ONES * 54), SHAPE, 2)


def test_a_segment_that_ends_early_is_refused() -> None:
    with pytest.raises(ValueError, match="reshape"):
        decode_rle(frame(ONES * 53), SHAPE, 1)


def test_more_fillers_than_any_encoder_writes_are_refused() -> None:
    few, many = b"\x80" * 10, b"\x80" * 5000
    assert (decode_rle(frame(few + ONES * 54), SHAPE, 1) == 1).all()
    with pytest.raises(ValueError, match="reshape"):
        decode_rle(frame(many + ONES * 54), SHAPE, 1)
