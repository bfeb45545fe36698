"""PNG and JPEG of every kind, and what is refused: damage is found before a decoder sees it."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from tests.xray.io.files import (
    GREY,
    INTERLACED_PNG,
    JPEG,
    LUMA,
    PNG,
    PROGRESSIVE_JPEG,
    RGB,
    assert_refused,
    chunk,
    encoded,
    jpeg,
    patched,
    png,
    scanlines,
    with_segment,
)
from xray.errors import ImageError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.png import ROWS, encode_png

DEEP = GREY.astype(np.uint16) * 7 + 900
BITS = np.where(GREY > 110, 255, 0).astype(np.uint8)
RAMP = np.rint((GREY.astype(float) - GREY.min()) * 255 / (int(GREY.max()) - int(GREY.min()))).astype(np.uint8)
PALETTE = chunk(b"PLTE", np.repeat(np.arange(255, -1, -1, dtype=np.uint8), 3).tobytes())
HALF_CLEAR = chunk(b"tRNS", bytes([0] * 100 + [255] * 156))
GREY_END = np.vstack([GREY, np.full((16, GREY.shape[1]), 128, np.uint8)])
FRAME, SCAN = JPEG.index(b"\xff\xc0"), JPEG.index(b"\xff\xda")

KINDS = {
    "grey": (PNG, GREY),
    "interlaced": (INTERLACED_PNG, GREY),
    "1 bit": (png(BITS, 0, depth=1), BITS),
    "RGB becomes luma": (png(RGB, 2), LUMA),
    "palette": (png(GREY, 3, PALETTE), 255 - GREY),
    "transparent palette entries become black": (
        png(GREY, 3, PALETTE, HALF_CLEAR), np.where(GREY < 100, 0, 255 - GREY)
    ),
    "transparent becomes black": (png(np.dstack([GREY, BITS]), 4), GREY * (BITS > 0)),
    "translucent RGBA darkens towards black": (png(np.dstack([RGB, GREY * 0 + 51]), 6), np.rint(LUMA * 0.2)),
    "16 bits are stretched to their own range": (png(DEEP, 0), RAMP),
    "16-bit RGB": (png(np.dstack([DEEP] * 3), 2), RAMP),
    "16 bits without contrast become black": (png(DEEP * 0 + 900, 0), GREY * 0),
    "TIFF": (encoded(GREY, ".tiff"), GREY),
    "TIFF of 16 bits": (encoded(DEEP, ".tiff"), RAMP),
    "colour TIFF": (encoded(RGB[..., ::-1], ".tiff"), LUMA),
    "BMP": (encoded(GREY, ".bmp"), GREY),
    "WebP": (encoded(GREY, ".webp"), GREY),
    "PNG with a tail": (PNG + b"<script>", GREY),
    "baseline": (JPEG, GREY),
    "progressive colour of grey content": (PROGRESSIVE_JPEG, GREY),
    "colour JPEG": (jpeg(RGB[..., ::-1], cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111), LUMA),
    "JPEG that ends in the grey of a cut one": (jpeg(GREY_END), GREY_END),
    "JPEG with a tail": (JPEG + b"<script>\xff\xd9", GREY),
    "another inside a segment": (with_segment(JPEG, 0xE2, JPEG), GREY),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), KINDS.values(), ids=KINDS)
def test_every_kind_is_read(data: bytes, expected: np.ndarray) -> None:
    found = image.load(data).image
    assert found.dtype == np.uint8 and found.shape == expected.shape and found.flags.c_contiguous
    # JPEG, luma and alpha are rounded: up to 2 levels.
    np.testing.assert_allclose(found, expected, atol=2)


TOO_FEW = chunk(b"IDAT", zlib.compress(scanlines(GREY))[:300])
DAMAGED = {
    "a PNG signature": (PNG[:8], "PNG"),
    "wrong checksum": (patched(PNG, 60, b"\0\0"), "damaged"),
    "too few pixels with right checksums": (PNG[:33] + TOO_FEW + PNG[-12:], "damaged"),
    "no pixels": (PNG[:33] + PNG[-12:], "damaged"),
    "a JPEG signature": (JPEG[:3], "JPEG"),
    "cut before a whole one": (JPEG[: SCAN + 200] + JPEG, "truncated"),
    "cut, with a tail": (JPEG[: SCAN + 200] + b"<script>" * 9, "truncated"),
    "colour, cut, with an end": (jpeg(RGB)[:-900] + b"\xff\xd9", "truncated"),
    "no height": (patched(JPEG, FRAME + 5, b"\0\0"), "80 x 0"),
    "empty": (b"", "empty"),
    "text": (b"Findings: none.", "begins like none of them"),
}
OTHER_KINDS = {
    "animated": (png(GREY, 0, chunk(b"acTL", struct.pack(">II", 2, 0))), "animated"),
    "PNG under 64 pixels": (png(GREY[:63], 0), "received 80 x 63"),
    "JPEG under 64 pixels": (jpeg(GREY[:, :63]), "received 63 x 72"),
    "lossless": (patched(JPEG, FRAME, b"\xff\xc3"), "lossless"),
    "arithmetic": (patched(JPEG, FRAME, b"\xff\xc9"), "arithmetic"),
    "101 scans": (JPEG[:SCAN] + JPEG[SCAN : SCAN + 10] * 101 + b"\xff\xd9", "101"),
    "JPEG 2000": (encoded(GREY, ".jp2"), "JPEG 2000"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "PDF": (b"%PDF-1.7\n", "PDF"),
    "ZIP": (b"PK\3\4" + bytes(60), "ZIP"),
}


@pytest.mark.parametrize(
    ("data", "words", "error"),
    [
        pytest.param(*row, error, id=name)
        for table, error in ((DAMAGED, UnreadableImageError), (OTHER_KINDS, UnsupportedImageError))
        for name, row in table.items()
    ],
)
def test_refused_with_the_right_error(data: bytes, words: str, error: type[ImageError]) -> None:
    assert_refused(data, error, words)


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
