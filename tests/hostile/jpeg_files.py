"""Hostile JPEG files, made from a good film."""

import struct

import cv2
import numpy as np

from tests.xray.io.files import patched, with_segment

EOI = b"\xff\xd9"


def resized(film: bytes, height: int, width: int) -> bytes:
    """The film with another size in its header."""
    return patched(film, film.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))


def gps() -> bytes:
    """An Exif block with a place on earth, a name, and a directory that claims 65,535 entries."""
    entry = struct.pack("<HHII", 0x8825, 4, 1, 0xFFFFFFF0)
    name = struct.pack("<HHI", 0x013B, 2, 9) + struct.pack("<I", 8)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + entry + name + b"Jane Doe\0"


def scans(film: bytes, number: int) -> bytes:
    """A progressive film whose last scan stands many times: each costs a pass over the picture."""
    at = film.rindex(b"\xff\xda")
    return film[:at] + (film[at:-2] * number) + EOI


def hostile_jpegs(grey: np.ndarray) -> dict[str, tuple[int, bytes]]:
    """Make them from a radiograph, uint8, shape (height, width); each with the status that answers it."""
    film = cv2.imencode(".jpg", grey)[1].tobytes()
    slow = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    flipped, tables = bytearray(film), bytearray(film)
    flipped[len(film) // 2] ^= 0x40
    tables[film.index(b"\xff\xc4") + 6] ^= 0xFF
    frame, scan = film.index(b"\xff\xc0"), film.index(b"\xff\xda")
    return {
        "jpeg bomb of 65,500 pixels a side": (413, resized(film, 65_500, 65_500)),
        "jpeg that claims more than it holds": (400, resized(film, 4990, 5000)),
        "jpeg of one row": (415, resized(film, 1, 65_535)),
        "jpeg cut, with an end put behind": (400, film[: len(film) // 2] + EOI),
        "jpeg with a table of 64 bits": (
            200,
            with_segment(film, 0xDB, b"\x30" + b"\0\x08" * 64 + b"\1" + b"\x08" * 64),
        ),
        "jpeg with one bit flipped": (200, bytes(flipped)),
        "jpeg with broken tables": (400, bytes(tables)),
        "jpeg of 12 bits": (415, patched(film, frame + 4, b"\x0c")),
        "jpeg in arithmetic code": (415, patched(film, frame, b"\xff\xc9")),
        "jpeg without loss": (415, patched(film, frame, b"\xff\xc3")),
        "jpeg without its scan": (400, film[:scan] + EOI),
        "jpeg of two frames": (400, film[:-2] + film[2:]),
        "jpeg of a thousand scans": (415, scans(slow, 1000)),
        "jpeg of a hundred thousand segments": (400, with_segment(film, 0xFE, b"", 100_001)),
        "jpeg whose segment ends nowhere": (400, film[:2] + b"\xff\xfe\xff\xff" + film[2:200]),
        "jpeg with a page behind it": (200, film + b"<html><script>alert(1)</script></html>"),
        "jpeg with a page in its remark": (200, with_segment(film, 0xFE, b"*/alert(1)/*<script>alert(1)</script>")),
        "jpeg with a name, a place and a broken directory": (200, with_segment(film, 0xE1, gps())),
    }
