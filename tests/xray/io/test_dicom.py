import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydicom import Dataset, FileMetaDataset, dcmread, uid
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from xray.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from xray.io import image
from xray.io.limits import Limits

# 12 bits, height and width differ, with contrast from 0 to 4095 and a little noise for the compressions.
RAMP = np.add.outer(np.arange(72) * 36, np.arange(96) * 16)
FILM = np.clip(RAMP + np.random.default_rng(0).integers(-20, 20, RAMP.shape), 0, 4095).astype(np.uint16)
FILM[0, :2] = 0, 4095
SHOWN = np.rint(FILM / 4095 * 255).astype(np.uint8)


def dicom_file(
    pixels: np.ndarray = FILM, syntax: str = uid.ExplicitVRLittleEndian, frame: bytes = b"", **elements: Any
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


def compressed(syntax: str, pixels: np.ndarray = FILM) -> bytes:
    """Write a DX whose pixels pydicom compresses."""
    dataset = dcmread(BytesIO(dicom_file(pixels)))
    dataset.compress(syntax, generate_instance_uid=False)
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def jpeg(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()


STRIPES = (FILM // 1024 * 1024).astype(np.uint16)
TRANSFER = {
    "implicit little endian": dicom_file(syntax=uid.ImplicitVRLittleEndian),
    "explicit little endian": dicom_file(),
    "explicit big endian": dicom_file(syntax=uid.ExplicitVRBigEndian),
    "RLE": compressed(uid.RLELossless),
    "JPEG 2000": compressed(uid.JPEG2000Lossless),
}
LOSSLESS_JPEG = {
    "lossless JPEG": uid.JPEGLosslessSV1,
    "lossless JPEG, any predictor": uid.JPEGLossless,
}


@pytest.fixture(params=[*TRANSFER, *LOSSLESS_JPEG])
def transferred(request: pytest.FixtureRequest, lossless_jpeg: Callable[..., bytes]) -> bytes:
    """The same film in every transfer syntax."""
    if request.param in TRANSFER:
        return TRANSFER[request.param]
    return dicom_file(syntax=LOSSLESS_JPEG[request.param], frame=lossless_jpeg(FILM, 12))


def test_every_transfer_syntax_gives_the_same_picture(transferred: bytes) -> None:
    assert image.sniff(transferred) == "DICOM"
    np.testing.assert_array_equal(image.read(transferred), SHOWN)


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
    np.testing.assert_allclose(image.read(data), (stored.astype(float) - low) * 255 / (high - low), atol=2)


def lut(first: int, bits: int, entries: list[int] | bytes, count: int = 0) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [count or len(entries), first, bits])
    item.add_new("LUTData", "OW" if isinstance(entries, bytes) else "US", entries)
    return Sequence([item])


SIGNED = (FILM.astype(np.int16) - 2048).astype(np.int16)
ENDS = {0: 0, 4095: 255}


# Some stored values, and the grey that DICOM PS3.3 C.11 gives each; see test_dicom_rendering.py.
@pytest.mark.parametrize(
    ("elements", "greys"),
    [
        pytest.param({}, {**ENDS, 1000: 62, 2000: 125}, id="own range"),
        pytest.param({"PhotometricInterpretation": "MONOCHROME1"}, {0: 255, 4095: 0, 1000: 193}, id="inverted"),
        pytest.param({"WindowCenter": 2000, "WindowWidth": 1001}, {**ENDS, 1499: 0, 2000: 128, 2500: 255}, id="window"),
        pytest.param(
            {"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"},
            {**ENDS, 2000: 128, 2250: 186, 1750: 69},
            id="sigmoid window",
        ),
        pytest.param(
            {"WindowCenter": [2000, 9], "WindowWidth": [1001, 1]}, {1499: 0, 2000: 128, 2500: 255}, id="first window"
        ),
        pytest.param({"WindowCenter": 2000, "WindowWidth": 0}, {**ENDS, 1000: 62}, id="window of no width"),
        pytest.param(
            {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 3900, "WindowWidth": 2001},
            {1499: 0, 2000: 128, 2500: 255},
            id="rescale",
        ),
        pytest.param({"RescaleSlope": -1, "RescaleIntercept": 0}, {0: 255, 4095: 0}, id="descending rescale"),
        pytest.param(
            {"ModalityLUTSequence": lut(0, 16, list(range(4096, 0, -1)))},
            {0: 255, 4095: 0, 1000: 193},
            id="modality LUT",
        ),
        pytest.param(
            {"VOILUTSequence": lut(1000, 12, [0, *([1024] * 999), 4095]), "WindowCenter": 9, "WindowWidth": 1},
            {0: 0, 1000: 0, 1001: 64, 1999: 64, 2000: 255, 4095: 255},
            id="VOI LUT goes before a window",
        ),
        pytest.param(
            {"VOILUTSequence": lut(0, 8, [entry // 16 for entry in range(4096)])},
            {**ENDS, 256: 16, 1000: 62, 3000: 187},
            id="VOI LUT of 8 bits and more than 256 entries",
        ),
        pytest.param(
            {"VOILUTSequence": lut(0, 8, bytes(range(256)) * 16, 4096)},
            {0: 0, 255: 255, 1000: 232},
            id="packed VOI LUT",
        ),
        pytest.param({"PixelPaddingValue": 4095}, {0: 0, 4095: 0, 4090: 255}, id="padding"),
        pytest.param(
            {"PixelPaddingValue": 3500, "PixelPaddingRangeLimit": 4095},
            {3500: 0, 4095: 0, 3499: 255},
            id="padding range",
        ),
    ],
)
def test_stored_values_become_the_greys_that_were_meant(elements: dict[str, Any], greys: dict[int, int]) -> None:
    stored = FILM.copy()
    stored[stored > 4090] = 4090
    stored[1, : len(greys)], stored[2, :2] = list(greys), (0, 4095)
    picture = image.read(dicom_file(stored, **elements))
    for column, grey in enumerate(greys.values()):
        assert abs(int(picture[1, column]) - grey) <= 1, (int(stored[1, column]), grey)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(dicom_file(SIGNED), id="signed"),
        pytest.param(dicom_file(SIGNED, WindowCenter=0, WindowWidth=4096), id="signed with a window"),
        pytest.param(dicom_file(FILM | 0x8000), id="overlay above the stored bits"),
        pytest.param(dicom_file(FILM << 4, HighBit=15), id="stored in the high bits"),
        pytest.param(dicom_file((SIGNED & 0x0FFF).astype(np.int16)), id="signed, its sign not extended"),
        pytest.param(dicom_file(4095 - FILM, PhotometricInterpretation="MONOCHROME1"), id="MONOCHROME1"),
        pytest.param(dicom_file(PixelData=FILM.tobytes() + bytes(8)), id="bytes behind the pixels"),
        pytest.param(dicom_file(SOPClassUID=uid.ComputedRadiographyImageStorage, Modality="CR"), id="CR"),
        pytest.param(dicom_file(SOPClassUID=uid.DigitalXRayImageStorageForProcessing), id="DX for processing"),
        pytest.param(dicom_file(SOPClassUID=uid.SecondaryCaptureImageStorage, Modality="CR"), id="secondary capture"),
        pytest.param(dicom_file(Modality=None), id="radiograph by its class alone"),
        pytest.param(dicom_file(PixelSpacing=[0.143, 0.143]), id="square pixels"),
        pytest.param(dicom_file(PixelSpacing=[0, 0]), id="spacing that cannot be"),
    ],
)
def test_the_same_film_in_other_clothes(data: bytes) -> None:
    np.testing.assert_allclose(image.read(data), SHOWN, atol=1)


@pytest.mark.parametrize(
    "elements",
    [
        pytest.param({}, id="own range"),
        pytest.param({"WindowCenter": 2000, "WindowWidth": 1001}, id="window"),
        pytest.param({"WindowCenter": 2000, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"}, id="sigmoid window"),
        pytest.param({"VOILUTSequence": lut(0, 8, [entry // 16 for entry in range(4096)])}, id="VOI LUT of 8 bits"),
        pytest.param({"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 4095}, id="MONOCHROME1"),
        pytest.param({"PixelSpacing": [0.1, 0.101]}, id="nearly square"),
        pytest.param({"ImagerPixelSpacing": [0.12, 0.1]}, id="unequal spacing"),
    ],
)
def test_all_levels_are_kept_and_shown_as_read(elements: dict[str, Any]) -> None:
    # Smooth, so that shrinking before or after the window is the same.
    data = dicom_file(np.asarray(RAMP, np.uint16), **elements)
    deep = image.load(data, deep=True).deep
    assert deep is not None and len(np.unique(deep.levels)) > 500
    np.testing.assert_allclose(deep.shown().astype(int), image.read(data), atol=2)


def test_eight_bits_stored_have_no_more_levels() -> None:
    assert image.load(dicom_file(SHOWN), deep=True).deep is None
    assert image.load(dicom_file(FILM // 16, BitsStored=8, HighBit=7), deep=True).deep is None


def test_levels_of_a_damaged_file_are_refused() -> None:
    with pytest.raises(UnreadableImageError):
        image.load(TRANSFER["RLE"][:2000], deep=True)


@pytest.mark.parametrize(
    ("elements", "shape"),
    [
        ({"PixelSpacing": [0.2, 0.1]}, (144, 96)),
        ({"PixelAspectRatio": [1, 2]}, (72, 192)),
        ({"ImagerPixelSpacing": [0.3, 0.2]}, (144, 128)),
    ],
)
def test_unequal_spacing_is_made_square_without_growing(elements: dict[str, Any], shape: tuple[int, int]) -> None:
    assert image.read(dicom_file(np.kron(FILM, np.ones((2, 2), np.uint16)), **elements)).shape == shape


REFUSED = [
    pytest.param({"SOPClassUID": uid.CTImageStorage, "Modality": "CT"}, UnsupportedImageError, "CT", id="CT"),
    pytest.param(
        {"SOPClassUID": uid.SecondaryCaptureImageStorage, "Modality": "OT"}, UnsupportedImageError, "OT", id="a scan"
    ),
    pytest.param(
        {"SOPClassUID": uid.EncapsulatedPDFStorage, "Modality": "DOC", "PixelData": None, "Rows": None},
        UnsupportedImageError,
        "DOC",
        id="PDF",
    ),
    pytest.param({"NumberOfFrames": 2}, UnsupportedImageError, "received 2", id="several frames"),
    pytest.param(
        {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
        UnsupportedImageError,
        "RGB",
        id="colour",
    ),
    pytest.param({"PhotometricInterpretation": "PALETTE COLOR"}, UnsupportedImageError, "PALETTE", id="palette"),
    pytest.param({"BitsAllocated": 32}, UnsupportedImageError, "32", id="32 bits"),
    pytest.param({"BitsStored": 17}, UnreadableImageError, "damaged", id="more bits stored than allocated"),
    pytest.param({"PixelData": None}, UnreadableImageError, "pixels", id="no pixels"),
    pytest.param({"PixelData": FILM.tobytes()[:-2]}, UnreadableImageError, "damaged", id="too few pixels"),
    pytest.param({"Rows": 63, "PixelData": bytes(63 * 96 * 2)}, UnsupportedImageError, "96 x 63", id="too small"),
    pytest.param({"Rows": 20000, "Columns": 20000}, ImageTooLargeError, "20000 x 20000", id="too large"),
    pytest.param({"syntax": uid.DeflatedExplicitVRLittleEndian}, UnsupportedImageError, "Deflated", id="deflated"),
    pytest.param({"syntax": uid.JPEGLSLossless, "frame": b"1"}, UnsupportedImageError, "JPEG-LS", id="JPEG-LS"),
    pytest.param({"syntax": uid.MPEG2MPML, "frame": b"1"}, UnsupportedImageError, "MPEG2", id="a film"),
    pytest.param(
        {"syntax": uid.JPEGBaseline8Bit, "frame": jpeg(SHOWN)[:-900]}, UnreadableImageError, "truncated", id="cut JPEG"
    ),
    pytest.param(
        {"syntax": uid.JPEGBaseline8Bit, "frame": jpeg(SHOWN.T)},
        UnreadableImageError,
        "damaged",
        id="JPEG of another size",
    ),
    pytest.param(
        {"syntax": uid.RLELossless, "frame": struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\0" * 9},
        UnreadableImageError,
        "damaged",
        id="RLE with too few pixels",
    ),
    pytest.param({"syntax": uid.JPEG2000, "frame": b"\xff\x4f"}, UnreadableImageError, "damaged", id="cut JPEG 2000"),
]


@pytest.mark.parametrize(("elements", "error", "words"), REFUSED)
def test_refuses_with_the_right_error(elements: dict[str, Any], error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as refusal:
        image.read(dicom_file(**elements))
    assert refusal.type is error
    assert all(word in str(refusal.value) for word in ("Expected", "received", "Please"))


def test_refuses_a_file_cut_anywhere(transferred: bytes) -> None:
    size = len(transferred)
    for kept in {132, *range(200, size - 10, 997), size - 10}:
        with pytest.raises(UnreadableImageError):
            image.read(transferred[:kept])


def test_a_codestream_larger_than_its_header_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TRANSFER["JPEG 2000"]
    size = data.index(b"\xff\x4f\xff\x51") + 8
    bomb = data[:size] + struct.pack(">2I", 60000, 60000) + data[size + 8 :]
    monkeypatch.setattr(Dataset, "pixel_array", property(lambda _: pytest.fail("was decoded")))
    with pytest.raises(UnreadableImageError):
        image.read(bomb)


def test_limits_hold_for_dicom() -> None:
    with pytest.raises(ImageTooLargeError):
        image.read(dicom_file(), Limits(pixels=5000))
    for data, limits in [(dicom_file(), Limits(min_side=73)), (dicom_file(PixelSpacing=[0.1, 0.2]), Limits())]:
        with pytest.raises(UnsupportedImageError):
            image.read(data, limits)


def test_damage_gives_a_picture_or_an_image_error(transferred: bytes) -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = np.frombuffer(transferred, np.uint8).copy()
        damaged[rng.integers(132, 900, 3)] = rng.integers(0, 256, 3)
        try:
            assert image.read(damaged.tobytes()).dtype == np.uint8
        except ImageError as error:
            assert error.status in (400, 413, 415)


@pytest.fixture
def real_film(real_data: Path) -> Callable[[str], np.ndarray]:
    """Read one of the two real files, which differ in one byte: what they call the same stored values."""
    paths = sorted((real_data / "dicom").glob("*.dcm"))
    pictures = {("MONOCHROME1" if b"MONOCHROME1" in path.read_bytes() else "MONOCHROME2"): path for path in paths}
    return lambda photometric: image.read(pictures[photometric].read_bytes())


def test_a_real_film_is_the_same_in_both_photometric_interpretations(real_film) -> None:
    film = real_film("MONOCHROME2")
    assert film.shape == (1024, 1024)
    np.testing.assert_array_equal(image.read(dicom_file(255 - film, PhotometricInterpretation="MONOCHROME1")), film)


def test_the_real_film_relabelled_is_its_own_negative(real_film) -> None:
    np.testing.assert_array_equal(real_film("MONOCHROME1"), 255 - real_film("MONOCHROME2"))
