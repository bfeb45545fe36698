"""DICOM: every transfer syntax, the greyscale pipeline of PS3.3 C.11, and what is refused before decoding."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, uid
from pydicom.sequence import Sequence

from tests.xray.io.files import SHOWN, STORED, TRANSFER_SYNTAXES, assert_refused, compressed, dicom_file, jpeg
from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.child import Child

# Every stored value of 12 bits once.
VALUES = np.arange(4096, dtype=np.uint16).reshape(64, 64)
SIGNED = (STORED.astype(np.int16) - 2048).astype(np.int16)
STRIPES = (STORED // 1024 * 1024).astype(np.uint16)
ENDS = {0: 0, 4095: 255}


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_every_transfer_syntax_gives_the_same_image(syntax: str) -> None:
    data = TRANSFER_SYNTAXES[syntax]
    assert image.sniff(data) == "DICOM"
    np.testing.assert_array_equal(image.load(data).image, SHOWN)


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        pytest.param(dicom_file(SHOWN, uid.JPEGBaseline8Bit, jpeg(SHOWN)), SHOWN, id="JPEG"),
        pytest.param(compressed(uid.RLELossless, SHOWN), SHOWN, id="RLE of 8 bits"),
        pytest.param(compressed(uid.RLELossless, STRIPES), STRIPES, id="RLE of long runs"),
    ],
)
def test_compression_keeps_the_pixels(data: bytes, stored: np.ndarray) -> None:
    low, high = int(stored.min()), int(stored.max())
    # Only lossy JPEG may differ, by 2 levels.
    np.testing.assert_allclose(image.load(data).image, (stored.astype(float) - low) * 255 / (high - low), atol=2)


def lut(first: int, bits: int, entries: list[int] | bytes, count: int = 0) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count or len(entries), first, bits])
    item.add_new("LUTData", "OW" if isinstance(entries, bytes) else "US", entries)
    return Sequence([item])


def window(center: float | list[int], width: float | list[int], function: str | None = None) -> dict[str, Any]:
    return {"WindowCenter": center, "WindowWidth": width} | ({"VOILUTFunction": function} if function else {})


def rescale(slope: float, intercept: float = 0) -> dict[str, Any]:
    return {"RescaleSlope": slope, "RescaleIntercept": intercept}


MONOCHROME1 = {"PhotometricInterpretation": "MONOCHROME1"}


HALVES = np.repeat(np.arange(256, dtype=np.uint8), 16).tobytes()
CURVE = {**ENDS, 256: 16, 1000: 62, 3000: 187}
# Some stored values, and the grey that DICOM PS3.3 C.11 gives each.
PIPELINE: dict[str, tuple[dict[str, Any], dict[int, int]]] = {
    "range of the image": ({}, {**ENDS, 1000: 62, 2000: 125}),
    "MONOCHROME1": (MONOCHROME1, {0: 255, 4095: 0, 1000: 193}),
    "window": (window(2000, 2001), {**ENDS, 999: 0, 2000: 128, 3000: 255}),
    "a window that hides the image is none": (window(2000, 5), {**ENDS, 1000: 62}),
    "a threshold is no window": (window(2000, 1), {**ENDS, 1000: 62}),
    "first window": (window([2000, 9], [2001, 1]), {999: 0, 2000: 128, 3000: 255}),
    "exact window": (window(2000, 2000, "LINEAR_EXACT"), {**ENDS, 1000: 0, 1500: 64, 3000: 255}),
    "sigmoid window": (window(2000, 1000, "SIGMOID"), {**ENDS, 2000: 128, 2250: 186, 1750: 69}),
    "a window wider than the image": (window(0, 20000, "LINEAR_EXACT"), {0: 128, 4000: 179}),
    "rescale before the window": (rescale(2, -100) | window(3900, 4001), {999: 0, 2000: 128, 3000: 255}),
    "modality LUT": (
        {"ModalityLUTSequence": lut(0, 16, list(range(4096, 0, -1)))}, {0: 255, 4095: 0, 1000: 193}
    ),
    "VOI LUT before the window, its ends extended": (
        {"VOILUTSequence": lut(1000, 12, [0, *range(1024, 3024), 3100])} | window(9, 1),
        {0: 0, 1000: 0, 1001: 84, 3000: 249, 3001: 255, 4095: 255},
    ),
    "VOI LUT of a wider range": ({"VOILUTSequence": lut(0, 14, list(range(2**14)))}, {0: 0, 4000: 62}),
    "VOI LUT of 8 bits and more than 256 entries": (
        {"VOILUTSequence": lut(0, 8, [entry // 16 for entry in range(4096)])}, CURVE
    ),
    "packed VOI LUT": ({"VOILUTSequence": lut(0, 8, HALVES, 4096)}, CURVE),
    "padding is black and no extreme": ({"PixelPaddingValue": 4095}, {0: 0, 4095: 0, 4090: 255}),
    "padding range": (
        {"PixelPaddingValue": 3500, "PixelPaddingRangeLimit": 4095}, {3500: 0, 4095: 0, 3499: 255}
    ),
    "padding that hides the image is none": ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}, ENDS),
}  # fmt: skip


@pytest.mark.parametrize(("elements", "greys"), PIPELINE.values(), ids=PIPELINE)
def test_stored_values_become_the_intended_greys(elements: dict[str, Any], greys: dict[int, int]) -> None:
    data = dicom_file(VALUES, **elements)
    shown, deep = image.load(data).image, image.load(data, deep=True).deep
    assert {value: int(shown[VALUES == value][0]) for value in greys} == pytest.approx(greys, abs=1)
    assert deep is not None and deep.levels.dtype == np.uint16
    different = np.abs(deep.shown().astype(int) - shown)
    # A curve is drawn through 256 points: one grey more or less, except where a table jumps.
    assert (different > (1 if deep.curve else 0)).mean() < 0.005


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(dicom_file(SIGNED), id="signed"),
        pytest.param(dicom_file(SIGNED, **window(0, 4096)), id="signed with a window"),
        pytest.param(dicom_file(STORED | 0x8000), id="overlay above the stored bits"),
        pytest.param(dicom_file(STORED << 4, HighBit=15), id="stored in the high bits"),
        pytest.param(dicom_file((SIGNED & 0x0FFF).astype(np.int16)), id="signed, its sign not extended"),
        pytest.param(dicom_file(4095 - STORED, **MONOCHROME1), id="MONOCHROME1"),
        pytest.param(dicom_file(PixelData=STORED.tobytes() + bytes(8)), id="bytes after the pixels"),
        pytest.param(dicom_file(SOPClassUID=uid.ComputedRadiographyImageStorage, Modality="CR"), id="CR"),
        pytest.param(dicom_file(SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="CR"), id="secondary capture"),
        pytest.param(dicom_file(PixelSpacing=[0.143, 0.143]), id="square pixels"),
    ],
)
def test_the_same_radiograph_stored_otherwise(data: bytes) -> None:
    np.testing.assert_allclose(image.load(data).image, SHOWN, atol=1)


@pytest.mark.parametrize(
    ("elements", "shape"),
    [
        ({"PixelSpacing": [0.2, 0.1]}, (144, 96)),
        ({"PixelAspectRatio": [1, 2]}, (72, 192)),
        ({"ImagerPixelSpacing": [0.3, 0.2]}, (144, 128)),
    ],
)
def test_unequal_spacing_is_made_square_without_growing(elements: dict[str, Any], shape: tuple[int, int]) -> None:
    assert image.load(dicom_file(np.kron(STORED, np.ones((2, 2), np.uint16)), **elements)).image.shape == shape


JPEG_SYNTAX = {"syntax": uid.JPEGBaseline8Bit}
TOO_FEW_RUNS = struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\0" * 9
REFUSED: dict[type[ImageError], dict[str, tuple[dict[str, Any], str]]] = {
    UnsupportedImageError: {
        "CT": ({"SOPClassUID": uid.CTImageStorage, "Modality": "CT"}, "CT"),
        "a scan": ({"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": "OT"}, "OT"),
        "PDF": ({"SOPClassUID": uid.EncapsulatedPDFStorage, "Modality": "DOC", "PixelData": None, "Rows": None}, "DOC"),
        "several frames": ({"NumberOfFrames": 2}, "received 2"),
        "too small": ({"Rows": 63, "PixelData": bytes(63 * 96 * 2)}, "96 x 63"),
        "deflated": ({"syntax": uid.DeflatedExplicitVRLittleEndian}, "Deflated"),
        "JPEG-LS": ({"syntax": uid.JPEGLSLossless, "frame": b"1"}, "JPEG-LS"),
        "a film": ({"syntax": uid.MPEG2MPML, "frame": b"1"}, "MPEG2"),
    },
    UnreadableImageError: {
        "more bits stored than allocated": ({"BitsStored": 17}, "BitsStored"),
        "a palette without its tables": ({"PhotometricInterpretation": "PALETTE COLOR"}, "RedPaletteColor"),
        "no pixels": ({"PixelData": None}, "pixels"),
        "too few pixels": ({"PixelData": STORED.tobytes()[:-2]}, "damaged"),
        "cut JPEG": (JPEG_SYNTAX | {"frame": jpeg(SHOWN)[:-900]}, "truncated"),
        "JPEG of another size": (JPEG_SYNTAX | {"frame": jpeg(SHOWN.T)}, "damaged"),
        "RLE with too few pixels": ({"syntax": uid.RLELossless, "frame": TOO_FEW_RUNS}, "damaged"),
    },
    ImageTooLargeError: {"too large": ({"Rows": 20000, "Columns": 20000}, "20000 x 20000")},
}


@pytest.mark.parametrize(
    ("elements", "words", "error"),
    [pytest.param(*row, error, id=name) for error, table in REFUSED.items() for name, row in table.items()],
)
def test_refused_with_the_right_error(elements: dict[str, Any], words: str, error: type[ImageError]) -> None:
    assert_refused(dicom_file(**elements), error, words)


def test_a_codestream_larger_than_its_header_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TRANSFER_SYNTAXES["JPEG 2000"]
    size = data.index(b"\xff\x4f\xff\x51") + 8
    bomb = data[:size] + struct.pack(">2I", 60000, 60000) + data[size + 8 :]
    monkeypatch.setattr(Child, "decode", lambda *_: pytest.fail("was decoded"))
    with pytest.raises(UnreadableImageError):
        image.load(bomb)


def test_a_real_radiograph_relabelled_is_its_own_negative(real_data: Path) -> None:
    """The two real files differ in one byte: their photometric interpretation."""
    files = [path.read_bytes() for path in (real_data / "dicom").glob("*.dcm")]
    (positive,) = (image.load(data).image for data in files if b"MONOCHROME2" in data)
    (negative,) = (image.load(data).image for data in files if b"MONOCHROME1" in data)
    assert positive.shape == (1024, 1024)
    np.testing.assert_array_equal(negative, 255 - positive)
    np.testing.assert_array_equal(image.load(dicom_file(255 - positive, **MONOCHROME1)).image, positive)
