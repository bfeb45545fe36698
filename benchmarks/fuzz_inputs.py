"""What the fuzzer reads: one small file of every kind that is read, some real ones, and the ways of damaging them."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, uid
from pydicom.sequence import Sequence

from benchmarks.films import REPOSITORY

# Small, so that many are tried: damage is found in headers and in what they lead to, not in size.
SIDE = 112
# Real radiographs in their own size, the first of each folder.
FILMS_OF_A_FOLDER = 2
# Numbers at which arithmetic overflows, and sizes that ask for memory.
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 4096, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
TEXTS = (b"nan", b"inf", b"-inf", b"1e308", b"-1", b"0", b"", b"1\\2\\3", b"9" * 16, b"MONOCHROME1", b"\xff" * 16)
ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
# Headers are this long, as a rule: damage in pixels is seldom interesting.
HEADER = 1024


@cache
def corpus() -> tuple[tuple[str, bytes], ...]:
    """Return the name and content of each undamaged file, in the same order every time."""
    averages = sorted((REPOSITORY / "static" / "examples").glob("*.png"))
    return (*(each for path in averages for each in _kinds(path)), *_real())


def _kinds(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield one radiograph in every format that is read."""
    # No library writes these files; the tests of the decoders do.
    from tests.hostile.dicom_files import dicom
    from tests.xray.io.files import encode_lossless_jpeg

    large = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    grey = np.asarray(cv2.resize(large, (SIDE, SIDE + 16), interpolation=cv2.INTER_AREA), np.uint8)
    colour = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    deep = grey.astype("<u2") * 16
    jpeg = _encoded(".jpg", grey)
    numbers: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 3000, "PixelSpacing": [0.14, 0.15]}
    numbers |= {"RescaleSlope": 1, "RescaleIntercept": 0, "PixelPaddingValue": 0, "BitsStored": 12, "HighBit": 11}
    explicit = dicom(deep, **numbers)
    yield from {
        f"{path.stem}.png": _encoded(".png", grey),
        f"{path.stem}-16.png": _encoded(".png", deep),
        f"{path.stem}-alpha.png": _encoded(".png", np.dstack([colour, np.full_like(grey, 200)])),
        f"{path.stem}-1-bit.png": _encoded(".png", grey, cv2.IMWRITE_PNG_BILEVEL, 1),
        f"{path.stem}.jpg": jpeg,
        f"{path.stem}-colour.jpg": _encoded(".jpg", colour, cv2.IMWRITE_JPEG_RST_INTERVAL, 4),
        f"{path.stem}-progressive.jpg": _encoded(".jpg", grey, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        f"{path.stem}-explicit.dcm": explicit,
        f"{path.stem}-implicit.dcm": dicom(deep, uid.ImplicitVRLittleEndian, **numbers),
        f"{path.stem}-big.dcm": dicom(deep.astype(">u2"), uid.ExplicitVRBigEndian, **numbers),
        f"{path.stem}-rle.dcm": _compressed(explicit, uid.RLELossless),
        f"{path.stem}-2000.dcm": _compressed(explicit, uid.JPEG2000Lossless),
        f"{path.stem}-jpeg.dcm": dicom(grey, uid.JPEGBaseline8Bit, jpeg),
        f"{path.stem}-lossless.dcm": dicom(deep, uid.JPEGLosslessSV1, encode_lossless_jpeg(deep, 12), **numbers),
        f"{path.stem}-tables.dcm": dicom(deep, **numbers, **_tables()),
    }.items()


def _encoded(ending: str, pixels: NDArray[Any], *settings: int) -> bytes:
    return bytes(cv2.imencode(ending, pixels, list(settings))[1].tobytes())


def _compressed(film: bytes, syntax: str) -> bytes:
    dataset = dcmread(BytesIO(film))
    dataset.compress(syntax, generate_instance_uid=False)
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
    """Yield some radiographs of XRAY_DATA as they were published; nothing without that folder."""
    if not (folder := os.environ.get("XRAY_DATA")):
        return
    for pattern in ("cohen/covid/*", "kermany/*/*", "nih/*/*", "radiography/*/*", "dicom/*"):
        for path in sorted(Path(folder).glob(pattern))[:FILMS_OF_A_FOLDER]:
            if path.is_file():
                yield path.name, path.read_bytes()


def structured(chance: Random) -> bytes:
    """Make a DICOM file of a JPEG 2000 whose headers ask for any structure, in whole segments."""
    from tests.hostile.dicom_files import dicom
    from tests.hostile.jpeg_2000_files import anything

    grey = np.zeros((SIDE, SIDE + 16), np.uint8)
    return dicom(grey, uid.JPEG2000, anything(chance, *grey.shape))


def mutated(data: bytes, other: bytes, chance: Random) -> bytes:
    """Damage a file in one to four ways.

    Args:
        data: the file.
        other: another one, to take pieces from.
        chance: decides how.

    Returns:
        The damaged file; of a PNG mostly with right checksums, or else each would be refused for these alone.
    """
    target = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        chance.choice(MUTATIONS)(target, chance, other)
    return _with_checksums(bytes(target)) if chance.random() < 0.8 else bytes(target)


def _place(target: bytes | bytearray, chance: Random, room: int = 1) -> int:
    end = max(0, len(target) - room)
    return chance.randint(0, min(end, HEADER) if chance.random() < 0.6 else end)


def _flip_bits(target: bytearray, chance: Random, _: bytes) -> None:
    for _flip in range(chance.randint(1, 16) if target else 0):
        target[_place(target, chance)] ^= 1 << chance.randrange(8)


def _write_number(target: bytearray, chance: Random, _: bytes) -> None:
    size = chance.choice((1, 2, 4))
    number = chance.choice(NUMBERS) & (256**size - 1)
    at = _place(target, chance, size)
    target[at : at + size] = number.to_bytes(size, chance.choice(ORDERS))


def _write_text(target: bytearray, chance: Random, _: bytes) -> None:
    text, at = chance.choice(TEXTS), _place(target, chance, 16)
    target[at : at + len(text)] = text


def _cut_end(target: bytearray, chance: Random, _: bytes) -> None:
    del target[_place(target, chance) :]


def _remove(target: bytearray, chance: Random, _: bytes) -> None:
    at = _place(target, chance)
    del target[at : at + chance.choice((1, 2, 4, 16, 256))]


def _repeat(target: bytearray, chance: Random, _: bytes) -> None:
    at, size = _place(target, chance), chance.choice((1, 2, 8, 64, 512))
    target[at:at] = target[at : at + size] * chance.choice((1, 2, 16, 200))


def _splice(target: bytearray, chance: Random, other: bytes) -> None:
    source, at = _place(other, chance), _place(target, chance)
    piece = other[source : source + chance.choice((4, 32, 256, 4096))]
    target[at : at + (len(piece) if chance.random() < 0.5 else 0)] = piece


def _swap(target: bytearray, chance: Random, _: bytes) -> None:
    size = chance.choice((1, 2, 4, 8, 32))
    one, two = sorted((_place(target, chance, size), _place(target, chance, size)))
    if one + size <= two:
        target[one : one + size], target[two : two + size] = target[two : two + size], target[one : one + size]


MUTATIONS: tuple[Callable[[bytearray, Random, bytes], None], ...] = (
    _flip_bits, _flip_bits, _write_number, _write_number, _write_text, _cut_end, _remove, _repeat, _splice, _swap,
)  # fmt: skip


def _with_checksums(data: bytes) -> bytes:
    """Write the right checksum behind every chunk of a PNG that can be walked."""
    if not data.startswith(b"\x89PNG"):
        return data
    target, at = bytearray(data), 8
    while at + 12 <= len(target):
        end = at + 12 + int(struct.unpack_from(">I", target, at)[0])
        if end > len(target):
            break
        struct.pack_into(">I", target, end - 4, zlib.crc32(target[at + 4 : end - 4]))
        at = end
    return bytes(target)
