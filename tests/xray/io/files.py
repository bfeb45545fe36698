"""Files of every kind that is read, written by hand."""

import struct
import zlib
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom import Dataset, FileMetaDataset, dcmread, uid
from pydicom.encaps import encapsulate

from xray.errors import ImageError
from xray.io import image
from xray.io.limits import Limits

# Height and width differ and no symmetry holds, so that a transposition or a mirrored axis shows.
GREY = np.add.outer(np.arange(72) * 2, np.arange(80)).astype(np.uint8)
# A faint colour in each direction; a radiograph that is coloured all over would be refused.
RGB = np.stack([GREY, GREY + np.uint8(9), GREY - GREY // 16], axis=-1)
LUMA = cv2.cvtColor(RGB, cv2.COLOR_RGB2GRAY)

# Stored values of 12 bits, from 0 to 4095, with a little noise for the compressions; and the greys they become.
RAMP = np.add.outer(np.arange(72) * 36, np.arange(96) * 16)
STORED = np.clip(RAMP + np.random.default_rng(0).integers(-20, 20, RAMP.shape), 0, 4095).astype(np.uint16)
STORED[0, :2] = 0, 4095
SHOWN = np.rint(STORED / 4095 * 255).astype(np.uint8)


def assert_refused(data: bytes, error: type[ImageError], words: str, limits: Limits | None = None) -> None:
    """Assert that an image is refused by this very error, in words that say what to do."""
    with pytest.raises(error, match=words) as refusal:
        image.load(data, limits or Limits())
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


def encoded(pixels: np.ndarray, extension: str) -> bytes:
    return cv2.imencode(extension, pixels)[1].tobytes()


def patched(data: bytes, at: int, content: bytes) -> bytes:
    """Overwrite some bytes."""
    return data[:at] + content + data[at + len(content) :]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def scanlines(samples: np.ndarray) -> bytes:
    """Put each row after its filter byte (none), samples of 16 bits in network order."""
    return b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in samples)


def png(
    samples: np.ndarray, colour: int, *extra: bytes, depth: int = 0, passes: list[tuple[int, ...]] | None = None
) -> bytes:
    """Write a PNG of any colour type, depth and interlacing, with any chunk before the pixels."""
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth or samples.itemsize * 8, colour, 0, 0, bool(passes))
    if depth == 1:
        samples = np.packbits(samples, axis=1)
    lines = b"".join(scanlines(samples[y::dy, x::dx]) for y, x, dy, dx in passes or [(0, 0, 1, 1)])
    pixels = chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + pixels + chunk(b"IEND", b"")


def jpeg(pixels: np.ndarray, *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100, *options])[1].tobytes()


def with_segment(data: bytes, marker: int, content: bytes, times: int = 1) -> bytes:
    """Insert a segment after a JPEG's first two bytes."""
    return data[:2] + (struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content) * times + data[2:]


def exif(orientation: int, order: str = ">") -> bytes:
    """Write a TIFF block whose one directory holds another tag first."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    width, tag = (256, 3, 1, 80, 0), (274, 3, 1, orientation, 0)
    return mark + struct.pack(order + "IH" + 2 * "HHIHH", 8, 2, *width, *tag) + bytes(4)


def png_with_exif(pixels: np.ndarray, block: bytes) -> bytes:
    return png(pixels, 0, chunk(b"eXIf", block))


def jpeg_with_exif(pixels: np.ndarray, block: bytes) -> bytes:
    return with_segment(jpeg(pixels), 0xE1, b"Exif\0\0" + block)


def dicom_file(
    pixels: np.ndarray = STORED, syntax: str = uid.ExplicitVRLittleEndian, frame: bytes = b"", **elements: Any
) -> bytes:
    """Write a DX of these stored values; an element given as None is left out."""
    dataset = Dataset()
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3"
    dataset.Modality = "DX"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = pixels.itemsize * 8
    dataset.BitsStored = 8 if pixels.itemsize == 1 else 12
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    dataset.PixelData = encapsulate([frame]) if frame else pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OB" if frame else "OW"
    for name, value in elements.items():
        setattr(dataset, name, value)
        if value is None:
            delattr(dataset, name)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def compressed(syntax: str, pixels: np.ndarray = STORED) -> bytes:
    """Write a DX whose pixels pydicom compresses."""
    dataset = dcmread(BytesIO(dicom_file(pixels)))
    dataset.compress(syntax, generate_instance_uid=False)
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def encode_lossless_jpeg(pixels: np.ndarray, bits: int, predictor: int = 1) -> bytes:
    """Encode by ITU-T T.81, annex H, predicted from the left, each of 17 categories with a code of 5 bits."""
    stored = pixels.astype(np.int64)
    predicted = np.empty_like(stored)
    predicted[:, 1:], predicted[1:, 0], predicted[0, 0] = stored[:, :-1], stored[:-1, 0], 1 << (bits - 1)
    written = ""
    for difference in ((stored - predicted + 2**15 - 1) % 2**16 - 2**15 + 1).ravel().tolist():
        category = abs(difference).bit_length()
        extra = difference if difference > 0 else difference + (1 << category) - 1
        written += f"{category:05b}" + (f"{extra:0{category}b}" if 0 < category < 16 else "")
    written += "1" * (-len(written) % 8)
    scan = int(written, 2).to_bytes(len(written) // 8).replace(b"\xff", b"\xff\0")
    height, width = pixels.shape
    return (
        b"\xff\xd8\xff\xc3"
        + struct.pack(">HBHHBBBB", 11, bits, height, width, 1, 1, 0x11, 0)
        + (b"\xff\xc4" + struct.pack(">HB", 36, 0) + bytes([0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17)))
        + (b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, predictor, 0, 0) + scan + b"\xff\xd9")
    )


TRANSFER_SYNTAXES = {
    "implicit little endian": dicom_file(syntax=uid.ImplicitVRLittleEndian),
    "explicit little endian": dicom_file(),
    "explicit big endian": dicom_file(syntax=uid.ExplicitVRBigEndian),
    "RLE": compressed(uid.RLELossless),
    "JPEG 2000": compressed(uid.JPEG2000Lossless),
    "lossless JPEG": dicom_file(syntax=uid.JPEGLosslessSV1, frame=encode_lossless_jpeg(STORED, 12)),
    "lossless JPEG, any predictor": dicom_file(syntax=uid.JPEGLossless, frame=encode_lossless_jpeg(STORED, 12)),
}

ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
PNG, INTERLACED_PNG = png(GREY, 0), png(GREY, 0, passes=ADAM7)
JPEG, PROGRESSIVE_JPEG = jpeg(GREY), jpeg(cv2.merge([GREY] * 3), cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
