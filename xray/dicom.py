"""From the bytes of a DICOM file to a grey picture. The only importer of pydicom.

Only the elements that make the picture are parsed: no name and no identifier of a patient enters the
process. What a file claims is checked before anything is decoded or unpacked on its word.
"""

import struct
import warnings
from io import BytesIO
from itertools import islice
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt
from pydicom import Dataset, dcmread, uid
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset

from xray.errors import ImageError, UnreadableImageError, UnsupportedImageError
from xray.image import GreyImage, Limits, check_size, jpeg_segments, read_jpeg, sniff, stretch

Pixels = npt.NDArray[Any]

_RADIOGRAPHS = {
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
}
# A secondary capture may be anything; these words of its maker make it a radiograph.
_MODALITIES = {"CR", "DX", "RG"}

_UNCOMPRESSED = {uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian}
_JPEG = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit}
_JPEG_LOSSLESS = {uid.JPEGLossless, uid.JPEGLosslessSV1}
_JPEG_2000 = {uid.JPEG2000, uid.JPEG2000Lossless}
# Not deflated: pydicom would inflate the whole file, however large, before anything can be checked.
_READABLE = _UNCOMPRESSED | _JPEG | _JPEG_LOSSLESS | _JPEG_2000 | {uid.RLELossless}

_ELEMENTS = [
    *("SOPClassUID", "Modality", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
    *("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"),
]

# What pydicom and its decoders were seen to raise on damaged files (found by fuzzing).
_DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError),
    *(OSError, EOFError, struct.error, cv2.error, BytesLengthException, InvalidDicomError),
)


# Bytes of a lossless scan that are decoded together: about 20 MB of working memory.
_BLOCK = 2**16


def is_dicom(data: bytes) -> bool:
    """Tell whether the bytes are a DICOM file."""
    return sniff(data) == "DICOM"


def read(data: bytes, limits: Limits) -> GreyImage:
    """Read a single-frame CR or DX radiograph, in the greys its maker meant.

    Stored value, modality LUT or rescale, VOI LUT or first window (the picture's own range where it
    has none), inverted for MONOCHROME1, so that bone is always bright. Padding becomes black.
    Unequal pixel spacings are made equal by shrinking the finer axis.

    Args:
        data: the whole file.
        limits: what is refused unread.

    Returns:
        uint8, shape (height, width), values 0 to 255, each side at least limits.min_side.

    Raises:
        UnreadableImageError: damaged, truncated, or without pixels.
        UnsupportedImageError: not a radiograph, colour, several frames, or a compression not read.
        ImageTooLargeError: too many pixels; raised before decoding.

    Source:
        DICOM PS3.3, C.7.6.3 (pixels), C.11.1 (modality LUT), C.11.2 (VOI LUT).
    """
    # Real files break the standard in a hundred harmless ways, of which pydicom warns. Between threads
    # these filters may outlive the block, which is why they name pydicom alone.
    with warnings.catch_warnings(), np.errstate(over="raise", divide="raise", invalid="raise"):
        warnings.filterwarnings("ignore", module="pydicom|openjpeg")
        try:
            dataset = _parse(data)
            _check(dataset, limits)
            stored = _significant_bits(_stored_values(dataset, limits), dataset)
            image = _square(_rendered(stored, dataset), dataset)
        except _DAMAGE as error:
            raise _damaged() from error
    check_size(image.shape[0], image.shape[1], limits)
    return image


def _parse(data: bytes) -> Dataset:
    """Parse the needed elements, after looking at the transfer syntax."""
    stream = BytesIO(data)
    stream.seek(132)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    syntax = uid.UID(meta.TransferSyntaxUID)
    if syntax not in _READABLE:
        raise UnsupportedImageError(
            "Expected DICOM pixels uncompressed or as JPEG, JPEG 2000 or RLE, "
            f"received {syntax.name}. Please export the radiograph uncompressed."
        )
    return dcmread(BytesIO(data), specific_tags=_ELEMENTS)


def _check(dataset: Dataset, limits: Limits) -> None:
    """Refuse by the header alone what is not one grey radiograph of a readable size."""
    # Where the file ends inside an element, pydicom gives up all of them.
    if not dataset:
        raise _damaged()
    modality = dataset.get("Modality") or "unknown"
    if dataset.get("SOPClassUID") not in _RADIOGRAPHS and modality not in _MODALITIES:
        raise UnsupportedImageError(
            f"Expected a radiograph (modality CR, DX or RG), received modality {modality}. "
            "Please send a chest radiograph."
        )
    if "Rows" not in dataset or "PixelData" not in dataset:
        raise UnreadableImageError(
            "Expected a DICOM radiograph with pixels, received none. Please export it with its picture."
        )
    check_size(dataset.Rows, dataset.Columns, limits)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise UnsupportedImageError(f"Expected one frame, received {frames}. Please export a single one.")
    photometric = dataset.PhotometricInterpretation
    if dataset.SamplesPerPixel != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedImageError(
            f"Expected grey pixels (MONOCHROME1 or MONOCHROME2), received {photometric}. "
            "Please export the original radiograph rather than a coloured copy."
        )
    if dataset.BitsAllocated not in (8, 16):
        raise UnsupportedImageError(
            f"Expected 8 or 16 bits allocated, received {dataset.BitsAllocated}. Please export it as 16 bits."
        )


def _stored_values(dataset: Dataset, limits: Limits) -> Pixels:
    """Decode the pixels by their transfer syntax.

    JPEG goes through OpenCV, lossless JPEG and RLE are decoded here: the decoders that pydicom could use
    are GPL (pylibjpeg-libjpeg), too large for the hosts (GDCM), or unpack without a bound (RLE).
    """
    syntax, shape = dataset.file_meta.TransferSyntaxUID, (dataset.Rows, dataset.Columns)
    # What pydicom decodes: its own clearing of unused bits supposes that they are the high ones.
    dataset.pixel_array_options(correct_unused_bits=False)
    if syntax in _UNCOMPRESSED:
        stored: Pixels = dataset.pixel_array
        return stored.astype(stored.dtype.newbyteorder("="), copy=False)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if syntax in _JPEG:
        stored = read_jpeg(frame, limits)
    elif syntax in _JPEG_LOSSLESS:
        stored = _lossless_jpeg(frame, shape)
    elif syntax in _JPEG_2000:
        _check_jpeg_2000(frame, shape)
        stored = dataset.pixel_array
    else:
        stored = _run_lengths(frame, shape, dataset.BitsAllocated // 8)
    if stored.shape != shape:
        raise _damaged()
    return stored


def _significant_bits(stored: Pixels, dataset: Dataset) -> Pixels:
    """Keep the BitsStored bits below and at HighBit, with their sign.

    The others may hold an overlay (retired, but found in old CR archives).
    """
    bits, size = dataset.BitsStored, stored.dtype.itemsize * 8
    high = dataset.get("HighBit", bits - 1)
    if not 1 <= bits <= high + 1 <= size:
        raise _damaged()
    signed = stored.view(f"{'i' if dataset.PixelRepresentation else 'u'}{stored.dtype.itemsize}")
    return np.asarray(signed << (size - 1 - high) >> (size - bits))


def _rendered(stored: Pixels, dataset: Dataset) -> GreyImage:
    """Turn stored values into greys.

    At most 65,536 different values are stored: the chain is worked out on them, and the picture is
    one look-up, however large.
    """
    padding = _padding(dataset)
    is_padding = (stored >= padding[0]) & (stored <= padding[1])
    if is_padding.all():
        return np.zeros(stored.shape, np.uint8)
    low = int(stored.min(initial=stored.max(), where=~is_padding))
    high = int(stored.max(initial=stored.min(), where=~is_padding))
    greys = _greys(np.arange(low, high + 1), dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        greys = 255 - greys
    picture = np.empty(stored.shape, np.uint8)
    # Row by row: NumPy widens an index to 64 bits, which for a whole picture is four times its size.
    for stored_row, row in zip(stored, picture, strict=True):
        row[:] = greys[np.clip(stored_row, low, high).astype(np.int64) - low]
    picture[is_padding] = 0
    return picture


def _padding(dataset: Dataset) -> tuple[int, int]:
    """Give the range of values that are no picture; an empty range without any (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return 1, 0
    limit = dataset.get("PixelPaddingRangeLimit")
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def _greys(levels: Pixels, dataset: Dataset) -> GreyImage:
    """Give each stored value its grey: modality LUT or rescale, then VOI LUT, window or stretch."""
    if dataset.get("ModalityLUTSequence"):
        values, _ = _looked_up(levels, dataset.ModalityLUTSequence[0])
    else:
        slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
        values = levels * float(1 if slope is None else slope) + float(intercept or 0)
    if dataset.get("VOILUTSequence"):
        shown, table = _looked_up(values, dataset.VOILUTSequence[0])
        return stretch(np.append(shown, [table.min(), table.max()]))[: levels.size]
    center, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    # A width of zero is found in real files for "no window".
    if center is None or width is None or width <= 0:
        return stretch(values)
    greys = np.rint(255 * _windowed(values, center, width, dataset.get("VOILUTFunction")))
    return np.asarray(greys, np.uint8)


def _looked_up(values: Pixels, item: Dataset) -> tuple[Pixels, Pixels]:
    """Apply a LUT, its ends held beyond its first and last entry; give the result and the LUT.

    Not pydicom's apply_voi, which counts entries in the type of their content: an 8-bit LUT of more
    than 256 entries wraps around.

    Source: DICOM PS3.3, C.11.1.1.1 and C.11.2.1.1.
    """
    entries, first, _ = item.LUTDescriptor
    content = item.LUTData
    if isinstance(content, bytes):
        content = np.frombuffer(content, np.uint8 if len(content) in (entries, entries + 1) else "<u2")
    table = np.asarray(content, np.float64)[: entries or 2**16]
    return table[np.clip(np.rint(values) - first, 0, table.size - 1).astype(np.int32)], table


def _windowed(values: Pixels, center: float, width: float, function: str | None) -> Pixels:
    """Map a window to [0, 1] (DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        # tanh is the same curve, and does not overflow.
        return np.asarray(0.5 + 0.5 * np.tanh(2 * (values - center) / width))
    if function != "LINEAR_EXACT":
        # A width of 1 is a threshold.
        center, width = center - 0.5, max(width - 1, 1e-6)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _first(value: Any) -> float | None:
    """Give the first of one or several numbers: the first window is the maker's preferred one."""
    if value is None or value == "":
        return None
    return float(value if isinstance(value, (int, float)) else value[0])


def _square(image: GreyImage, dataset: Dataset) -> GreyImage:
    """Make pixels square by shrinking the more finely sampled axis, so that the picture never grows."""
    names = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing")
    spacing = next((dataset.get(name) for name in names if dataset.get(name)), (1, 1))
    ratio = float(spacing[0]) / float(spacing[1]) if float(spacing[1]) > 0 else 1
    # One per cent is less than a patient's stance changes; beyond four to one the header is wrong.
    if abs(ratio - 1) < 0.01 or not 0.25 < ratio < 4:
        return image
    height, width = image.shape
    size = (round(width / max(ratio, 1)), round(height * min(ratio, 1)))
    return cast(GreyImage, cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _check_jpeg_2000(frame: bytes, shape: tuple[int, int]) -> None:
    """Refuse a codestream whose own size or components differ from the header's (ITU-T T.800, A.5.1)."""
    at = frame.index(b"\xff\x4f\xff\x51")
    right, bottom, left, top = struct.unpack_from(">4I", frame, at + 8)
    (components,) = struct.unpack_from(">H", frame, at + 40)
    if (bottom - top, right - left) != shape or components != 1:
        raise _damaged()


def _run_lengths(frame: bytes, shape: tuple[int, int], planes: int) -> Pixels:
    """Decode RLE: one run-length segment per byte of a pixel, the high byte first (DICOM PS3.5, annex G)."""
    count, *starts = struct.unpack_from("<16I", frame)
    if count != planes:
        raise _damaged()
    stored: Pixels = np.zeros(shape, np.uint16)
    for start, end in zip(starts[:count], [*starts[1:count], len(frame)], strict=True):
        segment = _unpacked(frame[start:end], stored.size)
        stored = (stored << 8) | np.frombuffer(segment, np.uint8).reshape(shape)
    return stored.astype(f"u{planes}")


def _unpacked(source: bytes, size: int) -> bytes:
    """Undo the run lengths, up to a size."""
    target, at = bytearray(), 0
    while len(target) < size and at < len(source):
        count = source[at]
        if count < 128:
            target += source[at + 1 : at + 2 + count]
            at += count + 2
        else:
            # 128 is a filler: no bytes.
            target += source[at + 1 : at + 2] * (257 - count if count > 128 else 0)
            at += 2 if count > 128 else 1
    return bytes(target[:size])


def _lossless_jpeg(frame: bytes, shape: tuple[int, int]) -> Pixels:
    """Decode a lossless JPEG of one component, predicted from the left neighbour (selection value 1).

    Source: ITU-T T.81, annexes B (segments) and H (lossless mode).
    """
    tables: dict[int, bytes] = {}
    segments: dict[int, tuple[bytes, int]] = {}
    for marker, segment, end in jpeg_segments(frame):
        if marker == 0xC4:
            tables.update(_huffman_tables(segment))
        segments[marker] = segment, end
    precision, *size, components = struct.unpack_from(">BHHB", segments[0xC3][0])
    header, scan = segments[0xDA]
    _, _, selector, predictor, _, shift = struct.unpack_from(">6B", header)
    if tuple(size) != shape or components != 1:
        raise _damaged()
    if predictor != 1 or any(segments.get(0xDD, (b"", 0))[0]):
        raise UnsupportedImageError(
            "Expected lossless JPEG predicted from the left and without restart marks, "
            "received another kind. Please export the radiograph uncompressed."
        )
    bits = frame[scan : frame.rindex(b"\xff\xd9")].replace(b"\xff\0", b"\xff")
    differences = _differences(bits, _huffman_codes(tables[selector >> 4]), shape[0] * shape[1])
    differences = differences.reshape(shape)
    differences[:1, :1] += 1 << (precision - shift - 1)
    # Sums are modulo 65,536: the first column downwards, then each row from its left.
    differences[:, 0] = np.cumsum(differences[:, 0], dtype=np.uint16)
    return np.asarray(np.cumsum(differences, axis=1, dtype=np.uint16) << shift)


def _huffman_tables(segment: bytes) -> dict[int, bytes]:
    """Split a segment into its tables: 16 counts of codes by length, then the categories they stand for."""
    tables, at = {}, 0
    while at + 17 <= len(segment):
        end = at + 17 + sum(segment[at + 1 : at + 17])
        tables[segment[at]] = segment[at + 1 : end]
        at = end
    return tables


def _huffman_codes(table: bytes) -> Pixels:
    """Give the code length and the category that any 16 bits begin with; length 0 where no code fits.

    Source: ITU-T T.81, annex C.
    """
    codes, code, categories = np.zeros((2**16, 2), np.int64), 0, iter(table[16:])
    for length, count in enumerate(table[:16], start=1):
        for category in islice(categories, count):
            following = code + (1 << (16 - length))
            codes[code:following] = length, category
            code = following
    return codes


def _differences(scan: bytes, codes: Pixels, count: int) -> Pixels:
    """Decode the differences of a lossless scan, modulo 65,536.

    Where a code ends is known only where it begins; so the step from every bit to a next code is
    looked up at once, block by block, and the one loop in Python merely hops along these steps.

    Source: ITU-T T.81, F.2.2.1 (extra bits) and H.1.2.2 (categories).
    """
    lengths, categories = codes.T
    # A category of 16 stands for 32,768 and has no extra bits.
    steps = np.maximum(lengths + np.where(categories == 16, 0, categories), 1).astype(np.uint8)
    data = np.frombuffer(scan + bytes(8), np.uint8).astype(np.int64)
    differences, done, at = np.zeros(count, np.uint16), 0, 0
    for start in range(0, len(scan), _BLOCK):
        stop = min(start + _BLOCK, len(scan))
        five = np.zeros(stop - start, np.int64)
        for byte in range(5):
            five = five << 8 | data[start + byte : stop + byte]
        sixteen = (five[:, None] >> np.arange(24, 16, -1) & 0xFFFF).ravel()
        hops, begins = steps[sixteen].tobytes(), list[int]()
        at -= 8 * start
        while at < len(hops) and len(begins) < count - done:
            begins.append(at)
            at += hops[at]
        begin = np.array(begins, np.int64)
        length, category = codes[sixteen[begin]].T
        if not length.all() or (category > 16).any():
            raise _damaged()
        extra = five[begin >> 3] >> (40 - (begin & 7) - length - category) & ((1 << category) - 1)
        signed = np.where(extra >= (1 << category) >> 1, extra, extra - (1 << category) + 1)
        differences[done : done + begin.size] = np.where(category == 16, 2**15, signed) & 0xFFFF
        done += begin.size
        at += 8 * start
    if done < count or at > 8 * len(scan):
        raise _damaged()
    return differences


def _damaged() -> ImageError:
    """Make the error for a file that is cut short or whose content contradicts itself."""
    return UnreadableImageError(
        "Expected a whole DICOM radiograph, received a truncated or damaged one. Please export it again."
    )
