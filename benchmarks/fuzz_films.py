"""The files that the fuzzer starts from: every kind that is read, made of the averages and of real films."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset, dcmread, uid
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from benchmarks.server import REPOSITORY

Grey = NDArray[np.uint8]
# Small, so that many are tried: damage is found in headers and in what they lead to, not in size.
SIDE = 112
# Real films in their own size, the first of each folder.
FILMS_OF_A_FOLDER = 2


def corpus() -> list[tuple[str, bytes]]:
    """Return name and content of each, in the same order every time."""
    found = [each for path in _averages() for each in _kinds(path.stem, _small(path))]
    return found + list(_real())


def _averages() -> list[Path]:
    return sorted((REPOSITORY / "static" / "examples").glob("*.png"))


def _small(path: Path) -> Grey:
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE + 16), interpolation=cv2.INTER_AREA), np.uint8)


def _kinds(stem: str, grey: Grey) -> Iterator[tuple[str, bytes]]:
    """Yield one film in every form that is read."""
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    deep = grey.astype(np.uint16) * 16
    yield f"{stem}.png", _encoded(".png", grey)
    yield f"{stem}-16.png", _encoded(".png", deep)
    yield f"{stem}-alpha.png", _encoded(".png", np.dstack([colour, np.full_like(grey, 200)]))
    yield f"{stem}-1-bit.png", _encoded(".png", grey, cv2.IMWRITE_PNG_BILEVEL, 1)
    yield f"{stem}.jpg", _encoded(".jpg", grey)
    yield f"{stem}-colour.jpg", _encoded(".jpg", colour, cv2.IMWRITE_JPEG_RST_INTERVAL, 4)
    yield f"{stem}-progressive.jpg", _encoded(".jpg", grey, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    for name, syntax in {
        "explicit": uid.ExplicitVRLittleEndian, "implicit": uid.ImplicitVRLittleEndian, "big": uid.ExplicitVRBigEndian,
    }.items():  # fmt: skip
        yield f"{stem}-{name}.dcm", _dicom(deep, syntax)
    for name, syntax in {"rle": uid.RLELossless, "2000": uid.JPEG2000Lossless}.items():
        yield f"{stem}-{name}.dcm", _compressed(deep, syntax)
    yield f"{stem}-jpeg.dcm", _dicom(grey, uid.JPEGBaseline8Bit, _encoded(".jpg", grey))
    yield f"{stem}-lossless.dcm", _dicom(deep, uid.JPEGLosslessSV1, _lossless(deep))
    yield f"{stem}-tables.dcm", _dicom(deep, uid.ExplicitVRLittleEndian, **_tables())


def _encoded(ending: str, pixels: NDArray[Any], *settings: int) -> bytes:
    return bytes(cv2.imencode(ending, pixels, list(settings))[1].tobytes())


def _lossless(deep: NDArray[np.uint16]) -> bytes:
    # No library of ours writes it; the tests of its decoder do.
    from tests.xray.conftest import encode_lossless_jpeg

    return encode_lossless_jpeg(deep, 12)


def _dicom(pixels: NDArray[Any], syntax: str, frame: bytes = b"", **elements: Any) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, "1.2.3"
    dataset.Modality, dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "DX", "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 8 * pixels.itemsize
    dataset.BitsStored = 8 if pixels.itemsize == 1 else 12
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.WindowCenter, dataset.WindowWidth, dataset.PixelSpacing = 2000, 3000, [0.14, 0.15]
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.PixelPaddingValue = 1, 0, 0
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    dataset.PixelData = encapsulate([frame]) if frame else pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    dataset["PixelData"].VR = "OB" if frame else "OW"
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    return _written(dataset)


def _compressed(pixels: NDArray[Any], syntax: str) -> bytes:
    dataset = dcmread(BytesIO(_dicom(pixels, uid.ExplicitVRLittleEndian)))
    dataset.compress(syntax, generate_instance_uid=False)
    return _written(dataset)


def _written(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _tables() -> dict[str, Any]:
    """Return a modality and a VOI look-up table."""
    modality, voi = Dataset(), Dataset()
    for item, last in ((modality, 4095), (voi, 255)):
        item.LUTDescriptor = [4096, 0, 16]
        item.LUTData = np.linspace(0, last, 4096).astype("<u2").tobytes()
        item["LUTData"].VR = "OW"
    modality.ModalityLUTType = "US"
    return {"ModalityLUTSequence": Sequence([modality]), "VOILUTSequence": Sequence([voi])}


def _real() -> Iterator[tuple[str, bytes]]:
    """Yield some films of XRAY_DATA as they were published; nothing without that folder."""
    if not (folder := os.environ.get("XRAY_DATA")):
        return
    for pattern in ("cohen/covid/*", "kermany/*/*", "nih/*/*", "radiography/*/*", "dicom/*"):
        for path in sorted(Path(folder).glob(pattern))[:FILMS_OF_A_FOLDER]:
            if path.is_file():
                yield path.name, path.read_bytes()
