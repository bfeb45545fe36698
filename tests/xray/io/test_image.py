"""What is common to all formats: what is read, oriented, reduced and refused."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.xray.io.files import (
    GREY,
    INTERLACED_PNG,
    JPEG,
    PNG,
    PROGRESSIVE_JPEG,
    TRANSFER_SYNTAXES,
    encoded,
    exif,
    jpeg_with_exif,
    patched,
    png,
    png_with_exif,
    with_segment,
)
from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError
from xray.io import image
from xray.io.limits import Limits

WITH_EXIF = pytest.mark.parametrize("encode", [png_with_exif, jpeg_with_exif], ids=["PNG", "JPEG"])


# Where the stored image's first corner and the next corner of its first row come to lie (TIFF 6.0, Orientation).
@pytest.mark.parametrize(
    ("orientation", "first", "second"),
    [
        (1, "top left", "top right"), (2, "top right", "top left"),
        (3, "bottom right", "bottom left"), (4, "bottom left", "bottom right"),
        (5, "top left", "bottom left"), (6, "top right", "bottom right"),
        (7, "bottom right", "top right"), (8, "bottom left", "top left"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@WITH_EXIF
def test_exif_orientation_is_applied(encode, order, orientation, first, second):
    stored = np.zeros((72, 96), np.uint8)
    stored[:16, :16], stored[:16, -16:] = 240, 120
    found = image.load(encode(stored, exif(orientation, order))).image
    rows, columns = {"top": 8, "bottom": -8}, {"left": 8, "right": -8}
    corners = [found[rows[corner.split()[0]], columns[corner.split()[1]]] for corner in (first, second)]
    assert found.shape == ((96, 72) if orientation > 4 else (72, 96))
    np.testing.assert_allclose(corners, [240, 120], atol=4)


@pytest.mark.parametrize(
    "block",
    [b"", b"II", b"no TIFF block", b"II*\0\xff\xff\xff\xff", exif(6)[:-8], exif(6)[:9], exif(0), exif(9), exif(65535)],
    ids=["empty", "mark", "text", "directory beyond the end", "cut entry", "cut count", "0", "9", "65535"],
)
@WITH_EXIF
def test_garbled_exif_leaves_the_image_as_it_is(encode: Callable[[np.ndarray, bytes], bytes], block: bytes) -> None:
    np.testing.assert_allclose(image.load(encode(GREY, block)).image, GREY, atol=2)


LEVELS = (GREY.astype(np.uint16) + 300) * 37


@pytest.mark.parametrize(
    "data",
    [png(LEVELS, 0), png_with_exif(LEVELS, exif(6)), png(np.dstack([LEVELS] * 3 + [65535 - LEVELS]), 6)],
    ids=["grey", "rotated by EXIF", "transparent"],
)
def test_all_levels_of_16_bits_are_kept_and_displayed_as_read(data: bytes) -> None:
    deep = image.load(data, deep=True).deep
    assert deep is not None and len(np.unique(deep.levels)) > 200
    assert (deep.low, deep.high) == (deep.levels.min(), deep.levels.max())
    np.testing.assert_allclose(deep.shown().astype(int), image.load(data).image, atol=1)


def test_a_file_at_the_limits_is_read_and_one_byte_more_is_refused() -> None:
    limits = Limits(size_bytes=len(PNG), pixels=GREY.size, min_side=72)
    np.testing.assert_array_equal(image.load(PNG, limits).image, GREY)
    with pytest.raises(ImageTooLargeError, match="MiB"):
        image.load(PNG + b"\0", limits)


JPEG_FRAME = JPEG.index(b"\xff\xc0")


TOO_LARGE = {
    "PNG": (PNG, Limits(pixels=5000), "received 80 x 72"),
    "PNG bomb": (patched(PNG, 16, struct.pack(">IIB", 20000, 20000, 1)), Limits(), "20000 x 20000"),
    "8 bytes a pixel": (patched(PNG, 16, struct.pack(">IIBB", 4000, 4000, 16, 6)), Limits(), "9.375"),
    "JPEG": (JPEG, Limits(pixels=5000), "received 80 x 72"),
    "JPEG bomb": (patched(JPEG, JPEG_FRAME + 5, struct.pack(">HH", 5001, 5000)), Limits(), "25 million"),
}


@pytest.mark.parametrize(("data", "limits", "words"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_too_many_pixels_are_refused_before_decoding(monkeypatch, data, limits, words):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(ImageTooLargeError, match=words):
        image.load(data, limits)


FILES = {
    "PNG": PNG,
    "interlaced PNG": INTERLACED_PNG,
    "JPEG": JPEG,
    "progressive JPEG": PROGRESSIVE_JPEG,
    "JPEG with an EXIF thumbnail": with_segment(JPEG, 0xE1, b"Exif\0\0" + JPEG),
    **TRANSFER_SYNTAXES,
}
EVERY_KIND = pytest.mark.parametrize("name", FILES)


@EVERY_KIND
def test_a_file_cut_anywhere_is_refused(name: str) -> None:
    data = FILES[name]
    # Of DICOM from the file meta information on; the last bytes may be a delimiter without content.
    first, last = (132, len(data) - 10) if name in TRANSFER_SYNTAXES else (16, len(data) - 1)
    for kept in {*range(first, last, max(97, len(data) // 15)), last}:
        with pytest.raises(UnreadableImageError):
            image.load(data[:kept])


@EVERY_KIND
def test_damage_gives_an_image_or_an_image_error(name: str) -> None:
    data, rng = FILES[name], np.random.default_rng(0)
    # Of DICOM the header, which the compressions share.
    first, last = (132, 900) if name in TRANSFER_SYNTAXES else (0, len(data))
    for _ in range(100):
        damaged = np.frombuffer(data, np.uint8).copy()
        damaged[rng.integers(first, last, 4)] = rng.integers(0, 256, 4)
        try:
            assert image.load(damaged.tobytes()).image.dtype == np.uint8
        except ImageError as error:
            assert error.status in (400, 413, 415)


def test_real_radiographs_are_read_whole_and_refused_cut(real_data: Path) -> None:
    paths = [path for path in (real_data / "rovai_validation").rglob("*") if path.is_file()]
    assert len(paths) == 48
    for path in paths:
        data = path.read_bytes()
        assert min(image.load(data).sent) >= 480
        with pytest.raises(UnreadableImageError):
            image.load(data[: len(data) // 2])


@pytest.mark.parametrize("extension", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("shape", "needed"), [((2500, 2000), (1024, 819)), ((600, 700), (600, 700)), ((200, 4000), (160, 3200))]
)
def test_a_large_image_is_loaded_at_the_serving_size(extension, shape, needed):
    height, width = shape
    pixels = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 130, width)).astype(np.uint8)
    found = image.load(encoded(pixels, extension))
    assert found.sent == shape and found.image.shape == needed
    expected = cv2.resize(pixels, needed[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(found.image, expected, atol=2)
