"""From the values that a DICOM file stores to the greys that its maker meant.

Source:
    DICOM PS3.3, C.11.1 (modality LUT), C.11.2 (VOI LUT and window).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xray.image import GreyImage, stretch

Values = npt.NDArray[Any]


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
        if self.function == "SIGMOID":
            # tanh is the same curve, and does not overflow.
            return np.asarray(0.5 + 0.5 * np.tanh(2 * (values - self.center) / self.width))
        center, width = self.center, self.width
        if self.function != "LINEAR_EXACT":
            # A width of 1 is a threshold.
            center, width = center - 0.5, max(width - 1, 1e-6)
        return np.clip((values - center) / width + 0.5, 0, 1)


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
    is_padding = (stored >= how.padding[0]) & (stored <= how.padding[1])
    if is_padding.all():
        return np.zeros(stored.shape, np.uint8)
    low = int(stored.min(initial=stored.max(), where=~is_padding))
    high = int(stored.max(initial=stored.min(), where=~is_padding))
    greys = how.greys(np.arange(low, high + 1))
    picture = np.empty(stored.shape, np.uint8)
    # Row by row: NumPy widens an index to 64 bits, which for a whole picture is four times its size.
    for stored_row, row in zip(stored, picture, strict=True):
        row[:] = greys[np.clip(stored_row, low, high).astype(np.int64) - low]
    picture[is_padding] = 0
    return picture
