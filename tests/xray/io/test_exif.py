import struct

import pytest

from xray.io import exif


def block(value: int, order: str) -> bytes:
    """Write a TIFF block whose one directory holds another tag first."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    width, orientation = (256, 3, 1, 80, 0), (274, 3, 1, value, 0)
    return mark + struct.pack(order + "IH" + 2 * "HHIHH", 8, 2, *width, *orientation) + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"], ids=["little endian", "big endian"])
@pytest.mark.parametrize(("value", "expected"), [*((n, n) for n in range(1, 9)), (0, 1), (9, 1), (65535, 1)])
def test_finds_the_orientation(value: int, expected: int, order: str) -> None:
    assert exif.orientation(block(value, order)) == expected


@pytest.mark.parametrize(
    "garbled",
    [b"", b"II", b"no TIFF block", b"II*\0\xff\xff\xff\xff", block(6, "<")[:-8], block(6, "<")[:9]],
    ids=["empty", "a mark", "text", "directory beyond the end", "cut entry", "cut count"],
)
def test_what_is_garbled_leaves_the_picture_as_it_is(garbled: bytes) -> None:
    assert exif.orientation(garbled) == exif.UPRIGHT
