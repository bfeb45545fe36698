"""Hostile JPEG files, made from a good film."""

import struct

import cv2
import numpy as np

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def frame_at(film: bytes, marker: int = 0xC0) -> int:
    return film.index(bytes([0xFF, marker]))


def resized(film: bytes, height: int, width: int) -> bytes:
    """The film with another size in its header."""
    at = frame_at(film) + 5
    return film[:at] + struct.pack(">HH", height, width) + film[at + 4 :]


def remarked(film: bytes, marker: int) -> bytes:
    """The film as if of another process: arithmetic, lossless, hierarchical."""
    at = frame_at(film)
    return film[: at + 1] + bytes([marker]) + film[at + 2 :]


def after_start(film: bytes, *segments: bytes) -> bytes:
    return film[:2] + b"".join(segments) + film[2:]


def gps() -> bytes:
    """An Exif segment with a place on earth, a name, and a directory that claims 65,535 entries."""
    entry = struct.pack("<HHII", 0x8825, 4, 1, 0xFFFFFFF0)
    name = struct.pack("<HHI", 0x013B, 2, 9) + struct.pack("<I", 8)
    return segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + entry + name + b"Jane Doe\0")


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
    precision = frame_at(film) + 4
    scan = film.index(b"\xff\xda")
    return {
        "jpeg bomb of 65,500 pixels a side": (413, resized(film, 65_500, 65_500)),
        "jpeg that claims more than it holds": (422, resized(film, 4990, 5000)),
        "jpeg of one row": (415, resized(film, 1, 65_535)),
        "jpeg without pixels": (400, resized(film, 0, 0)),
        "jpeg cut": (400, film[: len(film) // 2]),
        "jpeg cut, with an end put behind": (422, film[: len(film) // 2] + EOI),
        "jpeg with one bit flipped": (200, bytes(flipped)),
        "jpeg with broken tables": (400, bytes(tables)),
        "jpeg of 12 bits": (415, film[:precision] + b"\x0c" + film[precision + 1 :]),
        "jpeg in arithmetic code": (415, remarked(film, 0xC9)),
        "jpeg without loss": (415, remarked(film, 0xC3)),
        "jpeg without its scan": (400, film[:scan] + EOI),
        "jpeg of two frames": (400, film[:-2] + film[2:]),
        "jpeg of a thousand scans": (415, scans(slow, 1000)),
        "jpeg of a hundred thousand segments": (400, after_start(film, *[segment(0xFE, b"")] * 100_001)),
        "jpeg whose segment ends nowhere": (400, film[:2] + b"\xff\xfe\xff\xff" + film[2:200]),
        "jpeg with a page behind it": (200, film + b"<html><script>alert(1)</script></html>"),
        "jpeg with a page in its remark": (
            200,
            after_start(film, segment(0xFE, b"*/alert(1)/*<script>alert(1)</script>")),
        ),
        "jpeg with a name, a place and a broken directory": (200, after_start(film, gps())),
    }
