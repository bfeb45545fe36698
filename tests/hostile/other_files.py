"""What is no picture at all, or of a kind that is not read."""

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


def hostile_others(grey: np.ndarray) -> dict[str, tuple[int, bytes]]:
    """Make them from a radiograph, uint8, shape (height, width); each with the status that answers it."""
    png = cv2.imencode(".png", grey)[1].tobytes()
    return {
        "nothing": (400, b""),
        "one byte": (400, b"\xff"),
        "the start of a JPEG alone": (400, b"\xff\xd8\xff"),
        "the start of a PNG alone": (400, b"\x89PNG\r\n\x1a\n"),
        "the start of DICOM alone": (400, bytes(128) + b"DICM"),
        "noise": (400, Random(1).randbytes(100_000)),
        "zeros, 31 MiB": (400, bytes(31 * 2**20)),
        "an SVG with a script": (415, SVG),
        "an SVG of entities": (415, XML),
        "a page": (400, b"<!DOCTYPE html><script>alert(1)</script>"),
        "a program": (400, b"\x7fELF" + bytes(1000)),
        "a GIF": (415, b"GIF89a" + bytes(100)),
        "a PDF": (415, b"%PDF-1.7\n" + bytes(100)),
        "a TIFF": (415, cv2.imencode(".tiff", grey)[1].tobytes()),
        "a zip": (415, zipped(film=png)),
        "a zip bomb": (415, zipped(film=bytes(50 * 2**20))),
        "a zip with a PNG's start": (400, png[:8] + zipped(film=png)),
    }
