"""RLE and lossless JPEG, against encoders written from the same standards."""

import struct
import tracemalloc

import numpy as np
import pytest

from tests.xray.io.files import encode_lossless_jpeg
from xray.errors import UnreadableImageError, UnsupportedImageError
from xray.io.lossless import decode_lossless_jpeg, decode_rle

SHAPE = (72, 96)
# Runs of 128 equal bytes: 54 of them fill the image.
ZEROS, ONES, FILLER = b"\x81\0", b"\x81\1", b"\x80"

NOISE = np.random.default_rng(1).integers(0, 2**16, SHAPE).astype(np.uint16)
# The largest difference, which lossless JPEG encodes in its own way.
NOISE[5, 5:7] = 0, 2**15
RAMP = np.add.outer(np.arange(72) * 36, np.arange(96) * 16).astype(np.uint16)


def rle(*segments: bytes) -> bytes:
    starts = [64 + sum(map(len, segments[:number])) for number in range(len(segments))]
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


def test_rle_of_runs_literals_and_fillers() -> None:
    low = bytes([255, 7, 128, 2, 1, 2, 3, 128, 254, 9])
    np.testing.assert_array_equal(decode_rle(rle(low), (2, 4), 1), [[7, 7, 1, 2], [3, 9, 9, 9]])


def test_rle_is_expanded_no_further_than_the_image() -> None:
    data = rle(ZEROS * 2**19, ONES * 54)  # a megabyte of runs, which would expand to 64
    tracemalloc.start()
    try:
        assert (decode_rle(data, SHAPE, 2) == 1).all()
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("segment", "planes"),
    [(ONES * 54, 2), (ONES * 53, 1), (FILLER * 5000 + ONES * 54, 1)],
    ids=["a plane missing", "too few pixels", "more fillers than any encoder writes"],
)
def test_damaged_rle_is_refused(segment: bytes, planes: int) -> None:
    with pytest.raises((UnreadableImageError, ValueError)):
        decode_rle(rle(segment), SHAPE, planes)


@pytest.mark.parametrize(
    ("pixels", "bits"),
    [(np.tile(NOISE, (3, 1)), 16), (RAMP, 12), (NOISE >> 4, 12), (NOISE >> 8, 8), (NOISE[:1, :1], 16), (RAMP * 0, 12)],
    ids=["several blocks of noise", "a ramp", "12 bits of noise", "8 bits", "one pixel", "black"],
)
def test_lossless_jpeg_gives_every_pixel_back(pixels: np.ndarray, bits: int) -> None:
    decoded = decode_lossless_jpeg(encode_lossless_jpeg(pixels, bits), pixels.shape)
    assert decoded.dtype == np.uint16
    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize(
    ("kept", "shape", "options", "error", "words"),
    [
        (-900, RAMP.shape, {}, UnreadableImageError, "truncated"),
        (None, RAMP.T.shape, {}, UnreadableImageError, "damaged"),
        (None, RAMP.shape, {"predictor": 4}, UnsupportedImageError, "predicted from the left"),
    ],
    ids=["cut", "another size", "another predictor"],
)
def test_other_lossless_jpeg_is_refused(kept, shape, options, error, words):
    frame = encode_lossless_jpeg(RAMP, 12, **options)[:kept] + b"\xff\xd9"
    with pytest.raises(error, match=words) as refusal:
        decode_lossless_jpeg(frame, shape)
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))
