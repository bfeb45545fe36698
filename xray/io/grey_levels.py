"""A film with more grey levels than a screen shows, and the window that shows some of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint16]
WHITE = 255


@dataclass(frozen=True, eq=False)
class Deep:
    """The grey levels that a file holds, and how `xray.io.image.read` shows them.

    Attributes:
        levels: uint16, shape (height, width), bone bright.
        low: the level that is shown black, as are those below.
        high: the level that is shown white, as are those above.
        curve: the greys, 0 to 255, from low to high at equal steps; empty where they rise evenly.
    """

    levels: Levels
    low: float
    high: float
    curve: tuple[int, ...] = ()

    def turned(self) -> "Deep":
        """Exchange black and white."""
        top = int(self.levels.max())
        curve = tuple(WHITE - grey for grey in reversed(self.curve))
        return Deep(np.asarray(top - self.levels, np.uint16), top - self.high, top - self.low, curve)

    def shown(self) -> NDArray[np.uint8]:
        """Return what the window shows: uint8, of the film's shape."""
        share = (np.arange(2**16) - self.low) / max(self.high - self.low, 1e-6)
        curve = self.curve or (0, WHITE)
        greys = np.interp(share, np.linspace(0, 1, len(curve)), curve)
        return np.asarray(np.rint(greys), np.uint8)[self.levels]

    def packed(self) -> NDArray[np.uint8]:
        """Return the levels as a colour picture: no browser reads more than 8 bits of a grey one.

        Returns:
            Nothing, low byte, high byte: blue, green, red, uint8, shape (height, width, 3).
        """
        low, high = self.levels & 0xFF, self.levels >> 8
        return np.dstack([np.zeros_like(low), low, high]).astype(np.uint8)
