"""Decoded images: their types, and the few operations that every format needs."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from xray.errors import damaged

GreyImage = npt.NDArray[np.uint8]
Pixels = npt.NDArray[Any]
Levels = npt.NDArray[np.uint16]

WHITE = 255
# A gap in the values wider than half of their range parts the image from a marker or a border. At least so many values
# must remain.
FEWEST_VALUES = 16
# Outliers on either side of this share of the pixels may not widen the range by more than what the others span.
OUTLIERS = 0.02

# Degrees clockwise by which a sender may have an image turned before it is analysed.
TURNS = (0, 90, 180, 270)
# The serving size, in pixels. Nothing needs more: the networks see 128 and 160 px a side and were trained on
# radiographs of 512, and marks are detected, and images displayed, at this size. Of a long and narrow image the
# shorter side keeps SHORTEST.
LONGEST, SHORTEST = 1024, 160


class Flaw(StrEnum):
    """A part of a file that was passed over, as it would have hidden the radiograph; or what its making took away."""

    WINDOW = "header_window"
    RESCALE = "header_rescale"
    TABLE = "header_table"
    PADDING = "header_padding"
    TRANSPARENCY = "transparency"
    COMPRESSION = "compression"


def decode(data: bytes, flags: int, what: str) -> Pixels:
    """Decode a PNG or JPEG with OpenCV, which returns None or raises for a file that it cannot read.

    Args:
        data: the file, whose headers were checked before: OpenCV allocates whatever they state.
        flags: a combination of cv2.IMREAD_….
        what: the file's name in an error message.

    Raises:
        UnreadableImageError: damaged.
    """
    pixels = None
    with suppress(cv2.error):
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise damaged(what)
    return pixels


def stretch(values: Pixels) -> GreyImage:
    """Map the smallest value to 0 and the largest to 255, linearly; equal values all become 0."""
    stretched = np.empty(values.shape, np.uint8)
    cv2.normalize(values, stretched, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    return stretched


def histogram(values: Pixels, mask: npt.NDArray[np.bool_] | None = None) -> tuple[npt.NDArray[np.float32], int]:
    """Count the pixels of each value.

    Args:
        values: whole numbers of 8 or 16 bits, signed or not, shape (height, width).
        mask: bool, same shape; only pixels where it is True are counted.

    Returns:
        The counts from the least to the greatest value, empty where no pixel counts; and the least value.
    """
    bits = 8 * values.dtype.itemsize
    least = int(np.iinfo(values.dtype).min)
    shifted = (
        values if least == 0 else values.view(f"u{values.itemsize}") ^ np.array(1 << (bits - 1), f"u{values.itemsize}")
    )
    picked = None if mask is None else mask.view(np.uint8)
    counts = cv2.calcHist([np.ascontiguousarray(shifted)], [0], picked, [2**bits], [0, 2**bits]).ravel()
    used = np.flatnonzero(counts)
    first, last = (int(used[0]), int(used[-1])) if used.size else (0, -1)
    return np.asarray(counts[first : last + 1], np.float32), least + first


def own_range(counts: npt.NDArray[np.float32]) -> tuple[int, int]:
    """Return the range of an image without outliers: one marker at 65,535 would leave 16 greys for a film of 12 bits.

    Args:
        counts: pixels of each value, not empty, the first and the last greater than 0.

    Returns:
        The indices of the least and of the greatest value that belong to the range.
    """
    used = np.flatnonzero(counts)
    while used.size > FEWEST_VALUES:
        gaps = np.diff(used)
        at = int(np.argmax(gaps)) + 1
        larger = max(used[:at], used[at:], key=lambda part: float(counts[part].sum()))
        if 2 * gaps[at - 1] <= used[-1] - used[0] or larger.size < FEWEST_VALUES:
            break
        used = larger
    below = np.cumsum(counts[used], dtype=np.float64)
    low, high = used[np.searchsorted(below, np.array([OUTLIERS, 1 - OUTLIERS]) * below[-1])]
    reach = high - low
    if reach:
        used = used[(used >= low - reach) & (used <= high + reach)]
    return int(used[0]), int(used[-1])


def display(levels: Pixels, *, deep: bool) -> tuple[GreyImage, "GreyLevels | None"]:
    """Return the greys of an image of 8 or 16 bits and, where requested, all levels of the latter.

    A 16-bit radiograph rarely uses its full range (10 to 14 bits are usual), so it is stretched to its own.

    Args:
        levels: uint8 or uint16, shape (height, width).
        deep: whether the levels are requested.
    """
    if levels.dtype == np.uint8:
        return levels, None
    counts, first = histogram(levels)
    low, high = (first + each for each in own_range(counts))
    return stretch(np.clip(levels, low, high)), GreyLevels(levels, float(low), float(high)) if deep else None


def serving_scale(height: int, width: int) -> float:
    """Return the factor, at most 1, that brings an image to the serving size."""
    return min(1.0, max(LONGEST / max(height, width), SHORTEST / min(height, width)))


def shrink(pixels: Pixels) -> Pixels:
    """Reduce an image to the serving size; a smaller one is returned unchanged."""
    scale = serving_scale(pixels.shape[0], pixels.shape[1])
    if scale == 1:
        return pixels
    height, width = round(pixels.shape[0] * scale), round(pixels.shape[1] * scale)
    # Means of four pixels, then bilinear: ten times faster than INTER_AREA by an arbitrary factor, and as smooth.
    return np.asarray(cv2.resize(halve(pixels, height, width), (width, height), interpolation=cv2.INTER_LINEAR))


def halve(pixels: Pixels, height: int, width: int) -> Pixels:
    """Halve an image as often as it stays at least as large as the given size, each pixel the mean of four.

    Args:
        pixels: any dtype, shape (height, width).
        height: the least height of the result.
        width: the least width of the result.
    """
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width:
        rows, columns = pixels.shape[0] // 2, pixels.shape[1] // 2
        even = pixels[: 2 * rows, : 2 * columns]
        pixels = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), pixels.dtype)
    return pixels


def rotate(pixels: Pixels, turn: int) -> Pixels:
    """Rotate an image clockwise.

    Args:
        pixels: uint8 or uint16, shape (height, width).
        turn: degrees. By one of TURNS the image is turned whole; by others about its middle, in the same shape, and
            its corners are filled with the median of its edges.
    """
    if turn % 90 == 0:
        return np.ascontiguousarray(np.rot90(pixels, -turn // 90)) if turn else pixels
    height, width = pixels.shape
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -turn, 1)
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderValue=float(np.median(edges))))


@dataclass(frozen=True, eq=False)
class GreyLevels:
    """All grey levels of a file, and the window in which `xray.io.image.load` displays them.

    Attributes:
        levels: uint16, shape (height, width), bone bright.
        low: this level and those below are displayed black.
        high: this level and those above are displayed white.
        curve: the greys, 0 to 255, from low to high at equal steps; empty for a straight line.
    """

    levels: Levels
    low: float
    high: float
    curve: tuple[int, ...] = ()

    def negative(self) -> "GreyLevels":
        """Return the negative: black and white exchanged."""
        top = int(self.levels.max())
        curve = tuple(WHITE - grey for grey in reversed(self.curve))
        return GreyLevels(np.asarray(top - self.levels, np.uint16), top - self.high, top - self.low, curve)

    def shown(self) -> npt.NDArray[np.uint8]:
        """Return what the window displays: uint8, in the shape of `levels`."""
        share = (np.arange(2**16) - self.low) / max(self.high - self.low, 1e-6)
        curve = self.curve or (0, WHITE)
        greys = np.interp(share, np.linspace(0, 1, len(curve)), curve)
        return np.asarray(np.rint(greys), np.uint8)[self.levels]

    def packed(self) -> npt.NDArray[np.uint8]:
        """Return the levels as a colour image: browsers read no more than 8 bits of a grey one.

        Returns:
            Zero, low byte and high byte as blue, green and red: uint8, shape (height, width, 3).
        """
        low, high = self.levels & 0xFF, self.levels >> 8
        return np.dstack([np.zeros_like(low), low, high]).astype(np.uint8)
