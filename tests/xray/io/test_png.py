"""PNG of every kind; what is wrong in its chunks is found before libpng sees it."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.limits import Limits

# Height and width differ and no symmetry holds, so that a swap or a flip shows.
GREY = np.add.outer(np.arange(72) * 2, np.arange(80)).astype(np.uint8)
DEEP = GREY.astype(np.uint16) * 7 + 900
# A faint colour each way; a film that is coloured all over would be refused.
RGB = np.stack([GREY, GREY + np.uint8(9), GREY - GREY // 16], axis=-1)
LUMA = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)
BITS = np.where(GREY > 110, 255, 0).astype(np.uint8)
RAMP = np.rint((GREY.astype(float) - GREY.min()) * 255 / (int(GREY.max()) - int(GREY.min()))).astype(np.uint8)

ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def scanlines(samples: np.ndarray) -> bytes:
    """Each row behind its filter byte (none), samples of 16 bits in network order."""
    return b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in samples)


def png(
    samples: np.ndarray, colour: int, *extra: bytes, depth: int = 0, passes: list[tuple[int, ...]] | None = None
) -> bytes:
    """Write a PNG by hand: any colour type, depth, interlacing, and any chunk before the pixels."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth or samples.itemsize * 8, colour, 0, 0, bool(passes))
    if depth == 1:
        samples = np.packbits(samples, axis=1)
    lines = b"".join(scanlines(samples[y::dy, x::dx]) for y, x, dy, dx in passes or [(0, 0, 1, 1)])
    pixels = chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + pixels + chunk(b"IEND", b"")


def patched(picture: bytes, at: int, content: bytes) -> bytes:
    return picture[:at] + content + picture[at + len(content) :]


WHOLE = png(GREY, 0)
INTERLACED = png(GREY, 0, passes=ADAM7)
PALETTE = chunk(b"PLTE", np.repeat(np.arange(255, -1, -1, dtype=np.uint8), 3).tobytes())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(WHOLE, GREY, id="grey"),
        pytest.param(INTERLACED, GREY, id="interlaced"),
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
        pytest.param(WHOLE + b"<script>", GREY, id="with a tail"),
    ],
)
def test_reads_every_kind(data: bytes, expected: np.ndarray) -> None:
    picture = image.read(data)
    assert picture.dtype == np.uint8 and picture.shape == expected.shape and picture.flags.c_contiguous
    # The rounding of luma and alpha may differ by 2 levels.
    np.testing.assert_allclose(picture, expected, atol=2)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        pytest.param(WHOLE[:8], UnreadableImageError, "PNG", id="a signature"),
        pytest.param(patched(WHOLE, 60, b"\0\0"), UnreadableImageError, "damaged", id="wrong checksum"),
        pytest.param(
            patched(png(GREY, 0, chunk(b"tEXt", b"Comment\0PA")), 50, b"\0"),
            UnreadableImageError,
            "damaged",
            id="wrong checksum of a comment",
        ),
        pytest.param(
            WHOLE[:33] + chunk(b"IDAT", zlib.compress(scanlines(GREY))[:300]) + WHOLE[-12:],
            UnreadableImageError,
            "damaged",
            id="too few pixels behind right checksums",
        ),
        pytest.param(WHOLE[:33] + WHOLE[-12:], UnreadableImageError, "damaged", id="no pixels"),
        pytest.param(
            png(GREY, 0, chunk(b"acTL", struct.pack(">II", 2, 0))), UnsupportedImageError, "animated", id="animated"
        ),
        pytest.param(png(GREY[:63], 0), UnsupportedImageError, "received 80 x 63", id="under 64 pixels"),
    ],
)
def test_refuses_with_the_right_error(data: bytes, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.read(data)
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


@pytest.mark.parametrize("data", [WHOLE, INTERLACED], ids=["plain", "interlaced"])
def test_refuses_a_picture_cut_anywhere(data: bytes) -> None:
    for kept in {*range(16, len(data) - 1, 97), len(data) - 1}:
        with pytest.raises(UnreadableImageError):
            image.read(data[:kept])


@pytest.mark.parametrize(
    ("data", "limits", "words"),
    [
        pytest.param(WHOLE, Limits(pixels=5000), "received 80 x 72", id="pixels"),
        pytest.param(patched(WHOLE, 16, struct.pack(">IIB", 20000, 20000, 1)), Limits(), "20000 x 20000", id="bomb"),
        pytest.param(
            patched(WHOLE, 16, struct.pack(">IIBB", 4000, 4000, 16, 6)), Limits(), "9.375", id="8 bytes a pixel"
        ),
    ],
)
def test_refuses_what_is_too_large_before_decoding(
    monkeypatch: pytest.MonkeyPatch, data: bytes, limits: Limits, words: str
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(ImageTooLargeError, match=words):
        image.read(data, limits)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_an_inflating_chunk_never_reaches_the_decoder(monkeypatch: pytest.MonkeyPatch, kind: bytes) -> None:
    decode, seen = cv2.imdecode, []
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: seen.append(bytes(data)) or decode(data, flags))
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(2**22)))
    np.testing.assert_array_equal(image.read(png(GREY, 0, bomb)), GREY)
    assert kind not in seen[0]


def test_damage_gives_a_picture_or_an_image_error() -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = np.frombuffer(WHOLE, np.uint8).copy()
        damaged[rng.integers(0, len(WHOLE), 4)] = rng.integers(0, 256, 4)
        try:
            assert image.read(damaged.tobytes()).dtype == np.uint8
        except ImageError as error:
            assert error.status in (400, 413, 415)
