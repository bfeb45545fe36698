"""Files as the world has them, drawn: each kind by its name, with its bytes and what must come of it."""

import struct
from typing import Any

import cv2
import numpy as np
from pydicom import Dataset, uid
from pydicom.sequence import Sequence

from tests.conftest import draw_radiograph
from tests.hostile.dicom_files import before_pixels, compressed_as, dicom, element, with_numbers
from tests.xray.io.files import chunk, dicom_file, encode_lossless_jpeg, png

FILM, SECOND = draw_radiograph(seed=1), draw_radiograph(seed=2)
DEEP = FILM.astype(np.uint16) * 16
SHADE = np.tile(np.linspace(200, 60, FILM.shape[0]).astype(np.uint8)[:, None], FILM.shape[1])


def film12(**elements: Any) -> bytes:
    return dicom(DEEP, **({"BitsStored": 12, "HighBit": 11} | elements))


def signed(pixels: np.ndarray = DEEP, **elements: Any) -> bytes:
    return dicom(pixels.astype(np.int16), **elements)


def lut(first: int, entries: np.ndarray, sign: str = "US") -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", sign, [entries.size, first, 16])
    item.add_new("LUTData", "OW", entries.tobytes())
    return Sequence([item])


def padded(kind: bytes, number: int, *, content: np.ndarray | None = None, **elements: Any) -> bytes:
    """A film whose padding is written as an element of another kind."""
    return before_pixels(
        dicom(DEEP if content is None else content, **elements),
        element(0x28, 0x120, kind, struct.pack("<H", number & 0xFFFF)),
    )


def marked(value: int, side: int, pixels: np.ndarray = DEEP) -> np.ndarray:
    found = pixels.copy()
    found[5 : 5 + side, 5 : 5 + side] = value
    return found


def coded(extension: str, pixels: np.ndarray = FILM, *options: int) -> bytes:
    return cv2.imencode(extension, pixels, options)[1].tobytes()


def rgb(pixels: np.ndarray = FILM) -> np.ndarray:
    return cv2.merge([pixels] * 3)


def colour_dicom(planar: int = 0, **elements: Any) -> bytes:
    pixels = rgb() if planar == 0 else np.ascontiguousarray(np.moveaxis(rgb(), 2, 0))
    data = {"Rows": FILM.shape[0], "Columns": FILM.shape[1], "SamplesPerPixel": 3, "PlanarConfiguration": planar}
    return dicom(pixels, **({"PhotometricInterpretation": "RGB"} | data | elements))


def palette_dicom(bits: int = 16) -> bytes:
    levels = np.arange(256, dtype=np.uint16) * (257 if bits == 16 else 1)
    table: dict[str, Any] = {}
    for name in ("Red", "Green", "Blue"):
        table |= {f"{name}PaletteColorLookupTableDescriptor": [256, 0, bits]}
        table |= {f"{name}PaletteColorLookupTableData": levels.astype("<u2").tobytes()}
    return dicom(FILM, PhotometricInterpretation="PALETTE COLOR", **table)


def bare(film: bytes, syntax: str = "") -> bytes:
    """A data set alone: no preamble, no mark, no meta information."""
    at = film.index(struct.pack(">HH" if syntax == uid.ExplicitVRBigEndian else "<HH", 8, 0x16))
    return film[at:]


def beside(*pictures: np.ndarray, gutter: int = 0, grey: int = 0) -> bytes:
    gap = np.full((FILM.shape[0], gutter), grey, np.uint8)
    return coded(".png", np.hstack([pictures[0], gap, pictures[1]]))


def bordered(share: float, grey: int, axis: int = 1) -> bytes:
    side = round(FILM.shape[axis] * share / (1 - share) / 2)
    down, across = (side, 0) if axis == 0 else (0, side)
    return coded(".png", cv2.copyMakeBorder(FILM, down, down, across, across, cv2.BORDER_CONSTANT, value=grey))


def grained(deviation: float) -> np.ndarray:
    grain = np.random.default_rng(0).normal(0, deviation, FILM.shape)
    return np.clip(FILM + grain, 0, 255).astype(np.uint8)


def tilted(degrees: float) -> bytes:
    middle = FILM.shape[1] / 2, FILM.shape[0] / 2
    turn = cv2.getRotationMatrix2D(middle, -degrees, 0.8)
    return coded(".png", cv2.warpAffine(FILM, turn, FILM.shape[::-1]))


NUMBERS = {
    "center": [b"2048,00", b" 2048 ", b"2048 HU", b"2,048e3", b"+2048."],
    "width": [b"4096,0", b"4096.0 HU"],
    "slope": [b"1,000", b"1.0 HU"],
    "intercept": [b"0,0", b"-0", b"0 HU"],
    "spacing": [b"0,143\\0,143", b"0.143", b"0.143 mm\\0.143 mm", b"1,43e-1\\1.43E-1", b"", b"x\\y"],
}
# What makes a window of one of its two numbers.
WINDOW = {"center": {"width": b"4096"}, "width": {"center": b"2048"}}
HIDING = {
    "window of 8 bits": {"WindowCenter": 128, "WindowWidth": 256},
    "window far above": {"WindowCenter": 30000, "WindowWidth": 9},
    "window of one grey": {"WindowCenter": 2000, "WindowWidth": 1},
    "narrow sigmoid": {"WindowCenter": 2000, "WindowWidth": 2, "VOILUTFunction": "SIGMOID"},
}
MISSING = ("BitsStored HighBit PixelRepresentation SamplesPerPixel PhotometricInterpretation BitsAllocated").split()
LINE = np.arange(4096, dtype="<u2") * 16
DIRECTORY = element(2, 2, b"UI", b"1.2.840.10008.1.3.10") + element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")
YBR = {"PhotometricInterpretation": "YBR_FULL"}
BELOW_ZERO, NO_COLOUR = DEEP.astype(np.int16) - 2048, FILM * 0 + 128

CASES: dict[str, tuple[bytes, str]] = {
    **{
        f"{name} {text!r}": (with_numbers(film12(), **({name: text} | WINDOW.get(name, {}))), "")
        for name, texts in NUMBERS.items()
        for text in texts
    },
    **{
        f"{name} is no number: {text!r}": (with_numbers(film12(), **{name: text}), caution)
        for name, caution in (("slope", "header_rescale"), ("intercept", "header_rescale"), ("center", "header_window"))
        for text in (b"nan", b"none", b"1e308")
    },
    **{name: (film12(**elements), "header_window") for name, elements in HIDING.items()},
    "window of no width": (film12(WindowCenter=2000, WindowWidth=0), ""),
    "window without width": (film12(WindowCenter=2000), ""),
    **{
        f"slope {slope}": (film12(RescaleSlope=slope, RescaleIntercept=0), "header_rescale" if slope == 0 else "")
        for slope in (0, 1e-7, 1e-3, 1e4)
    },
    "tiny slope before a window": (film12(RescaleSlope=1e-7, WindowCenter=2000, WindowWidth=4000), "header_window"),
    "slope 0 before a window": (film12(RescaleSlope=0, WindowCenter=2000, WindowWidth=4000), "header_rescale"),
    "VOI item that is empty": (film12(VOILUTSequence=Sequence([Dataset()])), "header_table"),
    "VOI table of zeros": (film12(VOILUTSequence=lut(0, LINE * 0)), "header_table"),
    "VOI table of one entry": (film12(VOILUTSequence=lut(0, LINE[:1])), "header_table"),
    "VOI table far beside": (film12(VOILUTSequence=lut(20000, LINE)), "header_table"),
    "VOI table that begins below zero": (signed(BELOW_ZERO, VOILUTSequence=lut(-2048, LINE, "SS")), ""),
    "VOI table whose start has the other sign": (signed(BELOW_ZERO, VOILUTSequence=lut(63488, LINE)), ""),
    "VOI table in big endian": (dicom(DEEP, uid.ExplicitVRBigEndian, VOILUTSequence=lut(0, LINE.astype(">u2"))), ""),
    "modality table of zeros": (film12(ModalityLUTSequence=lut(0, LINE * 0)), "header_table"),
    "padding of all values": (film12(PixelPaddingValue=0, PixelPaddingRangeLimit=4095), "header_padding"),
    "padding beside all values": (film12(PixelPaddingValue=65535), ""),
    "padding -1 of unsigned values": (padded(b"SS", -1, content=marked(65535, 30)), ""),
    "padding 63536 of signed values": (padded(b"US", 63536, content=marked(-2000, 30, DEEP.astype(np.int16))), ""),
    "padding as text": (before_pixels(film12(), element(0x28, 0x120, b"IS", b"-1")), ""),
    **{
        f"marker of {side} pixels at {value}": (dicom(marked(value, side)), "")
        for side, value in ((1, 20000), (12, 65535), (40, 65535))
    },
    "marker and hot pixels": (dicom(marked(65535, 9, marked(30000, 20))), ""),
    "marker below zero": (signed(marked(-32768, 12, DEEP.astype(np.int16))), ""),
    "marker in a PNG of 16 bits": (png(marked(65535, 12), 0), ""),
    "no preamble": (bare(film12()), ""),
    "no preamble, big endian": (bare(dicom(DEEP, uid.ExplicitVRBigEndian), uid.ExplicitVRBigEndian), ""),
    "no preamble but meta information": (film12()[132:], ""),
    "no preamble, lossless JPEG": (bare(dicom_file(DEEP, uid.JPEGLosslessSV1, encode_lossless_jpeg(DEEP, 12))), ""),
    "no transfer syntax": (film12()[:132] + bare(film12()), ""),
    "no preamble and no pixels": (bare(dicom(DEEP, PixelData=None)), "with pixels"),
    **{f"without {name}": (film12(**{name: None}), "") for name in MISSING},
    "without all that can be inferred": (film12(**dict.fromkeys(MISSING)), ""),
    **{f"without {name}": (film12(**{name: None}), name) for name in ("Rows", "Columns")},
    "RGB of grey": (colour_dicom(), ""),
    "RGB of grey, plane by plane": (colour_dicom(1), ""),
    "RGB without SamplesPerPixel": (colour_dicom(SamplesPerPixel=None), ""),
    "YBR of grey": (colour_dicom(**YBR, PixelData=np.dstack([FILM, NO_COLOUR, NO_COLOUR]).tobytes()), ""),
    "RGB JPEG of grey": (dicom(FILM, uid.JPEGBaseline8Bit, coded(".jpg", rgb()), SamplesPerPixel=3, **YBR), ""),
    "palette of grey, 16 bits": (palette_dicom(), ""),
    "colours of a photograph": (colour_dicom(PixelData=np.dstack([FILM, FILM // 3, 255 - FILM]).tobytes()), "coloured"),
    "palette without tables": (dicom(FILM, PhotometricInterpretation="PALETTE COLOR"), "RedPaletteColor"),
    "JPEG-LS": (compressed_as(film12(), b"1.2.840.10008.1.2.4.80"), "JPEG-LS"),
    "JPEG XL": (b"\xff\x0a" + bytes(99), "JPEG XL"),
    "DICOMDIR": (bytes(128) + b"DICM" + DIRECTORY, "DICOMDIR"),
    "cut in its pixels": (film12()[:-1000], "truncated"),
    "more bits than there are": (film12(BitsStored=17), "BitsStored"),
    "TIFF": (coded(".tiff"), ""),
    "TIFF of 16 bits": (coded(".tiff", DEEP), ""),
    "BMP": (coded(".bmp"), ""),
    "WebP": (coded(".webp"), ""),
    "AVIF": (coded(".avif"), ""),
    "JPEG in colour mode": (coded(".jpg", rgb()), ""),
    "JPEG of quality 20": (coded(".jpg", FILM, cv2.IMWRITE_JPEG_QUALITY, 20), "compression"),
    "PNG of alpha 0": (coded(".png", np.dstack([rgb(), FILM * 0])), "transparency"),
    "PNG of alpha 255": (coded(".png", np.dstack([rgb(), FILM * 0 + 255])), ""),
    "animated PNG": (png(FILM, 0, chunk(b"acTL", struct.pack(">II", 2, 0))), "animated"),
    "TIFF of two pages": (cv2.imencodemulti(".tiff", [FILM, FILM])[1].tobytes(), "of several"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC"),
    "GIF": (b"GIF89a" + bytes(99), "GIF"),
    "tiny": (coded(".png", FILM[:50, :50]), "50 x 50"),
    "text": (b"Findings: none.", "begins like none"),
    **{
        f"{where} border of {share:.0%}, {grey}": (bordered(share, grey, axis), "")
        for axis, where in ((1, "upright"), (0, "level"))
        for share, grey in ((0.3, 0), (0.6, 255))
    },
    **{
        f"another picture beside the {where} part, gutter {gutter}": (beside(*pair, gutter=gutter), f"{where}_part")
        for where, pair in (("left", (FILM, SHADE)), ("right", (SHADE, FILM)))
        for gutter in (0, 8)
    },
    "another picture above": (coded(".png", np.vstack([SHADE[:, ::-1].T[:, : FILM.shape[1]], FILM])), "bottom_part"),
    "two films, one above the other": (coded(".png", np.vstack([FILM, SECOND])), "two pictures in one"),
    **{
        f"two films, gutter 8 of {grey}": (beside(FILM, SECOND, gutter=8, grey=grey), "two pictures in one")
        for grey in (0, 255)
    },
    **{f"tilt of {degrees}": (tilted(degrees), "tilted") for degrees in (-22, 18)},
    "noise of 25": (coded(".png", grained(25)), "noisy"),
    "noise of 5": (coded(".png", grained(5)), ""),
}
