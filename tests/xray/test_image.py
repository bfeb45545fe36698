import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from xray import image
from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.image import Limits

# Height and width differ and no symmetry holds, so that a swap or a flip shows.
GREY = np.add.outer(np.arange(72) * 2, np.arange(80)).astype(np.uint8)
DEEP = GREY.astype(np.uint16) * 7 + 900
RGB = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)
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


def jpeg(pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100, *options])[1].tobytes()


def exif(orientation: int, order: str = "<") -> bytes:
    """Write a TIFF block whose one directory holds another tag first."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = struct.pack(order + "HHHIHH", 2, 256, 3, 1, 80, 0) + struct.pack(
        order + "HHIHH", 274, 3, 1, orientation, 0
    )
    return mark + struct.pack(order + "I", 8) + entries + bytes(4)


def with_segment(picture: bytes, marker: int, content: bytes) -> bytes:
    """Put a segment behind a JPEG's first two bytes."""
    return picture[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + picture[2:]


def with_exif(picture: bytes, block: bytes) -> bytes:
    if picture.startswith(b"\x89PNG"):
        return picture[:33] + chunk(b"eXIf", block) + picture[33:]
    return with_segment(picture, 0xE1, b"Exif\0\0" + block)


def patched(picture: bytes, at: int, content: bytes) -> bytes:
    return picture[:at] + content + picture[at + len(content) :]


GREY_PNG, GREY_JPEG = png(GREY, 0), jpeg(GREY)
PROGRESSIVE = jpeg(cv2.merge([GREY] * 3), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
FRAME = GREY_JPEG.index(b"\xff\xc0")
SCAN = GREY_JPEG.index(b"\xff\xda")
PALETTE = chunk(b"PLTE", np.repeat(np.arange(255, -1, -1, dtype=np.uint8), 3).tobytes())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(GREY_PNG, GREY, id="grey"),
        pytest.param(png(GREY, 0, passes=ADAM7), GREY, id="interlaced"),
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
        pytest.param(GREY_PNG + b"<script>", GREY, id="PNG with a tail"),
        pytest.param(GREY_JPEG, GREY, id="JPEG"),
        pytest.param(PROGRESSIVE, GREY, id="progressive colour JPEG of grey content"),
        pytest.param(jpeg(RGB[..., ::-1], cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111), LUMA, id="colour JPEG"),
        pytest.param(GREY_JPEG + b"<script>\xff\xd9", GREY, id="JPEG with a tail"),
        pytest.param(GREY_JPEG + jpeg(RGB), GREY, id="two JPEGs in a file: the first"),
        pytest.param(with_segment(GREY_JPEG, 0xE2, GREY_JPEG), GREY, id="JPEG inside a segment"),
        pytest.param(with_exif(GREY_JPEG, b"II*\0\xff\xff\xff\xff"), GREY, id="garbled EXIF"),
        pytest.param(with_exif(GREY_JPEG, exif(9)), GREY, id="orientation that does not exist"),
    ],
)
def test_reads_every_kind_of_picture(data: bytes, expected: np.ndarray) -> None:
    picture = image.read(data)
    assert picture.dtype == np.uint8 and picture.shape == expected.shape and picture.flags.c_contiguous
    # JPEG and the rounding of luma and alpha may differ by 2 levels.
    np.testing.assert_allclose(picture, expected, atol=2)


# Where the stored picture's first corner and the next corner of its first row come to lie (TIFF 6.0, Orientation).
@pytest.mark.parametrize(
    ("orientation", "first", "second"),
    [
        (1, "top left", "top right"),
        (2, "top right", "top left"),
        (3, "bottom right", "bottom left"),
        (4, "bottom left", "bottom right"),
        (5, "top left", "bottom left"),
        (6, "top right", "bottom right"),
        (7, "bottom right", "top right"),
        (8, "bottom left", "top left"),
    ],
)
@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize("encode", [lambda pixels: png(pixels, 0), jpeg], ids=["PNG", "JPEG"])
def test_honours_exif_orientation(encode, order: str, orientation: int, first: str, second: str) -> None:
    stored = np.zeros((72, 96), np.uint8)
    stored[:16, :16], stored[:16, -16:] = 240, 120
    picture = image.read(with_exif(encode(stored), exif(orientation, order)))
    rows, columns = {"top": 8, "bottom": -8}, {"left": 8, "right": -8}
    corners = [picture[rows[corner.split()[0]], columns[corner.split()[1]]] for corner in (first, second)]
    assert picture.shape == ((96, 72) if orientation > 4 else (72, 96))
    np.testing.assert_allclose(corners, [240, 120], atol=3)


REFUSED = [
    pytest.param(b"", UnreadableImageError, "empty", id="empty"),
    pytest.param(b"Findings: none.", UnreadableImageError, "begins like none of them", id="text"),
    pytest.param(b"<!DOCTYPE html><html><body>", UnreadableImageError, "begins like none of them", id="web page"),
    pytest.param(b"GIF89a" + bytes(90), UnsupportedImageError, "GIF", id="GIF"),
    pytest.param(cv2.imencode(".webp", GREY)[1].tobytes(), UnsupportedImageError, "WebP", id="WebP"),
    pytest.param(cv2.imencode(".tiff", GREY)[1].tobytes(), UnsupportedImageError, "TIFF", id="TIFF"),
    pytest.param(cv2.imencode(".bmp", GREY)[1].tobytes(), UnsupportedImageError, "BMP", id="BMP"),
    pytest.param(cv2.imencode(".jp2", GREY)[1].tobytes(), UnsupportedImageError, "JPEG 2000", id="JPEG 2000"),
    pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', UnsupportedImageError, "SVG", id="SVG"),
    pytest.param(b'<?xml version="1.0"?>\n<!-- x -->\n<svg/>', UnsupportedImageError, "SVG", id="SVG with prologue"),
    pytest.param(b"%PDF-1.7\n", UnsupportedImageError, "PDF", id="PDF"),
    pytest.param(b"\0\0\0\x18ftypheic", UnsupportedImageError, "HEIC", id="HEIC"),
    pytest.param(b"PK\3\4" + bytes(60), UnsupportedImageError, "ZIP", id="ZIP"),
    pytest.param(GREY_PNG[:8], UnreadableImageError, "PNG", id="PNG of a signature"),
    pytest.param(GREY_JPEG[:3], UnreadableImageError, "JPEG", id="JPEG of a signature"),
    pytest.param(patched(GREY_PNG, 60, b"\0\0"), UnreadableImageError, "damaged", id="PNG with a wrong checksum"),
    pytest.param(
        patched(png(GREY, 0, chunk(b"tEXt", b"Comment\0PA")), 50, b"\0"),
        UnreadableImageError,
        "damaged",
        id="in a comment",
    ),
    pytest.param(
        GREY_PNG[:33] + chunk(b"IDAT", zlib.compress(scanlines(GREY))[:300]) + GREY_PNG[-12:],
        UnreadableImageError,
        "damaged",
        id="PNG with too few pixels behind right checksums",
    ),
    pytest.param(GREY_PNG[:33] + GREY_PNG[-12:], UnreadableImageError, "damaged", id="PNG without pixels"),
    pytest.param(
        png(GREY, 0, chunk(b"acTL", struct.pack(">II", 2, 0))), UnsupportedImageError, "animated", id="animated PNG"
    ),
    pytest.param(png(GREY[:63], 0), UnsupportedImageError, "received 80 x 63", id="PNG under 64 pixels"),
    pytest.param(jpeg(GREY[:, :63]), UnsupportedImageError, "received 63 x 72", id="JPEG under 64 pixels"),
    pytest.param(
        GREY_JPEG[: SCAN + 200] + GREY_JPEG, UnreadableImageError, "truncated", id="cut JPEG before a whole one"
    ),
    pytest.param(
        GREY_JPEG[: SCAN + 200] + b"<script>" * 9, UnreadableImageError, "truncated", id="cut JPEG with a tail"
    ),
    pytest.param(b"\xff\xd8\xff\xd9", UnreadableImageError, "JPEG", id="JPEG without a picture"),
    pytest.param(patched(GREY_JPEG, FRAME + 5, b"\0\0"), UnreadableImageError, "80 x 0", id="JPEG without a height"),
    pytest.param(patched(GREY_JPEG, FRAME, b"\xff\xc3"), UnsupportedImageError, "lossless", id="lossless JPEG"),
    pytest.param(patched(GREY_JPEG, FRAME, b"\xff\xc9"), UnsupportedImageError, "arithmetic", id="arithmetic JPEG"),
    pytest.param(patched(GREY_JPEG, FRAME + 4, b"\x0c"), UnsupportedImageError, "12-bit", id="12-bit JPEG"),
    pytest.param(
        GREY_JPEG[:SCAN] + GREY_JPEG[SCAN : SCAN + 10] * 101 + b"\xff\xd9",
        UnsupportedImageError,
        "101",
        id="JPEG with a hundred scans",
    ),
]


@pytest.mark.parametrize(("data", "error", "words"), REFUSED)
def test_refuses_with_the_right_error(data: bytes, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.read(data)
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


@pytest.mark.parametrize(
    "data",
    [
        GREY_PNG,
        png(GREY, 0, passes=ADAM7),
        GREY_JPEG,
        PROGRESSIVE,
        with_segment(GREY_JPEG, 0xE1, b"Exif\0\0" + GREY_JPEG),
    ],
    ids=["PNG", "interlaced PNG", "JPEG", "progressive JPEG", "JPEG with an EXIF thumbnail"],
)
def test_refuses_a_picture_cut_anywhere(data: bytes) -> None:
    for kept in {*range(16, len(data) - 1, 97), len(data) - 1}:
        with pytest.raises(UnreadableImageError):
            image.read(data[:kept])


@pytest.mark.parametrize(
    ("data", "limits", "words"),
    [
        pytest.param(GREY_PNG, Limits(size_bytes=len(GREY_PNG) - 1), "MiB", id="bytes"),
        pytest.param(GREY_PNG, Limits(pixels=5000), "received 80 x 72", id="pixels"),
        pytest.param(
            patched(GREY_PNG, 16, struct.pack(">IIB", 20000, 20000, 1)), Limits(), "20000 x 20000", id="PNG bomb"
        ),
        pytest.param(
            patched(GREY_JPEG, FRAME + 5, struct.pack(">HH", 20000, 20000)), Limits(), "20000 x 20000", id="JPEG bomb"
        ),
        pytest.param(
            patched(GREY_PNG, 16, struct.pack(">IIBB", 6000, 6000, 16, 6)), Limits(), "18.75", id="8 bytes a pixel"
        ),
    ],
)
def test_refuses_what_is_too_large_before_decoding(
    monkeypatch: pytest.MonkeyPatch, data: bytes, limits: Limits, words: str
) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(ImageTooLargeError, match=words):
        image.read(data, limits)


def test_limits_are_what_is_still_read() -> None:
    limits = Limits(size_bytes=len(GREY_PNG), pixels=GREY.size, min_side=72)
    np.testing.assert_array_equal(image.read(GREY_PNG, limits), GREY)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_an_inflating_chunk_never_reaches_the_decoder(monkeypatch: pytest.MonkeyPatch, kind: bytes) -> None:
    decode, seen = cv2.imdecode, []
    monkeypatch.setattr(cv2, "imdecode", lambda data, flags: seen.append(bytes(data)) or decode(data, flags))
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(2**22)))
    np.testing.assert_array_equal(image.read(png(GREY, 0, bomb)), GREY)
    assert kind not in seen[0]


@pytest.mark.parametrize("data", [GREY_PNG, GREY_JPEG, PROGRESSIVE], ids=["PNG", "JPEG", "progressive JPEG"])
def test_damage_gives_a_picture_or_an_image_error(data: bytes) -> None:
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = np.frombuffer(data, np.uint8).copy()
        damaged[rng.integers(0, len(data), 4)] = rng.integers(0, 256, 4)
        try:
            assert image.read(damaged.tobytes()).dtype == np.uint8
        except ImageError as error:
            assert error.status in (400, 413, 415)


def test_pydicom_is_not_imported_for_other_pictures() -> None:
    program = "import sys, xray.image; sys.exit('pydicom' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True)


def test_real_radiographs_are_read_whole_and_refused_cut(real_data: Path) -> None:
    paths = [path for path in (real_data / "rovai_validation").rglob("*") if path.is_file()]
    assert len(paths) == 48
    for path in paths:
        data = path.read_bytes()
        assert min(image.read(data).shape) >= 480
        with pytest.raises(UnreadableImageError):
            image.read(data[: len(data) // 2])
