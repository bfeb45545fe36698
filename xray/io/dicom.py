"""Reading a DICOM radiograph. The only importer of pydicom.

Only the elements that make the image are parsed: no name and no identifier of a patient enters the process that serves.
Training alone asks for `patient_hash`. What the
header states is checked before anything is decoded, because pydicom and its decoders allocate whatever it states.
"""

import hashlib
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import cv2
import numpy as np
from pydicom import Dataset, uid
from pydicom.datadict import keyword_for_tag
from pydicom.encaps import get_frame
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_partial
from pydicom.pixels.processing import apply_color_lut
from pydicom.tag import BaseTag, Tag

from xray.errors import Phrase, UnreadableImageError, UnsupportedImageError, damaged
from xray.io import colour, jpeg, jpeg_2000
from xray.io.dicom_rendering import Lut, Rendering, Rescale, Window, render, render_levels, sound
from xray.io.limits import BoundedReads, Limits, check_size
from xray.io.lossless import decode_lossless_jpeg, decode_rle
from xray.io.pixels import Flaw, GreyImage, GreyLevels, Pixels, display

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
_JPEG_2000 = {uid.JPEG2000, uid.JPEG2000Lossless, uid.HTJ2K, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL}
# Deflated files are not read: pydicom would inflate the whole file, however large, before anything can be checked.
_READABLE = _UNCOMPRESSED | _JPEG | _JPEG_LOSSLESS | _JPEG_2000 | {uid.RLELossless}
_GREY, _COLOUR, _PALETTE = {"MONOCHROME1", "MONOCHROME2"}, {"RGB", "YBR_FULL", "YBR_FULL_422"}, "PALETTE COLOR"

# Of a value of the file that is quoted in an error message, in characters.
LONGEST_WORD = 64
# In bytes: enough for a hundred windows, for three tables of 65,536 entries, and for one.
LONGEST_VALUE, LONGEST_SEQUENCE, LONGEST_TABLE = 4096, 2**19, 2**17
MOST_ITEMS = 1000
UNDEFINED = 2**32 - 1
_ITEMS = b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"  # their tag, little and big endian
# Decimal strings as programs really write them: with a comma, a unit or a space.
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")
# Greater ones are no property of a radiograph, and overflow.
LARGEST_NUMBER = 1e12
# Encapsulated pixels, and how the first frame of each compression begins.
_ENCAPSULATED = re.compile(rb"\xe0\x7f\x10\0(?:O[BW]\0\0)?\xff{4}")
_LOSSLESS_FRAME = re.compile(rb"\xff\xc3\0.[\x02-\x10]", re.DOTALL)

_SEQUENCES = ("ModalityLUTSequence", "VOILUTSequence")
_TABLES = [f"{name}PaletteColorLookupTableData" for name in ("Red", "Green", "Blue")]
_ELEMENTS = [
    *("SOPClassUID", "Modality", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
    *(*_SEQUENCES, "RescaleSlope", "RescaleIntercept", "PlanarConfiguration"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"),
    *(*_TABLES, *(name.replace("Data", "Descriptor") for name in _TABLES)),
]
_LONGEST = dict.fromkeys(_SEQUENCES, LONGEST_SEQUENCE) | dict.fromkeys(_TABLES, LONGEST_TABLE)

# What pydicom and its decoders raise on damaged files, found by fuzzing.
_DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError),
    *(OSError, EOFError, struct.error, cv2.error, BytesLengthException, InvalidDicomError),
)


def read(data: bytes, limits: Limits, *, deep: bool = False) -> tuple[GreyImage, GreyLevels | None, tuple[Flaw, ...]]:
    """Read a single-frame CR or DX radiograph, in the greys that its manufacturer intended.

    The pipeline: stored values, modality LUT or rescale, VOI LUT or first window (the range of the image where
    there is none), inversion for MONOCHROME1, so that bone is always bright. Padding becomes black. Unequal pixel
    spacings are made equal by shrinking the finer axis. Colour pixels are read as those of a PNG are.

    Elements that are missing are inferred where the others leave one possibility; those that would make the image
    black or white are passed over.

    Args:
        data: the whole file, with or without its preamble and its file meta information.
        limits: what is refused before decoding.
        deep: whether all grey levels are requested too.

    Returns:
        The greys: uint8, shape (height, width), values 0 to 255, each side at least limits.min_side. The levels: the
        values after the modality LUT or rescale, as whole numbers from 0, in the same shape, with the window that
        gives those greys; None for no more than 8 bits, and where they were not requested. What was passed over.

    Raises:
        UnreadableImageError: damaged, truncated, or without pixels.
        UnsupportedImageError: not a radiograph, several frames, or a compression not read.
        NotAChestXrayError: a colour picture.
        ImageTooLargeError: too many pixels; raised before decoding.

    Source:
        DICOM PS3.3, C.7.6.3 (pixels), C.11.1 (modality LUT), C.11.2 (VOI LUT).
    """
    levels = None
    with _damage_refused():
        dataset = _parse(data)
        _check(dataset, limits)
        stored = _stored_values(dataset, limits)
        if dataset.PhotometricInterpretation in _GREY:
            stored = _significant_bits(stored, dataset)
            how, flaws = _rendering(dataset)
            how, spoilt = sound(stored, how)
            flaws = tuple(dict.fromkeys(flaws + spoilt))
            image = render(stored, how)
            if deep and dataset.BitsStored > 8:
                levels = render_levels(stored, how)
        else:
            (image, levels), flaws = display(_grey(stored, dataset), deep=deep), ()
        image = _square(image, dataset)
        levels = levels and replace(levels, levels=_square(levels.levels, dataset))
    check_size(image.shape[0], image.shape[1], limits)
    return image, levels, flaws


def patient_hash(start: bytes) -> bytes | None:
    """Return the SHA-256 of PatientID, by which radiographs of one patient are kept together; None where there is none.

    The hash can be undone by trying identifiers: it must not be written anywhere either.

    Args:
        start: of a DICOM file, as long as what stands before its image.
    """
    with suppress(*_DAMAGE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        header = BoundedReads(_with_syntax(start))
        wanted = Tag("PatientID")
        found = read_partial(header, lambda tag, *_: tag > wanted, specific_tags=[wanted])
        if identifier := str(found.get("PatientID", "")).strip():
            return hashlib.sha256(identifier.encode()).digest()
    return None


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
    data = _with_syntax(data)
    stream = BoundedReads(data)
    stream.seek(132)
    syntax = uid.UID(_meta(stream).TransferSyntaxUID)
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


def _meta(stream: BoundedReads) -> Dataset:
    """Parse the file meta information, and leave the stream where it ends."""
    return read_dataset(stream, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)


def _with_syntax(data: bytes) -> bytes:
    """Return a file that begins as PS3.10 asks: where preamble, mark or transfer syntax are missing, with these.

    The syntax is guessed by the first element, and of encapsulated pixels by their first frame.
    """
    marked = data[128:132] == b"DICM"
    stream = BoundedReads(data)
    stream.seek(132 if marked else 0)
    meta = _meta(stream)
    if marked and "TransferSyntaxUID" in meta:
        return data
    content = data[stream.tell() :]
    syntax = meta.get("TransferSyntaxUID") or _guessed_syntax(content)
    text = syntax.encode() + b"\0" * (len(syntax) % 2)
    return bytes(128) + b"DICM" + struct.pack("<HH2sH", 2, 0x10, b"UI", len(text)) + text + content


def _guessed_syntax(content: bytes) -> str:
    if content.startswith(b"\0\x08"):
        return uid.ExplicitVRBigEndian
    if pixels := _ENCAPSULATED.search(content):
        frame = content[pixels.end() : pixels.end() + 4096]
        if b"\xff\x4f\xff\x51" in frame:
            return uid.JPEG2000
        if b"\xff\xd8\xff" not in frame:
            return uid.RLELossless
        return uid.JPEGLosslessSV1 if _LOSSLESS_FRAME.search(frame) else uid.JPEGBaseline8Bit
    return uid.ExplicitVRLittleEndian if content[4:6].isupper() else uid.ImplicitVRLittleEndian


def _is_too_long(tag: BaseTag, _: str | None, length: int) -> bool:
    """Refuse an element that is longer than any radiograph's, before it is read; never ask pydicom to stop.

    Without this check 4 MB of numbers in one element took 800 MB of memory.
    """
    name = keyword_for_tag(tag)
    if name in _ELEMENTS and name != "PixelData" and length != UNDEFINED:
        if length > _LONGEST.get(name, LONGEST_VALUE):
            raise damaged("DICOM radiograph")
    return False


def _check_items(dataset: Dataset, name: str) -> None:
    """Refuse a sequence of more items than any radiograph has, before pydicom makes an object of each."""
    element = dataset.get_item(name)
    if element is not None and isinstance(element.value, bytes):
        if max(map(element.value.count, _ITEMS)) > MOST_ITEMS:
            raise damaged("DICOM radiograph")


def _check(dataset: Dataset, limits: Limits) -> None:
    """Refuse by the header alone what is not one radiograph of a readable size; set what it leaves to be inferred."""
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
    if "PixelData" not in dataset:
        raise UnreadableImageError(
            "Expected a DICOM radiograph with pixels, received none. Please export it with its picture."
        )
    _require(dataset, "Rows", "Columns")
    frames = _number(dataset, "NumberOfFrames") or 1
    if frames != 1:
        raise UnsupportedImageError(
            "Expected one frame, received %(frames)s. Please export a single one.", frames=int(frames)
        )
    dataset.NumberOfFrames = 1
    _infer(dataset)
    samples, photometric = dataset.SamplesPerPixel, dataset.PhotometricInterpretation
    syntax = dataset.file_meta.TransferSyntaxUID
    if samples == 1:
        known = _GREY | {_PALETTE}
    else:
        known = _COLOUR if samples == 3 and syntax in _UNCOMPRESSED | _JPEG else set()
    if photometric not in known:
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
    if not 1 <= dataset.BitsStored <= dataset.HighBit + 1 <= dataset.BitsAllocated:
        raise UnreadableImageError(
            "Expected BitsStored and HighBit within %(size)s bits, received %(bits)s and %(high)s. "
            "Please export it again.",
            size=dataset.BitsAllocated,
            bits=dataset.BitsStored,
            high=dataset.HighBit,
        )
    # The limit is for 8-bit colour, three bytes a pixel.
    bytes_per_pixel = samples * dataset.BitsAllocated // 8
    check_size(dataset.Rows, dataset.Columns, replace(limits, pixels=limits.pixels * 3 // max(bytes_per_pixel, 3)))


def _require(dataset: Dataset, *names: str) -> None:
    for name in names:
        if dataset.get(name) is None:
            raise UnreadableImageError(
                "Expected a DICOM radiograph with the element %(element)s, received one without. "
                "Please export it again.",
                element=name,
            )


def _infer(dataset: Dataset) -> None:
    """Set the elements of the pixel module that are missing and that the others determine."""

    def default(name: str, value: object) -> None:
        if dataset.get(name) is None:
            setattr(dataset, name, value)

    default("SamplesPerPixel", 3 if dataset.get("PhotometricInterpretation") in _COLOUR else 1)
    default("PhotometricInterpretation", "MONOCHROME2" if dataset.SamplesPerPixel == 1 else "RGB")
    samples = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    if dataset.file_meta.TransferSyntaxUID in _UNCOMPRESSED and samples:
        default("BitsAllocated", len(dataset.PixelData) // samples * 8)
    _require(dataset, "BitsAllocated", *(_TABLES if dataset.PhotometricInterpretation == _PALETTE else ()))
    high = dataset.get("HighBit")
    default("BitsStored", dataset.BitsAllocated if high is None else high + 1)
    default("HighBit", dataset.BitsStored - 1)
    default("PixelRepresentation", 0)
    default("PlanarConfiguration", 0)


def _shortened(word: str) -> str:
    """Return a value of the file at a length that suits an error message: a damaged file may hold megabytes."""
    return word if len(word) <= LONGEST_WORD else f"{str(word)[:LONGEST_WORD]}…"


def _stored_values(dataset: Dataset, limits: Limits) -> Pixels:
    """Decode the pixels by their transfer syntax: JPEG by OpenCV, JPEG 2000 by a child, others by our own.

    Returns:
        Shape (height, width); of colours red, green, blue (height, width, 3), those of a JPEG as grey.
    """
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
    if stored.shape[:2] != shape:
        raise damaged("DICOM radiograph")
    return stored


def _grey(stored: Pixels, dataset: Dataset) -> Pixels:
    """Convert colour pixels to grey as those of a PNG are: uint8 or uint16, shape (height, width)."""
    if dataset.PhotometricInterpretation == _PALETTE:
        stored = apply_color_lut(stored, dataset)
        if stored.dtype == np.uint16 and dataset.BitsAllocated == 8:
            stored = np.asarray(stored >> 8, np.uint8)
    return stored if stored.ndim == 2 else colour.to_grey(np.ascontiguousarray(stored[..., ::-1]))


def _significant_bits(stored: Pixels, dataset: Dataset) -> Pixels:
    """Keep the BitsStored bits below and at HighBit, with their sign.

    The other bits may hold an overlay (retired, but found in old CR archives).
    """
    bits, high, size = dataset.BitsStored, dataset.HighBit, stored.dtype.itemsize * 8
    signed = stored.view(f"{'i' if dataset.PixelRepresentation else 'u'}{stored.dtype.itemsize}")
    return np.asarray(signed << (size - 1 - high) >> (size - bits))


def _rendering(dataset: Dataset) -> tuple[Rendering, tuple[Flaw, ...]]:
    """Read the greyscale pipeline that the manufacturer intended, and what of it cannot be read."""
    flaws = []
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    center, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if any(_is_garbled(dataset, name) for name in ("RescaleSlope", "RescaleIntercept")):
        flaws.append(Flaw.RESCALE)
    if any(_is_garbled(dataset, name) for name in ("WindowCenter", "WindowWidth")):
        flaws.append(Flaw.WINDOW)
    tables = {name: _lut(dataset, name) for name in _SEQUENCES}
    if any(dataset.get(name) is not None and not tables[name] for name in _SEQUENCES):
        flaws.append(Flaw.TABLE)
    modality = tables["ModalityLUTSequence"] or Rescale(1 if slope is None else slope, intercept or 0)
    voi: Lut | Window | None = tables["VOILUTSequence"]
    # Real files write a width of zero for "no window".
    if voi is None and center is not None and width is not None and width > 0:
        voi = Window(center, width, dataset.get("VOILUTFunction"))
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    return Rendering(modality, voi, inverted, _padding(dataset)), tuple(flaws)


def _lut(dataset: Dataset, name: str) -> Lut | None:
    """Read a look-up table; None where there is none, or an empty one."""
    items = dataset.get(name)
    if not items or "LUTData" not in items[0] or "LUTDescriptor" not in items[0]:
        return None
    entries, first, *_ = items[0].LUTDescriptor
    content = items[0].LUTData
    if isinstance(content, bytes):
        if dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian:  # words, which pydicom leaves as they are
            content = np.frombuffer(content, ">u2").astype("<u2").tobytes()
        content = np.frombuffer(content, np.uint8 if len(content) in (entries, entries + 1) else "<u2")
    table = np.atleast_1d(np.asarray(content, np.float64))[: entries or 2**16]
    return Lut(first, table) if table.size else None


def _text(dataset: Dataset, name: str) -> str:
    """Return an element as it is written, before pydicom makes numbers of it."""
    element = dataset.get_item(name)
    value = "" if element is None else element.value
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else str(value or "")


def _numbers(dataset: Dataset, name: str) -> list[float]:
    """Return the numbers of a decimal or integer string, whose commas, units and blanks do not matter."""
    found = [float(text.replace(",", ".")) for text in _NUMBER.findall(_text(dataset, name))]
    return [number for number in found if abs(number) <= LARGEST_NUMBER]


def _number(dataset: Dataset, name: str) -> float | None:
    """Return the first number: the first window is the manufacturer's preferred one."""
    return next(iter(_numbers(dataset, name)), None)


def _is_garbled(dataset: Dataset, name: str) -> bool:
    """Whether an element holds text, but no number."""
    return bool(_text(dataset, name)) and not _numbers(dataset, name)


def _padding(dataset: Dataset) -> tuple[int, int]:
    """Return the range of values that are padding; an empty range where there is none (PS3.3 C.7.5.1.1.2)."""
    value, limit = (_stored(dataset, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    if value is None:
        return 1, 0
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def _stored(dataset: Dataset, name: str) -> int | None:
    """Return an element of 16 bits with the sign of the pixels: many files state the other one."""
    value = dataset.get(name)
    if not isinstance(value, int):
        return None
    bits = value & 0xFFFF
    return bits - 0x10000 if dataset.PixelRepresentation and bits & 0x8000 else bits


def _square(image: Pixels, dataset: Dataset) -> Pixels:
    """Make pixels square by shrinking the more finely sampled axis, so that the image never grows."""
    names = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing")
    # One number is enough for no ratio.
    spacing = next((pair for name in names if len(pair := _numbers(dataset, name)) >= 2), (1.0, 1.0))
    ratio = spacing[0] / spacing[1] if spacing[1] > 0 else 1
    # One per cent is less than a patient's position changes; beyond four to one the header is wrong.
    if abs(ratio - 1) < 0.01 or not 0.25 < ratio < 4:
        return image
    height, width = image.shape
    size = (round(width / max(ratio, 1)), round(height * min(ratio, 1)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
