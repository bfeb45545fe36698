"""PNG of every kind; errors in its chunks are found before libpng sees them."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from tests.xray.io.files import GREY, INTERLACED_PNG, LUMA, PNG, RGB, chunk, patched, png, scanlines
from xray.errors import ImageError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.png import ROWS, encode_png

DEEP = GREY.astype(np.uint16) * 7 + 900
BITS = np.where(GREY > 110, 255, 0).astype(np.uint8)
RAMP = np.rint((GREY.astype(float) - GREY.min()) * 255 / (int(GREY.max()) - int(GREY.min()))).astype(np.uint8)
PALETTE = chunk(b"PLTE", np.repeat(np.arange(255, -1, -1, dtype=np.uint8), 3).tobytes())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(PNG, GREY, id="grey"),
        pytest.param(INTERLACED_PNG, GREY, id="interlaced"),
        pytest.param(png(BITS, 0, depth=1), BITS, id="1 bit"),
        pytest.param(png(RGB, 2), LUMA, id="RGB becomes luma"),
        pytest.param(png(GREY, 3, PALETTE), 255 - GREY, id="palette"),
        pytest.param(
            png(GREY, 3, PALETTE, chunk(b"tRNS", bytes([0] * 100 + [255] * 156))),
            np.where(GREY < 100, 0, 255 - GREY),
            id="transparent palette entries become black",
        ),
        pytest.param(png(np.dstack([GREY, GREY * 0 + 255]), 4), GREY, id="opaque grey and alpha"),
        pytest.param(png(np.dstack([GREY, BITS]), 4), GREY * (BITS > 0), id="transparent becomes black"),
        pytest.param(
            png(np.dstack([RGB, GREY * 0 + 51]), 6), np.rint(LUMA * 0.2), id="translucent RGBA darkens towards black"
        ),
        pytest.param(png(DEEP, 0), RAMP, id="16 bits are stretched to their own range"),
        pytest.param(png(np.dstack([DEEP] * 3), 2), RAMP, id="16-bit RGB"),
        pytest.param(png(np.dstack([DEEP] * 3 + [DEEP * 0 + 65535]), 6), RAMP, id="16-bit RGBA"),
        pytest.param(png(DEEP * 0 + 900, 0), GREY * 0, id="16 bits without contrast become black"),
        pytest.param(PNG + b"<script>", GREY, id="with a tail"),
    ],
)
def test_every_kind_is_read(data: bytes, expected: np.ndarray) -> None:
    found = image.load(data).image
    assert found.dtype == np.uint8 and found.shape == expected.shape and found.flags.c_contiguous
    # Luma and alpha are rounded: up to 2 levels.
    np.testing.assert_allclose(found, expected, atol=2)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        pytest.param(PNG[:8], UnreadableImageError, "PNG", id="a signature"),
        pytest.param(patched(PNG, 60, b"\0\0"), UnreadableImageError, "damaged", id="wrong checksum"),
        pytest.param(
            patched(png(GREY, 0, chunk(b"tEXt", b"Comment\0PA")), 50, b"\0"),
            UnreadableImageError,
            "damaged",
            id="wrong checksum of a comment",
        ),
        pytest.param(
            PNG[:33] + chunk(b"IDAT", zlib.compress(scanlines(GREY))[:300]) + PNG[-12:],
            UnreadableImageError,
            "damaged",
            id="too few pixels with right checksums",
        ),
        pytest.param(PNG[:33] + PNG[-12:], UnreadableImageError, "damaged", id="no pixels"),
        pytest.param(
            png(GREY, 0, chunk(b"acTL", struct.pack(">II", 2, 0))), UnsupportedImageError, "animated", id="animated"
        ),
        pytest.param(png(GREY[:63], 0), UnsupportedImageError, "received 80 x 63", id="under 64 pixels"),
    ],
)
def test_refused_with_the_right_error(data: bytes, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.load(data)
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_an_inflating_chunk_never_reaches_the_decoder(monkeypatch: pytest.MonkeyPatch, kind: bytes) -> None:
    decode, seen = cv2.imdecode, []
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: seen.append(bytes(data)) or decode(data, flags))
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(2**22)))
    np.testing.assert_array_equal(image.load(png(GREY, 0, bomb)).image, GREY)
    assert kind not in seen[0]


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("height", [1, ROWS, 2 * ROWS + 3])
def test_an_encoded_image_is_decoded_unchanged(channels: int, height: int) -> None:
    shape = (height, 37) if channels == 1 else (height, 37, channels)
    pixels = RNG.integers(0, 256, shape, np.uint8)
    decoded = cv2.imdecode(np.frombuffer(encode_png(pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(decoded, pixels)


def test_black_and_white_takes_an_eighth_of_the_space() -> None:
    mask = RNG.random((2 * ROWS + 3, 37)) > 0.5
    content = encode_png(mask)
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), mask * 255)
    assert len(content) < mask.size / 6
