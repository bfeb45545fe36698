"""Hostile PNG files, each a few lines over the specification; the film that they stand on is a good one."""

import struct
import zlib

import cv2
import numpy as np

from tests.xray.io.files import chunk

START = b"\x89PNG\r\n\x1a\n"


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    return START + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def blank(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """A picture of zeros, however large."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + -(-width * depth * channels // 8))
    packer, rows = zlib.compressobj(9), []
    for _ in range(height):
        rows.append(packer.compress(row))
    pixels = b"".join(rows) + packer.flush()
    return header(width, height, depth, colour) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Split a whole PNG into kinds and contents."""
    found, at = [], 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    return START + b"".join(chunk(kind, content) for kind, content in parts)


def with_chunks(film: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """The film, with chunks behind its header."""
    first, *rest = chunks(film)
    return joined([first, *extra, *rest])


def hostile_pngs(grey: np.ndarray) -> dict[str, tuple[int, bytes]]:
    """Make them from a radiograph, uint8, shape (height, width); each with the status that answers it."""
    film = cv2.imencode(".png", grey)[1].tobytes()
    start, *middle, end = parts = chunks(film)
    head, (_, content) = start[1], max(middle, key=lambda part: len(part[1]))
    pixels = b"".join(content for kind, content in parts if kind == b"IDAT")
    raw, flipped = zlib.decompress(pixels), bytearray(film)
    flipped[len(film) // 2] ^= 0x10
    half = zlib.compress(raw[: len(raw) // 2])
    noisy = bytearray(raw)
    noisy[:: grey.shape[1] + 1] = bytes([9]) * len(noisy[:: grey.shape[1] + 1])
    inflating = zlib.compress(bytes(200 * 2**20), 1)  # a thousand times its size
    some_data = chunk(b"IDAT", bytes(4000))
    damaged = [(kind, _with_a_flipped_bit(data) if data is content else data) for kind, data in parts]
    return {
        "png bomb, 400 million pixels in 50 kB": (413, blank(20_000, 20_000, depth=1)),
        "png bomb just inside the limit": (422, blank(5000, 5000)),
        "png of 16-bit colour with alpha, 25 million pixels": (413, header(5000, 5000, 16, 6) + some_data),
        "png of 2**31 pixels a side": (413, header(2**31 - 1, 2**31 - 1) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")),
        "png with a text that inflates": (200, with_chunks(film, (b"zTXt", b"Comment\0\0" + inflating))),
        "png with a profile that inflates": (200, with_chunks(film, (b"iCCP", b"sRGB\0\0" + inflating))),
        "png of one row": (415, blank(100_000, 1)),
        "png that is a ribbon of 25 million pixels": (422, blank(390_000, 64)),
        "png without pixels": (400, header(0, 0) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")),
        "png without data": (400, joined([start, end])),
        "png whose data end early": (400, joined([start, (b"IDAT", half), end])),
        "png of unknown filters": (400, joined([start, (b"IDAT", zlib.compress(bytes(noisy))), end])),
        "png with one bit flipped": (400, bytes(flipped)),
        "png with one bit flipped and a right checksum": (400, joined(damaged)),
        "png of an impossible depth": (400, joined([(b"IHDR", head[:8] + b"\x05\x03" + head[10:]), *parts[1:]])),
        "png animated": (415, with_chunks(film, (b"acTL", struct.pack(">II", 2, 0)))),
        "png of a hundred thousand chunks": (400, with_chunks(film, *[(b"tEXt", b"a\0")] * 100_001)),
        "png with a page behind it": (200, film + b"<html><script>alert(1)</script></html>"),
        "png with a turn that leads nowhere": (200, with_chunks(film, (b"eXIf", b"II*\0\xff\xff\xff\xff" + bytes(8)))),
        "png with a palette and no colours": (400, joined([(b"IHDR", head[:9] + b"\x03" + head[10:]), *parts[1:]])),
    }


def _with_a_flipped_bit(content: bytes) -> bytes:
    at = len(content) // 3
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
