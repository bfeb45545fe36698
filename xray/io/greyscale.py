"""From the values that a DICOM file stores to the greys that its maker meant.

Source:
    DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT and window).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.io.grey_levels import Deep
from xray.io.image import GreyImage, stretch

Values = npt.NDArray[Any]

DEEPEST = 2**16 - 1
# Enough points to follow a curve of 256 greys.
CURVE_POINTS = 256


@dataclass(frozen=True, eq=False)
class Lut:
    """A look-up table: the entry for the value `first`, and those for the values that follow it."""

    first: int
    entries: npt.NDArray[np.float64]

    def __call__(self, values: Values) -> Values:
        """Look values up, the table's ends held beyond its first and last entry (C.11.1.1.1, C.11.2.1.1)."""
        index = np.clip(np.rint(values) - self.first, 0, self.entries.size - 1)
        return np.asarray(self.entries[index.astype(np.int32)])


@dataclass(frozen=True)
class Rescale:
    """A line: stored values times `slope` plus `intercept`."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, values: Values) -> Values:
        """Rescale values (C.11.1.1.2)."""
        return np.asarray(values * self.slope + self.intercept)


@dataclass(frozen=True)
class Window:
    """The range of values that is shown, and how: LINEAR, LINEAR_EXACT or SIGMOID."""

    center: float
    width: float
    function: str | None = None

    def __call__(self, values: Values) -> Values:
        """Map values to [0, 1] (C.11.2.1.2 and C.11.2.1.3)."""
        if self.is_curved:
            # tanh is the same curve, and does not overflow.
            return np.asarray(0.5 + 0.5 * np.tanh(2 * (values - self.center) / self.width))
        low, high = self.ends
        return np.clip((values - low) / (high - low), 0, 1)

    @property
    def is_curved(self) -> bool:
        """Whether greys do not rise evenly."""
        return self.function == "SIGMOID"

    @property
    def ends(self) -> tuple[float, float]:
        """The values that become black and white; of a curve, which never gets there, to the nearest grey."""
        center, width = self.center, self.width
        if self.is_curved:
            return center - 2 * width, center + 2 * width
        if self.function != "LINEAR_EXACT":
            # A width of 1 is a threshold.
            center, width = center - 0.5, max(width - 1, 1e-6)
        return center - width / 2, center + width / 2


@dataclass(frozen=True, eq=False)
class Rendering:
    """How stored values are shown.

    Attributes:
        modality: makes them comparable between machines.
        voi: picks what is shown of them; None shows all, from the least to the greatest.
        inverted: the greatest is black (MONOCHROME1).
        padding: from the first to the second they are no picture; an empty range where the first is greater.
    """

    modality: Lut | Rescale
    voi: Lut | Window | None
    inverted: bool
    padding: tuple[int, int]

    def greys(self, levels: Values) -> GreyImage:
        """Give each value its grey, as if these were all that the picture holds."""
        values = self.modality(levels)
        match self.voi:
            case Lut(entries=entries):
                # The ends of the table are black and white, whether or not the picture reaches them.
                greys = stretch(np.append(self.voi(values), [entries.min(), entries.max()]))[: values.size]
            case Window():
                greys = np.asarray(np.rint(255 * self.voi(values)), np.uint8)
            case None:
                greys = stretch(values)
        return np.asarray(255 - greys if self.inverted else greys, np.uint8)

    def window(self, values: Values) -> tuple[float, float, tuple[int, ...]]:
        """Return which values become black and white, and the curve between; see `xray.io.grey_levels.Deep`."""
        match self.voi:
            case Lut(first=first, entries=entries):
                at = np.linspace(0, entries.size - 1, CURVE_POINTS)
                curve = np.interp(at, np.arange(entries.size), stretch(entries).ravel())
                return first, first + entries.size - 1, _whole(curve)
            case Window(is_curved=curved, ends=(low, high)):
                greys = 255 * self.voi(np.linspace(low, high, CURVE_POINTS)) if curved else np.empty(0)
                return low, high, _whole(greys)
        return float(values.min()), float(values.max()), ()


def render(stored: Values, how: Rendering) -> GreyImage:
    """Turn stored values into greys; padding becomes black.

    At most 65,536 different values are stored: the chain is worked out on them, and the picture is
    one look-up, however large.

    Args:
        stored: 8 or 16 bits, signed or not, shape (height, width).
        how: the chain.

    Returns:
        uint8, shape (height, width), values 0 to 255, bone bright.
    """
    is_padding = _is_padding(stored, how)
    if is_padding.all():
        return np.zeros(stored.shape, np.uint8)
    low, high = _extremes(stored, is_padding)
    picture = _look_up(stored, how.greys(np.arange(low, high + 1)), low)
    picture[is_padding] = 0
    return picture


def render_deep(stored: Values, how: Rendering) -> Deep:
    """Turn stored values into levels, and say in which window `render` shows them; padding becomes 0.

    The levels are the values after the modality's table or line where these are whole numbers: moved up to 0
    where some are less, and turned for MONOCHROME1. Fractions are spread over all 65,536 levels.

    Args:
        stored: 8 or 16 bits, signed or not, shape (height, width).
        how: the chain.
    """
    is_padding = _is_padding(stored, how)
    if is_padding.all():
        return Deep(np.zeros(stored.shape, np.uint16), 0, 1)
    first, last = _extremes(stored, is_padding)
    values = how.modality(np.arange(first, last + 1))
    low, high, curve = how.window(values)
    least, greatest = float(values.min()), float(values.max())
    start, step = min(least, 0.0), 1.0
    if greatest - start > DEEPEST or np.any(values != np.rint(values)):
        start, step = least, max(greatest - least, 1e-6) / DEEPEST
    table = np.asarray(np.rint((values - start) / step), np.uint16)
    shown = Deep(table, (low - start) / step, (high - start) / step, curve)
    if how.inverted:
        shown = shown.turned()
    picture = _look_up(stored, shown.levels, first)
    picture[is_padding] = 0
    return replace(shown, levels=picture)


def _is_padding(stored: Values, how: Rendering) -> npt.NDArray[np.bool_]:
    return np.asarray((stored >= how.padding[0]) & (stored <= how.padding[1]))


def _extremes(stored: Values, is_padding: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the least and the greatest value that is picture."""
    low = int(stored.min(initial=stored.max(), where=~is_padding))
    return low, int(stored.max(initial=stored.min(), where=~is_padding))


def _look_up(stored: Values, table: Values, first: int) -> Values:
    """Give each value its entry in a table that begins with that of the value `first`."""
    picture = np.empty(stored.shape, table.dtype)
    # Row by row: NumPy widens an index to 64 bits, which for a whole picture is four times its size.
    for stored_row, row in zip(stored, picture, strict=True):
        row[:] = table[np.clip(stored_row.astype(np.int64) - first, 0, table.size - 1)]
    return picture


def _whole(greys: Values) -> tuple[int, ...]:
    return tuple(int(grey) for grey in np.rint(greys))
