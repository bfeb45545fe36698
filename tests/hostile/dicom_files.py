"""Hostile DICOM files, made from a good film; what pydicom would not write is written by hand."""

import struct
import warnings
from typing import Any

import cv2
import numpy as np
from pydicom import config, uid

from tests.hostile.jpeg_2000_files import broken, costly
from tests.xray.io.files import dicom_file

PIXELS = struct.pack("<HH", 0x7FE0, 0x0010)
NAME = "DOE^JANE"
ENDLESS = "<script>" * 2_000_000
IMPLICIT, CT = uid.ImplicitVRLittleEndian, uid.CTImageStorage
# An item of a sequence, an empty one, the end of a sequence, the header of one run-length segment.
ITEM, UNSTATED = struct.pack("<HH", 0xFFFE, 0xE000), 0xFFFFFFFF
EMPTY_ITEM, END = ITEM + bytes(4), struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
ONE_RUN = struct.pack("<16I", 1, 64, *[0] * 14)


def dicom(pixels: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian, frame: bytes = b"", **elements: Any) -> bytes:
    """Write a DX that names a patient; an element given as None is left out, and none is validated."""
    bits = 8 * pixels.itemsize
    known = {"PatientName": NAME, "PatientID": "4711", "BitsStored": bits, "HighBit": bits - 1}
    with config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dicom_file(pixels, syntax, frame, **(known | elements))


def before_pixels(film: bytes, elements: bytes) -> bytes:
    """Put raw elements before the picture."""
    at = film.index(PIXELS)
    return film[:at] + elements + film[at:]


def element(group: int, number: int, kind: bytes, content: bytes) -> bytes:
    """Write an element of a short kind, explicit little endian."""
    return struct.pack("<HH2sH", group, number, kind, len(content)) + content


def many(number: int) -> bytes:
    """Elements of no content, in ascending order."""
    return b"".join(element(0x0009 + 2 * (at >> 16), at & 0xFFFF, b"LO", b"") for at in range(number))


def nested(depth: int) -> bytes:
    """A sequence in a sequence in a sequence, none of which ends."""
    return (struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, UNSTATED) + ITEM + struct.pack("<I", UNSTATED)) * depth


def items(number: int, group: int = 0x0029, element: int = 0x1000) -> bytes:
    """A sequence of empty items, of no stated length."""
    return struct.pack("<HH2sHI", group, element, b"SQ", 0, UNSTATED) + EMPTY_ITEM * number + END


def fragmented(film: bytes, number: int) -> bytes:
    """A compressed film with empty fragments behind its own."""
    at = film.rindex(END)
    return film[:at] + EMPTY_ITEM * number + END


def compressed_as(film: bytes, syntax: bytes) -> bytes:
    """The film as if compressed in a way of this name."""
    at = film.index(struct.pack("<HH", 0x0002, 0x0010))
    end = at + 8 + struct.unpack_from("<H", film, at + 6)[0]
    return film[:at] + element(0x0002, 0x0010, b"UI", syntax) + film[end:]


def repeated(film: bytes, tag: int, text: bytes, number: int = 1_000_000) -> bytes:
    """An implicit film with one element of many values before its picture."""
    content = text * number
    return before_pixels(film, struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(content)) + content)


def alphabets(number: int = 8_000_000) -> bytes:
    """A sequence of no stated length with an item that names millions of alphabets, implicit."""
    named = struct.pack("<HHI", 8, 5, number) + b"\\" * number
    return struct.pack("<HHI", 0x0028, 0x3010, UNSTATED) + ITEM + struct.pack("<I", UNSTATED) + named


def with_numbers(film: bytes, **texts: bytes) -> bytes:
    """Put decimal strings before the picture, in ascending order; no library would write these."""
    tags = {"spacing": 0x0030, "center": 0x1050, "width": 0x1051, "intercept": 0x1052, "slope": 0x1053}
    written = [element(0x0028, tags[name], b"DS", text + b" " * (len(text) % 2)) for name, text in texts.items()]
    return before_pixels(film, b"".join(written))


def codestream(grey: np.ndarray, height: int, width: int) -> bytes:
    """A JPEG 2000 codestream that says another size than it holds."""
    stream = bytearray(cv2.imencode(".jp2", grey)[1].tobytes())
    del stream[: stream.index(b"\xff\x4f\xff\x51")]
    struct.pack_into(">II", stream, 8, width, height)
    return bytes(stream)


def run_lengths(size: int) -> bytes:
    """Run-length segments, each of which unpacks to a hundred times the picture."""
    return ONE_RUN + b"\x81\x00" * (size // 128 * 100)


def hostile_dicoms(grey: np.ndarray) -> dict[str, tuple[int, bytes]]:
    """Make them from a radiograph, uint8, shape (height, width); each with the status that answers it."""
    deep = grey.astype("<u2") * 16
    film, levels, implicit = dicom(grey), dicom(deep), dicom(grey, IMPLICIT)
    no_numbers, flipped = np.full(grey.shape, np.nan, "<f4").tobytes(), bytearray(film)
    flipped[film.index(PIXELS) - 20] ^= 0xFF
    jpeg = cv2.imencode(".jpg", grey)[1].tobytes()
    jpeg_2000 = dicom(grey, uid.JPEG2000Lossless, codestream(grey, *grey.shape))
    return {
        "dicom bomb of 65,535 pixels a side": (413, dicom(grey, Rows=65_535, Columns=65_535)),
        "dicom bomb in JPEG 2000": (400, dicom(grey, uid.JPEG2000Lossless, codestream(grey, 60_000, 60_000))),
        "dicom bomb in run lengths": (422, dicom(grey, uid.RLELossless, run_lengths(grey.size))),
        "dicom bomb, deflated": (415, dicom(grey, uid.DeflatedExplicitVRLittleEndian)),
        "dicom of a JPEG of another size": (400, dicom(grey[:-8], uid.JPEGBaseline8Bit, jpeg)),
        "dicom of a JPEG that is cut": (400, dicom(grey, uid.JPEGBaseline8Bit, jpeg[: len(jpeg) // 2])),
        "dicom of one row": (415, dicom(grey, Rows=1, Columns=60_000)),
        "dicom cut": (400, film[: len(film) // 2]),
        "dicom with a byte flipped before the picture": (200, bytes(flipped)),
        "dicom whose slope is endless": (200, with_numbers(levels, slope=b"1e308")),
        "dicom whose window is endless": (200, with_numbers(levels, center=b"100", width=b"inf")),
        "dicom of floats that are no numbers": (400, dicom(grey, PixelData=None, FloatPixelData=no_numbers)),
        "dicom in colour": (400, dicom(grey, PhotometricInterpretation="RGB", SamplesPerPixel=3)),
        "dicom that is grey by name and colour by number": (415, dicom(grey, SamplesPerPixel=3)),
        "dicom without its picture": (400, dicom(grey, PixelData=None)),
        "dicom of more bits than it has": (400, dicom(grey, BitsStored=16, HighBit=15)),
        "dicom of a thousand frames": (415, dicom(grey, NumberOfFrames=1000)),
        "dicom of frames that are no number": (200, before_pixels(film, element(0x0028, 0x0008, b"LO", b"many"))),
        "dicom of another modality": (415, dicom(grey, SOPClassUID=CT, Modality="CT")),
        "dicom of a modality without end": (400, dicom(grey, IMPLICIT, SOPClassUID=CT, Modality=ENDLESS)),
        "dicom of greys without end": (400, dicom(grey, IMPLICIT, PhotometricInterpretation=ENDLESS)),
        "dicom of a compression without end": (415, compressed_as(film, b"1.2." + b"3" * 60_000)),
        "dicom of twenty thousand tags": (200, before_pixels(film, many(20_000))),
        "dicom of three million tags": (400, before_pixels(film, many(3_000_000))),
        "dicom of a sequence of a million items": (400, before_pixels(film, items(1_000_000))),
        "dicom of a table of a million items": (400, before_pixels(film, items(1_000_000, 0x0028, 0x3010))),
        **{
            f"dicom of {kind} {name}": (status, dicom(grey, syntax, found))
            for kind, syntax in (("a JPEG 2000", uid.JPEG2000Lossless), ("an HTJ2K", uid.HTJ2KLossless))
            for status, files in ((415, costly(*grey.shape)), (400, broken(*grey.shape)))
            for name, found in files.items()
        },
        "dicom of a million fragments": (400, fragmented(jpeg_2000, 1_000_000)),
        "dicom of a million windows": (400, repeated(implicit, 0x00281050, b"1\\")),
        "dicom of a short sequence of many items": (400, repeated(implicit, 0x00283010, EMPTY_ITEM, 60_000)),
        "dicom of eight million alphabets": (400, before_pixels(implicit, alphabets())),
        "dicom of fillers in run lengths": (400, dicom(grey, uid.RLELossless, ONE_RUN + b"\x80" * 8_000_000)),
        "dicom of sequences without end": (400, before_pixels(film, nested(20_000))),
        "dicom that begins as a program": (200, b"MZ" + bytes(126) + film[128:]),
        "dicom that begins as a JPEG": (200, jpeg[:128] + film[128:]),
    }
