"""Reading a DICOM radiograph. The only importer of pydicom.

Only the elements that make the image are parsed: no name and no identifier of a patient enters the process. What the
header states is checked before anything is decoded, because pydicom and its decoders allocate whatever it states.
"""

import math
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from pydicom import Dataset, uid
from pydicom.datadict import keyword_for_tag
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag

from xray.errors import Phrase, UnreadableImageError, UnsupportedImageError, damaged
from xray.io import jpeg, jpeg_2000
from xray.io.dicom_rendering import Lut, Rendering, Rescale, Window, render, render_levels
from xray.io.limits import BoundedReads, Limits, check_size
from xray.io.lossless import decode_lossless_jpeg, decode_rle
from xray.io.pixels import GreyImage, GreyLevels, Pixels

_RADIOGRAPHS = {
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
}
# A secondary capture may be anything; with one of these modalities it is a radiograph.
_MODALITIES = {"CR", "DX", "RG"}

_UNCOMPRESSED = {uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian}
_JPEG = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit}
_JPEG_LOSSLESS = {uid.JPEGLossless, uid.JPEGLosslessSV1}
_JPEG_2000 = {uid.JPEG2000, uid.JPEG2000Lossless}
# Deflated files are not read: pydicom would inflate the whole file, however large, before anything can be checked.
_READABLE = _UNCOMPRESSED | _JPEG | _JPEG_LOSSLESS | _JPEG_2000 | {uid.RLELossless}

# Of a value of the file that is quoted in an error message, in characters.
LONGEST_WORD = 64
# In bytes: enough for a hundred windows, and for three tables of 65,536 entries.
LONGEST_VALUE, LONGEST_SEQUENCE = 4096, 2**19
MOST_ITEMS = 1000
UNDEFINED = 2**32 - 1
_ITEMS = b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"  # their tag, little and big endian

_SEQUENCES = ("ModalityLUTSequence", "VOILUTSequence")
_ELEMENTS = [
    *("SOPClassUID", "Modality", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
    *(*_SEQUENCES, "RescaleSlope", "RescaleIntercept"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"),
]

# What pydicom and its decoders raise on damaged files, found by fuzzing.
_DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError),
    *(OSError, EOFError, struct.error, cv2.error, BytesLengthException, InvalidDicomError),
)


def read(data: bytes, limits: Limits, *, deep: bool = False) -> tuple[GreyImage, GreyLevels | None]:
    """Read a single-frame CR or DX radiograph, in the greys that its manufacturer intended.

    The pipeline: stored values, modality LUT or rescale, VOI LUT or first window (the range of the image where
    there is none), inversion for MONOCHROME1, so that bone is always bright. Padding becomes black. Unequal pixel
    spacings are made equal by shrinking the finer axis.

    Args:
        data: the whole file.
        limits: what is refused before decoding.
        deep: whether all grey levels are requested too.

    Returns:
        The greys: uint8, shape (height, width), values 0 to 255, each side at least limits.min_side. The levels: the
        values after the modality LUT or rescale, as whole numbers from 0, in the same shape, with the window that
        gives those greys; None for no more than 8 bits, and where they were not requested.

    Raises:
        UnreadableImageError: damaged, truncated, or without pixels.
        UnsupportedImageError: not a radiograph, colour, several frames, or a compression not read.
        ImageTooLargeError: too many pixels; raised before decoding.

    Source:
        DICOM PS3.3, C.7.6.3 (pixels), C.11.1 (modality LUT), C.11.2 (VOI LUT).
    """
    levels = None
    with _damage_refused():
        dataset = _parse(data)
        _check(dataset, limits)
        stored, how = _significant_bits(_stored_values(dataset, limits), dataset), _rendering(dataset)
        image = _square(render(stored, how), dataset)
        if deep and dataset.BitsStored > 8:
            levels = render_levels(stored, how)
            levels = replace(levels, levels=_square(levels.levels, dataset))
    check_size(image.shape[0], image.shape[1], limits)
    return image, levels


@contextmanager
def _damage_refused() -> Iterator[None]:
    """Translate what pydicom and its decoders raise into an error for a damaged file, and silence their warnings."""
    # pydicom warns of the many harmless ways in which real files break the standard. With several threads these
    # filters may outlive the block, which is why they name pydicom alone.
    with warnings.catch_warnings(), np.errstate(over="raise", divide="raise", invalid="raise"):
        warnings.filterwarnings("ignore", module="pydicom|openjpeg")
        try:
            yield
        except _DAMAGE as error:
            raise damaged("DICOM radiograph") from error


def _parse(data: bytes) -> Dataset:
    """Parse the needed elements, after checking the transfer syntax."""
    stream = BoundedReads(data)
    stream.seek(132)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    syntax = uid.UID(meta.TransferSyntaxUID)
    if syntax not in _READABLE:
        raise UnsupportedImageError(
            "Expected DICOM pixels uncompressed or as JPEG, JPEG 2000 or RLE, "
            "received %(syntax)s. Please export the radiograph uncompressed.",
            syntax=_shortened(syntax.name),
        )
    tags: list[BaseTag | int] = [*map(Tag, _ELEMENTS)]
    dataset = read_partial(BoundedReads(data), _is_too_long, specific_tags=tags)
    for name in _SEQUENCES:
        _check_items(dataset, name)
    return dataset


def _is_too_long(tag: BaseTag, _: str | None, length: int) -> bool:
    """Refuse an element that is longer than any radiograph's, before it is read; never ask pydicom to stop.

    Without this check 4 MB of numbers in one element took 800 MB of memory.
    """
    name = keyword_for_tag(tag)
    if name in _ELEMENTS and name != "PixelData" and length != UNDEFINED:
        if length > (LONGEST_SEQUENCE if name in _SEQUENCES else LONGEST_VALUE):
            raise damaged("DICOM radiograph")
    return False


def _check_items(dataset: Dataset, name: str) -> None:
    """Refuse a sequence of more items than any radiograph has, before pydicom makes an object of each."""
    element = dataset.get_item(name)
    if element is not None and isinstance(element.value, bytes):
        if max(map(element.value.count, _ITEMS)) > MOST_ITEMS:
            raise damaged("DICOM radiograph")


def _check(dataset: Dataset, limits: Limits) -> None:
    """Refuse by the header alone what is not one grey radiograph of a readable size."""
    # Where the file ends inside an element, pydicom returns none at all.
    if not dataset:
        raise damaged("DICOM radiograph")
    modality = dataset.get("Modality") or Phrase("unknown")
    if dataset.get("SOPClassUID") not in _RADIOGRAPHS and modality not in _MODALITIES:
        raise UnsupportedImageError(
            "Expected a radiograph (modality CR, DX or RG), received modality %(modality)s. "
            "Please send a chest radiograph.",
            modality=_shortened(modality),
        )
    if "Rows" not in dataset or "PixelData" not in dataset:
        raise UnreadableImageError(
            "Expected a DICOM radiograph with pixels, received none. Please export it with its picture."
        )
    check_size(dataset.Rows, dataset.Columns, limits)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise UnsupportedImageError(
            "Expected one frame, received %(frames)s. Please export a single one.", frames=frames
        )
    photometric = dataset.PhotometricInterpretation
    if dataset.SamplesPerPixel != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedImageError(
            "Expected grey pixels (MONOCHROME1 or MONOCHROME2), received %(photometric)s. "
            "Please export the original radiograph rather than a coloured copy.",
            photometric=_shortened(photometric),
        )
    if dataset.BitsAllocated not in (8, 16):
        raise UnsupportedImageError(
            "Expected 8 or 16 bits allocated, received %(bits)s. Please export it as 16 bits.",
            bits=dataset.BitsAllocated,
        )


def _shortened(word: str) -> str:
    """Return a value of the file at a length that suits an error message: a damaged file may hold megabytes."""
    return word if len(word) <= LONGEST_WORD else f"{str(word)[:LONGEST_WORD]}…"


def _stored_values(dataset: Dataset, limits: Limits) -> Pixels:
    """Decode the pixels by their transfer syntax: JPEG by OpenCV, JPEG 2000 by a child, others by our own."""
    syntax, shape = dataset.file_meta.TransferSyntaxUID, (dataset.Rows, dataset.Columns)
    # pydicom would clear unused bits on the assumption that they are the high ones; see _significant_bits.
    dataset.pixel_array_options(correct_unused_bits=False)
    if syntax in _UNCOMPRESSED:
        stored: Pixels = dataset.pixel_array
        return stored.astype(stored.dtype.newbyteorder("="), copy=False)
    frame = get_frame(BoundedReads(dataset.PixelData), 0, number_of_frames=1)
    if syntax in _JPEG:
        stored, _ = jpeg.read(frame, limits, full=True)
    elif syntax in _JPEG_LOSSLESS:
        stored = decode_lossless_jpeg(frame, shape)
    elif syntax in _JPEG_2000:
        stored = jpeg_2000.decode(frame, shape, signed=bool(dataset.PixelRepresentation))
    else:
        stored = decode_rle(frame, shape, dataset.BitsAllocated // 8)
    if stored.shape != shape:
        raise damaged("DICOM radiograph")
    return stored


def _significant_bits(stored: Pixels, dataset: Dataset) -> Pixels:
    """Keep the BitsStored bits below and at HighBit, with their sign.

    The other bits may hold an overlay (retired, but found in old CR archives).
    """
    bits, size = dataset.BitsStored, stored.dtype.itemsize * 8
    high = dataset.get("HighBit", bits - 1)
    if not 1 <= bits <= high + 1 <= size:
        raise damaged("DICOM radiograph")
    signed = stored.view(f"{'i' if dataset.PixelRepresentation else 'u'}{stored.dtype.itemsize}")
    return np.asarray(signed << (size - 1 - high) >> (size - bits))


def _rendering(dataset: Dataset) -> Rendering:
    """Read the greyscale pipeline that the manufacturer intended."""
    modality: Lut | Rescale
    if dataset.get("ModalityLUTSequence"):
        modality = _lut(dataset.ModalityLUTSequence[0])
    else:
        slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
        modality = Rescale(_finite(1 if slope is None else slope), _finite(intercept or 0))
    voi: Lut | Window | None = None
    if dataset.get("VOILUTSequence"):
        voi = _lut(dataset.VOILUTSequence[0])
    else:
        center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
        # Real files write a width of zero for "no window".
        if center is not None and width is not None and width > 0:
            voi = Window(center, width, dataset.get("VOILUTFunction"))
    return Rendering(modality, voi, dataset.PhotometricInterpretation == "MONOCHROME1", _padding(dataset))


def _lut(item: Dataset) -> Lut:
    """Read a look-up table."""
    entries, first, _ = item.LUTDescriptor
    content = item.LUTData
    if isinstance(content, bytes):
        content = np.frombuffer(content, np.uint8 if len(content) in (entries, entries + 1) else "<u2")
    return Lut(first, np.asarray(content, np.float64)[: entries or 2**16])


def _first(value: Any) -> float | None:
    """Return the first of one or several numbers: the first window is the manufacturer's preferred one."""
    if value is None or value == "":
        return None
    return _finite(value if isinstance(value, (int, float)) else value[0])


def _finite(value: Any) -> float:
    """Return a finite number; any other would spoil the whole image without an error."""
    if not math.isfinite(number := float(value)):
        raise damaged("DICOM radiograph")
    return number


def _padding(dataset: Dataset) -> tuple[int, int]:
    """Return the range of values that are padding; an empty range where there is none (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return 1, 0
    limit = dataset.get("PixelPaddingRangeLimit")
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def _square(image: Pixels, dataset: Dataset) -> Pixels:
    """Make pixels square by shrinking the more finely sampled axis, so that the image never grows."""
    names = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing")
    spacing = next((dataset.get(name) for name in names if dataset.get(name)), (1, 1))
    ratio = float(spacing[0]) / float(spacing[1]) if float(spacing[1]) > 0 else 1
    # One per cent is less than a patient's position changes; beyond four to one the header is wrong.
    if abs(ratio - 1) < 0.01 or not 0.25 < ratio < 4:
        return image
    height, width = image.shape
    size = (round(width / max(ratio, 1)), round(height * min(ratio, 1)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
