"""The one door for pictures: what it lets in, turns upright, and turns away."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.limits import Limits
from xray.io.pixels import shrink

# Height and width differ and no symmetry holds, so that a swap or a flip shows.
GREY = np.add.outer(np.arange(72) * 2, np.arange(80)).astype(np.uint8)


def encoded(pixels: np.ndarray, extension: str) -> bytes:
    return cv2.imencode(extension, pixels)[1].tobytes()


def png(pixels: np.ndarray, orientation: int) -> bytes:
    content, picture = b"eXIf" + exif(orientation), encoded(pixels, ".png")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return picture[:33] + chunk + picture[33:]


def jpeg(pixels: np.ndarray, orientation: int) -> bytes:
    content, picture = b"Exif\0\0" + exif(orientation), encoded(pixels, ".jpg")
    return picture[:2] + struct.pack(">HH", 0xFFE1, len(content) + 2) + content + picture[2:]


def exif(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


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
@pytest.mark.parametrize("encode", [png, jpeg], ids=["PNG", "JPEG"])
def test_honours_exif_orientation(
    encode: Callable[[np.ndarray, int], bytes], orientation: int, first: str, second: str
) -> None:
    stored = np.zeros((72, 96), np.uint8)
    stored[:16, :16], stored[:16, -16:] = 240, 120
    picture = image.read(encode(stored, orientation))
    rows, columns = {"top": 8, "bottom": -8}, {"left": 8, "right": -8}
    corners = [picture[rows[corner.split()[0]], columns[corner.split()[1]]] for corner in (first, second)]
    assert picture.shape == ((96, 72) if orientation > 4 else (72, 96))
    np.testing.assert_allclose(corners, [240, 120], atol=4)


def png16(alpha: bool = False, orientation: int = 1) -> bytes:
    levels = (GREY.astype(np.uint16) + 300) * 37
    return png(np.dstack([levels] * 3 + [65535 - levels]) if alpha else levels, orientation)


@pytest.mark.parametrize(
    "data", [png16(), png16(orientation=6), png16(alpha=True)], ids=["grey", "turned by EXIF", "transparent"]
)
def test_sixteen_bits_are_all_kept_and_shown_as_read(data: bytes) -> None:
    deep = image.load(data, deep=True).deep
    assert deep is not None and len(np.unique(deep.levels)) > 200
    assert (deep.low, deep.high) == (deep.levels.min(), deep.levels.max())
    np.testing.assert_allclose(deep.shown().astype(int), image.read(data), atol=1)


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_eight_bits_have_no_more_levels(extension: str) -> None:
    assert image.load(encoded(GREY, extension), deep=True).deep is None


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        pytest.param(b"", UnreadableImageError, "empty", id="empty"),
        pytest.param(b"Findings: none.", UnreadableImageError, "begins like none of them", id="text"),
        pytest.param(b"<!DOCTYPE html><html><body>", UnreadableImageError, "begins like none of them", id="web page"),
        pytest.param(b"GIF89a" + bytes(90), UnsupportedImageError, "GIF", id="GIF"),
        pytest.param(encoded(GREY, ".webp"), UnsupportedImageError, "WebP", id="WebP"),
        pytest.param(encoded(GREY, ".tiff"), UnsupportedImageError, "TIFF", id="TIFF"),
        pytest.param(encoded(GREY, ".bmp"), UnsupportedImageError, "BMP", id="BMP"),
        pytest.param(encoded(GREY, ".jp2"), UnsupportedImageError, "JPEG 2000", id="JPEG 2000"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg"/>', UnsupportedImageError, "SVG", id="SVG"),
        pytest.param(b'<?xml version="1.0"?>\n<!-- x -->\n<svg/>', UnsupportedImageError, "SVG", id="prologue"),
        pytest.param(b"%PDF-1.7\n", UnsupportedImageError, "PDF", id="PDF"),
        pytest.param(b"\0\0\0\x18ftypheic", UnsupportedImageError, "HEIC", id="HEIC"),
        pytest.param(b"PK\3\4" + bytes(60), UnsupportedImageError, "ZIP", id="ZIP"),
    ],
)
def test_turns_other_files_away(data: bytes, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.read(data)
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


def test_limits_are_what_is_still_read() -> None:
    data = encoded(GREY, ".png")
    limits = Limits(size_bytes=len(data), pixels=GREY.size, min_side=72)
    np.testing.assert_array_equal(image.read(data, limits), GREY)
    with pytest.raises(ImageTooLargeError, match="MiB"):
        image.read(data + b"\0", limits)


def test_pydicom_is_not_imported_for_other_pictures() -> None:
    program = "import sys, xray.io.image; sys.exit('pydicom' in sys.modules)"
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True)


def test_real_radiographs_are_read_whole_and_refused_cut(real_data: Path) -> None:
    paths = [path for path in (real_data / "rovai_validation").rglob("*") if path.is_file()]
    assert len(paths) == 48
    for path in paths:
        data = path.read_bytes()
        assert min(image.read(data).shape) >= 480
        with pytest.raises(UnreadableImageError):
            image.read(data[: len(data) // 2])


@pytest.mark.parametrize("extension", [".png", ".jpg"])
@pytest.mark.parametrize(
    ("shape", "needed"), [((2500, 2000), (1024, 819)), ((600, 700), (600, 700)), ((200, 4000), (160, 3200))]
)
def test_a_large_picture_is_loaded_no_larger_than_is_needed(
    extension: str, shape: tuple[int, int], needed: tuple[int, int]
) -> None:
    height, width = shape
    film = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 130, width)).astype(np.uint8)
    found = image.load(encoded(film, extension))
    assert found.sent == shape and found.image.shape == needed
    expected = cv2.resize(film, needed[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(found.image, expected, atol=2)


def test_levels_are_loaded_in_the_shape_of_the_picture() -> None:
    deep = np.linspace(0, 40_000, 1500 * 2100).reshape(1500, 2100).astype(np.uint16)
    found = image.load(encoded(deep, ".png"), deep=True)
    assert found.deep is not None and found.deep.levels.shape == found.image.shape == (731, 1024)
    np.testing.assert_allclose(found.deep.shown(), found.image, atol=1)
    assert image.load(encoded(deep, ".png")).deep is None


def test_a_large_jpeg_is_turned_as_its_sender_saw_it() -> None:
    film = np.add.outer(np.linspace(0, 200, 1300), np.linspace(0, 50, 2200)).astype(np.uint8)
    turned = jpeg(film, 6)
    found = image.load(turned)
    assert found.sent == (2200, 1300) and found.image.shape == (1024, 605)
    np.testing.assert_allclose(found.image, shrink(image.read(turned)), atol=2)
