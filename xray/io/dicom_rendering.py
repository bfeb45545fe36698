"""The DICOM greyscale pipeline: from stored values to the greys that the manufacturer intended.

Not pydicom's functions for it: they work on every pixel in float64, know no padding, and count a look-up table's
entries in the type of their content, so that an 8-bit table of more than 256 entries wraps around.

Source:
    DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT and window).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.io.pixels import Flaw, GreyImage, GreyLevels, histogram, own_range, stretch

Values = npt.NDArray[Any]

# A header has destroyed the image where it makes so much of what the image's own range shows as grey black or white,
# or leaves fewer different greys, and less than half of those of the own range. Windows of manufacturers clip a third.
MOST_CLIPPED, FEWEST_GREYS = 0.6, 32
# Largest share of an image that is padding.
MOST_PADDING = 0.8

HIGHEST_LEVEL = 2**16 - 1
# As many points as there are greys.
CURVE_POINTS = 256


@dataclass(frozen=True, eq=False)
class Lut:
    """A look-up table: the entries for the value `first` and for those that follow it."""

    first: int
    entries: npt.NDArray[np.float64]

    def __call__(self, values: Values) -> Values:
        """Look values up; the first and last entry hold beyond the table's ends (C.11.1.1.1, C.11.2.1.1)."""
        index = np.clip(np.rint(values) - self.first, 0, self.entries.size - 1)
        return np.asarray(self.entries[index.astype(np.int32)])

    def placed(self, values: Values) -> "Lut":
        """Return the table with `first` of the sign with which most values lie in it: many files state the other."""
        starts = (self.first, self.first - 2**16, self.first + 2**16)
        covered = [np.count_nonzero((values >= start) & (values < start + self.entries.size)) for start in starts]
        return Lut(starts[int(np.argmax(covered))], self.entries)


@dataclass(frozen=True)
class Rescale:
    """A linear modality transformation: stored values times `slope` plus `intercept`."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, values: Values) -> Values:
        """Rescale values (C.11.1.1.2)."""
        return np.asarray(values * self.slope + self.intercept)


@dataclass(frozen=True)
class Window:
    """The range of values that is displayed, and its function: LINEAR, LINEAR_EXACT or SIGMOID."""

    center: float
    width: float
    function: str | None = None

    def __call__(self, values: Values) -> Values:
        """Map values to [0, 1] (C.11.2.1.2 and C.11.2.1.3)."""
        if self.is_curved:
            # tanh is the same curve and does not overflow.
            return np.asarray(0.5 + 0.5 * np.tanh(2 * (values - self.center) / self.width))
        low, high = self.ends
        return np.clip((values - low) / (high - low), 0, 1)

    @property
    def is_curved(self) -> bool:
        """Whether the function is a curve rather than a line."""
        return self.function == "SIGMOID"

    @property
    def ends(self) -> tuple[float, float]:
        """The values that become black and white; of a curve, which never reaches them, those nearest to it."""
        center, width = self.center, self.width
        if self.is_curved:
            return center - 2 * width, center + 2 * width
        if self.function != "LINEAR_EXACT":
            # A width of 1 is a threshold.
            center, width = center - 0.5, max(width - 1, 1e-6)
        return center - width / 2, center + width / 2


@dataclass(frozen=True)
class Range:
    """The image's own range of values, where no window is stated or usable; those beyond its ends are clipped."""

    low: float
    high: float

    def __call__(self, values: Values) -> Values:
        """Clip values."""
        return np.clip(values, self.low, self.high)


@dataclass(frozen=True, eq=False)
class Rendering:
    """How stored values become greys.

    Attributes:
        modality: the modality LUT or rescale, which makes values comparable between machines.
        voi: the VOI LUT or window, or the range of the image; None until `sound` has measured it.
        inverted: whether the greatest value is black (MONOCHROME1).
        padding: the range of values that are not part of the image; empty where the first is greater.
    """

    modality: Lut | Rescale
    voi: Lut | Window | Range | None
    inverted: bool
    padding: tuple[int, int]

    def greys(self, stored: Values) -> GreyImage:
        """Return the grey of each stored value, as if these were all values of the image."""
        values = self.modality(stored)
        match self.voi:
            case Lut(entries=entries):
                # The extremes of the table are black and white, whether or not the image reaches them.
                greys = stretch(np.append(self.voi(values), [entries.min(), entries.max()]))[: values.size]
            case Window():
                greys = np.asarray(np.rint(255 * self.voi(values)), np.uint8)
            case Range():
                greys = stretch(self.voi(values))
            case None:
                greys = stretch(values)
        return np.asarray(255 - greys if self.inverted else greys, np.uint8)

    def window(self, values: Values) -> tuple[float, float, tuple[int, ...]]:
        """Return the window for values after the modality: low, high and curve of a `GreyLevels`."""
        match self.voi:
            case Lut(first=first, entries=entries):
                at = np.linspace(0, entries.size - 1, CURVE_POINTS)
                curve = np.interp(at, np.arange(entries.size), stretch(entries).ravel())
                return first, first + entries.size - 1, _whole(curve)
            case Window(is_curved=curved, ends=(low, high)):
                greys = 255 * self.voi(np.linspace(low, high, CURVE_POINTS)) if curved else np.empty(0)
                return low, high, _whole(greys)
            case Range(low, high):
                return low, high, ()
        return float(values.min()), float(values.max()), ()


def sound(stored: Values, how: Rendering) -> tuple[Rendering, tuple[Flaw, ...]]:
    """Check what a pipeline makes of an image, and leave out the parts that destroy it.

    Args:
        stored: 8 or 16 bits, signed or not, shape (height, width).
        how: the pipeline that the header states.

    Returns:
        The pipeline to render with, its own range measured where no window is left; and what was left out.
    """
    flaws: tuple[Flaw, ...] = ()
    is_padding = _is_padding(stored, how)
    if is_padding.mean() > MOST_PADDING:
        how, flaws = replace(how, padding=(1, 0)), (Flaw.PADDING,)
        is_padding = _is_padding(stored, how)
    counts, first = histogram(stored, ~is_padding)
    if not counts.size:
        return how, ()
    values = np.arange(first, first + counts.size)
    low, high = own_range(counts)

    def ranged(modality: Lut | Rescale) -> Rendering:
        ends = modality(np.array([first + low, first + high]))
        return replace(how, modality=modality, voi=Range(float(ends.min()), float(ends.max())))

    if isinstance(how.modality, Lut):
        how = replace(how, modality=how.modality.placed(values[counts > 0]))
    if isinstance(how.voi, Lut):
        how = replace(how, voi=how.voi.placed(how.modality(values[counts > 0])))
    own = ranged(Rescale())
    tried = (
        (how if how.voi else ranged(how.modality), ()),
        (ranged(how.modality), (Flaw.TABLE if isinstance(how.voi, Lut) else Flaw.WINDOW,)),
        (own, (Flaw.TABLE if isinstance(how.modality, Lut) else Flaw.RESCALE,)),
    )
    own_greys = own.greys(values)
    for each, left_out in tried:
        if not _is_destroyed(each.greys(values), own_greys, counts):
            return each, flaws + left_out
    return tried[0][0], flaws


def _is_destroyed(greys: GreyImage, own: GreyImage, counts: npt.NDArray[np.float32]) -> bool:
    """Whether greys show much less of an image than its own range does.

    Args:
        greys: of each stored value.
        own: those of the image's own range.
        counts: pixels of each stored value.
    """
    shown, lost = counts[(own > 0) & (own < 255)].sum(), (greys == 0) | (greys == 255)
    clipped = counts[lost & (own > 0) & (own < 255)].sum()
    different, of_own = (np.unique(each[counts > 0]).size for each in (greys, own))
    return bool(clipped > MOST_CLIPPED * max(shown, 1) or different < min(FEWEST_GREYS, of_own / 2))


def render(stored: Values, how: Rendering) -> GreyImage:
    """Turn stored values into greys; padding becomes black.

    There are at most 65,536 different stored values: the pipeline runs on these, and the image is one look-up.

    Args:
        stored: 8 or 16 bits, signed or not, shape (height, width).
        how: the pipeline.

    Returns:
        uint8, shape (height, width), values 0 to 255, bone bright.
    """
    is_padding = _is_padding(stored, how)
    if is_padding.all():
        return np.zeros(stored.shape, np.uint8)
    low, high = _extremes(stored, is_padding)
    image = _look_up(stored, how.greys(np.arange(low, high + 1)), low)
    image[is_padding] = 0
    return image


def render_levels(stored: Values, how: Rendering) -> GreyLevels:
    """Turn stored values into grey levels, with the window in which `render` displays them; padding becomes 0.

    The levels are the values after the modality LUT or rescale where these are whole numbers: shifted to start at 0
    where some are negative, and inverted for MONOCHROME1. Fractions are spread over all 65,536 levels.

    Args:
        stored: 8 or 16 bits, signed or not, shape (height, width).
        how: the pipeline.
    """
    is_padding = _is_padding(stored, how)
    if is_padding.all():
        return GreyLevels(np.zeros(stored.shape, np.uint16), 0, 1)
    first, last = _extremes(stored, is_padding)
    values = how.modality(np.arange(first, last + 1))
    low, high, curve = how.window(values)
    least, greatest = float(values.min()), float(values.max())
    start, step = min(least, 0.0), 1.0
    if greatest - start > HIGHEST_LEVEL or np.any(values != np.rint(values)):
        start, step = least, max(greatest - least, 1e-6) / HIGHEST_LEVEL
    table = np.asarray(np.rint((values - start) / step), np.uint16)
    shown = GreyLevels(table, (low - start) / step, (high - start) / step, curve)
    if how.inverted:
        shown = shown.negative()
    image = _look_up(stored, shown.levels, first)
    image[is_padding] = 0
    return replace(shown, levels=image)


def _is_padding(stored: Values, how: Rendering) -> npt.NDArray[np.bool_]:
    return np.asarray((stored >= how.padding[0]) & (stored <= how.padding[1]))


def _extremes(stored: Values, is_padding: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the least and the greatest stored value that is not padding."""
    low = int(stored.min(initial=stored.max(), where=~is_padding))
    return low, int(stored.max(initial=stored.min(), where=~is_padding))


def _look_up(stored: Values, table: Values, first: int) -> Values:
    """Look each value up in a table that begins with the entry of the value `first`."""
    image = np.empty(stored.shape, table.dtype)
    # Row by row: NumPy widens an index to 64 bits, which for a whole image is four times its size.
    for stored_row, row in zip(stored, image, strict=True):
        row[:] = table[np.clip(stored_row.astype(np.int64) - first, 0, table.size - 1)]
    return image


def _whole(greys: Values) -> tuple[int, ...]:
    return tuple(int(grey) for grey in np.rint(greys))
