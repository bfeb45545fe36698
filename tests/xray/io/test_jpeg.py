"""JPEG: whole, or refused; OpenCV itself shows one that was cut in the middle."""

import struct

import cv2
import numpy as np
import pytest

from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.limits import Limits

# Height and width differ and no symmetry holds, so that a swap or a flip shows.
GREY = np.add.outer(np.arange(72) * 2, np.arange(80)).astype(np.uint8)
# A faint colour each way; a film that is coloured all over would be refused.
RGB = np.stack([GREY, GREY + np.uint8(9), GREY - GREY // 16], axis=-1)
LUMA = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)


def jpeg(pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100, *options])[1].tobytes()


def with_segment(marker: int, content: bytes) -> bytes:
    """Put a segment behind the picture's first two bytes."""
    return WHOLE[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + WHOLE[2:]


def patched(at: int, content: bytes) -> bytes:
    return WHOLE[:at] + content + WHOLE[at + len(content) :]


WHOLE = jpeg(GREY)
PROGRESSIVE = jpeg(cv2.merge([GREY] * 3), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
WITH_THUMBNAIL = with_segment(0xE1, b"Exif\0\0" + WHOLE)
FRAME = WHOLE.index(b"\xff\xc0")
SCAN = WHOLE.index(b"\xff\xda")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(WHOLE, GREY, id="baseline"),
        pytest.param(PROGRESSIVE, GREY, id="progressive colour of grey content"),
        pytest.param(jpeg(RGB[..., ::-1], cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111), LUMA, id="colour"),
        pytest.param(WHOLE + b"<script>\xff\xd9", GREY, id="with a tail"),
        pytest.param(WHOLE + jpeg(RGB), GREY, id="two in a file: the first"),
        pytest.param(with_segment(0xE2, WHOLE), GREY, id="another inside a segment"),
        pytest.param(with_segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"), GREY, id="garbled EXIF"),
    ],
)
def test_reads_every_kind(data: bytes, expected: np.ndarray) -> None:
    picture = image.read(data)
    assert picture.dtype == np.uint8 and picture.shape == expected.shape and picture.flags.c_contiguous
    # JPEG and the rounding of luma may differ by 2 levels.
    np.testing.assert_allclose(picture, expected, atol=2)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        pytest.param(WHOLE[:3], UnreadableImageError, "JPEG", id="a signature"),
        pytest.param(jpeg(GREY[:, :63]), UnsupportedImageError, "received 63 x 72", id="under 64 pixels"),
        pytest.param(WHOLE[: SCAN + 200] + WHOLE, UnreadableImageError, "truncated", id="cut before a whole one"),
        pytest.param(WHOLE[: SCAN + 200] + b"<script>" * 9, UnreadableImageError, "truncated", id="cut, with a tail"),
        pytest.param(b"\xff\xd8\xff\xd9", UnreadableImageError, "JPEG", id="no picture"),
        pytest.param(patched(FRAME + 5, b"\0\0"), UnreadableImageError, "80 x 0", id="no height"),
        pytest.param(patched(FRAME, b"\xff\xc3"), UnsupportedImageError, "lossless", id="lossless"),
        pytest.param(patched(FRAME, b"\xff\xc9"), UnsupportedImageError, "arithmetic", id="arithmetic"),
        pytest.param(patched(FRAME + 4, b"\x0c"), UnsupportedImageError, "12-bit", id="12 bits"),
        pytest.param(
            WHOLE[:SCAN] + WHOLE[SCAN : SCAN + 10] * 101 + b"\xff\xd9", UnsupportedImageError, "101", id="101 scans"
        ),
    ],
)
def test_refuses_with_the_right_error(data: bytes, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.read(data)
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


@pytest.mark.parametrize(
    "data", [WHOLE, PROGRESSIVE, WITH_THUMBNAIL], ids=["baseline", "progressive", "with an EXIF thumbnail"]
)
def test_refuses_a_picture_cut_anywhere(data: bytes) -> None:
    for kept in {*range(16, len(data) - 1, 97), len(data) - 1}:
        with pytest.raises(UnreadableImageError):
            image.read(data[:kept])


@pytest.mark.parametrize(
    ("data", "limits", "words"),
    [
        pytest.param(WHOLE, Limits(pixels=5000), "received 80 x 72", id="pixels"),
        pytest.param(patched(FRAME + 5, struct.pack(">HH", 5001, 5000)), Limits(), "25 million", id="bomb"),
    ],
)
def test_refuses_what_is_too_large_before_decoding(
    monkeypatch: pytest.MonkeyPatch, data: bytes, limits: Limits, words: str
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(ImageTooLargeError, match=words):
        image.read(data, limits)


@pytest.mark.parametrize("data", [WHOLE, PROGRESSIVE], ids=["baseline", "progressive"])
def test_damage_gives_a_picture_or_an_image_error(data: bytes) -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = np.frombuffer(data, np.uint8).copy()
        damaged[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        try:
            assert image.read(damaged.tobytes()).dtype == np.uint8
        except ImageError as error:
            assert error.status in (400, 413, 415)
