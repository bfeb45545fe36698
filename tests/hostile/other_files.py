"""What is no picture at all, or of a kind that is not read."""

import struct
from io import BytesIO
from random import Random
from zipfile import ZIP_DEFLATED, ZipFile

import cv2
import numpy as np

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
XML = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "' + b"a" * 99 + b'"><!ENTITY b "&a;&a;&a;">]><svg>&b;</svg>'


def zipped(**files: bytes) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tiled(grey: np.ndarray, side: int) -> bytes:
    """A TIFF that says that its tiles are of another size than the picture."""
    tags = {
        256: grey.shape[1],
        257: grey.shape[0],
        258: 8,
        259: 1,
        262: 1,
        277: 1,
        322: side,
        323: side,
        324: 8,
        325: 9,
    }
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + directory + bytes(4)


def hostile_others(grey: np.ndarray) -> dict[str, tuple[int, bytes]]:
    """Make them from a radiograph, uint8, shape (height, width); each with the status that answers it."""
    kinds = (".png", ".tiff", ".bmp", ".webp")
    png, tiff, bmp, webp = (cv2.imencode(kind, grey)[1].tobytes() for kind in kinds)
    return {
        "nothing": (400, b""),
        "the start of a JPEG alone": (400, b"\xff\xd8\xff"),
        "the start of a PNG alone": (400, b"\x89PNG\r\n\x1a\n"),
        "the start of DICOM alone": (400, bytes(128) + b"DICM"),
        "noise": (400, Random(1).randbytes(100_000)),
        "zeros, 31 MiB": (400, bytes(31 * 2**20)),
        "an SVG with a script": (415, SVG),
        "an SVG of entities": (415, XML),
        "a page": (400, b"<!DOCTYPE html><script>alert(1)</script>"),
        "a TIFF of several pictures": (415, cv2.imencodemulti(".tiff", [grey, grey])[1].tobytes()),
        "a TIFF bomb in tiles": (413, tiled(grey, 60_000)),
        "a WebP cut": (400, webp[: len(webp) // 2]),
        "a WebP bomb": (400, webp[:26] + struct.pack("<HH", 16_383, 16_383) + webp[30:]),
        "a WebP of more colours than fit": (
            413,
            cv2.imencode(".webp", np.full((4900, 4900, 3), 9, np.uint8))[1].tobytes(),
        ),
        "a zip": (415, zipped(film=png)),
        "a zip bomb": (415, zipped(film=bytes(50 * 2**20))),
        "a zip with a PNG's start": (400, png[:8] + zipped(film=png)),
    }
