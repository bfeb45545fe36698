"""JPEG: read whole, or refused; OpenCV alone decodes one that was cut in the middle."""

import cv2
import numpy as np
import pytest

from tests.xray.io.files import GREY, JPEG, LUMA, PROGRESSIVE_JPEG, RGB, jpeg, patched, with_segment
from xray.errors import ImageError, UnreadableImageError, UnsupportedImageError
from xray.io import image

FRAME = JPEG.index(b"\xff\xc0")
SCAN = JPEG.index(b"\xff\xda")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(JPEG, GREY, id="baseline"),
        pytest.param(PROGRESSIVE_JPEG, GREY, id="progressive colour of grey content"),
        pytest.param(jpeg(RGB[..., ::-1], cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111), LUMA, id="colour"),
        pytest.param(JPEG + b"<script>\xff\xd9", GREY, id="with a tail"),
        pytest.param(JPEG + jpeg(RGB), GREY, id="two in a file: the first"),
        pytest.param(with_segment(JPEG, 0xE2, JPEG), GREY, id="another inside a segment"),
    ],
)
def test_every_kind_is_read(data: bytes, expected: np.ndarray) -> None:
    found = image.load(data).image
    assert found.dtype == np.uint8 and found.shape == expected.shape and found.flags.c_contiguous
    # JPEG and luma are rounded: up to 2 levels.
    np.testing.assert_allclose(found, expected, atol=2)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        pytest.param(JPEG[:3], UnreadableImageError, "JPEG", id="a signature"),
        pytest.param(jpeg(GREY[:, :63]), UnsupportedImageError, "received 63 x 72", id="under 64 pixels"),
        pytest.param(JPEG[: SCAN + 200] + JPEG, UnreadableImageError, "truncated", id="cut before a whole one"),
        pytest.param(JPEG[: SCAN + 200] + b"<script>" * 9, UnreadableImageError, "truncated", id="cut, with a tail"),
        pytest.param(b"\xff\xd8\xff\xd9", UnreadableImageError, "JPEG", id="no image"),
        pytest.param(patched(JPEG, FRAME + 5, b"\0\0"), UnreadableImageError, "80 x 0", id="no height"),
        pytest.param(patched(JPEG, FRAME, b"\xff\xc3"), UnsupportedImageError, "lossless", id="lossless"),
        pytest.param(patched(JPEG, FRAME, b"\xff\xc9"), UnsupportedImageError, "arithmetic", id="arithmetic"),
        pytest.param(patched(JPEG, FRAME + 4, b"\x0c"), UnsupportedImageError, "12-bit", id="12 bits"),
        pytest.param(
            JPEG[:SCAN] + JPEG[SCAN : SCAN + 10] * 101 + b"\xff\xd9", UnsupportedImageError, "101", id="101 scans"
        ),
    ],
)
def test_refused_with_the_right_error(data: bytes, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.load(data)
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))
