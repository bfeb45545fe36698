"""Lossless JPEG against an encoder written from the same standard; as a DICOM's frame in test_dicom.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xray.errors import ImageError, UnreadableImageError, UnsupportedImageError
from xray.io import lossless as codec

Encode = Callable[..., bytes]

NOISE = np.random.default_rng(1).integers(0, 2**16, (72, 96)).astype(np.uint16)
# The largest difference, which lossless JPEG writes in its own way.
NOISE[5, 5:7] = 0, 2**15
RAMP = np.add.outer(np.arange(72) * 36, np.arange(96) * 16).astype(np.uint16)


@pytest.mark.parametrize(
    ("pixels", "bits"),
    [(NOISE, 16), (RAMP, 12), (NOISE >> 4, 12), (NOISE >> 8, 8), (NOISE[:1, :1], 16), (RAMP * 0, 12)],
    ids=["16 bits of noise", "a ramp", "12 bits of noise", "8 bits", "one pixel", "nothing"],
)
def test_every_pixel_comes_back(lossless_jpeg: Encode, pixels: np.ndarray, bits: int) -> None:
    decoded = codec.decode_lossless_jpeg(lossless_jpeg(pixels, bits), pixels.shape)
    assert decoded.dtype == np.uint16
    np.testing.assert_array_equal(decoded, pixels)


def test_a_scan_is_decoded_across_blocks(lossless_jpeg: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_BLOCK", 7)
    np.testing.assert_array_equal(
        codec.decode_lossless_jpeg(lossless_jpeg(NOISE[:16, :16], 16), (16, 16)), NOISE[:16, :16]
    )


@pytest.mark.parametrize(
    ("kept", "shape", "options", "error", "words"),
    [
        (-900, RAMP.shape, {}, UnreadableImageError, "truncated"),
        (None, RAMP.T.shape, {}, UnreadableImageError, "damaged"),
        (None, RAMP.shape, {"predictor": 4}, UnsupportedImageError, "predicted from the left"),
    ],
    ids=["cut", "another size", "another predictor"],
)
def test_refuses_with_the_right_error(
    lossless_jpeg: Encode,
    kept: int | None,
    shape: tuple[int, int],
    options: dict[str, Any],
    error: type[ImageError],
    words: str,
) -> None:
    frame = lossless_jpeg(RAMP, 12, **options)[:kept] + b"\xff\xd9"
    with pytest.raises(error, match=words) as refusal:
        codec.decode_lossless_jpeg(frame, shape)
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))
