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


def hostile_others(grey: np.ndarray) -> dict[str, bytes]:
    """Make them from a film: uint8, shape (height, width)."""
    png = cv2.imencode(".png", grey)[1].tobytes()
    return {
        "nothing": b"",
        "one byte": b"\xff",
        "the start of a JPEG alone": b"\xff\xd8\xff",
        "the start of a PNG alone": b"\x89PNG\r\n\x1a\n",
        "the start of DICOM alone": bytes(128) + b"DICM",
        "noise": Random(1).randbytes(100_000),
        "zeros, 31 MiB": bytes(31 * 2**20),
        "an SVG with a script": SVG,
        "an SVG of entities": XML,
        "a page": b"<!DOCTYPE html><script>alert(1)</script>",
        "a program": b"\x7fELF" + bytes(1000),
        "a GIF": b"GIF89a" + bytes(100),
        "a PDF": b"%PDF-1.7\n" + bytes(100),
        "a TIFF": cv2.imencode(".tiff", grey)[1].tobytes(),
        "a zip": zipped(film=png),
        "a zip bomb": zipped(film=bytes(50 * 2**20)),
        "a zip with a PNG's start": png[:8] + zipped(film=png),
    }
