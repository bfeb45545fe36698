"""Grey levels beyond 8 bits, and the window that displays a range of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint16]
WHITE = 255


@dataclass(frozen=True, eq=False)
class GreyLevels:
    """All grey levels of a file, and the window in which `xray.io.image.read` displays them.

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

    def shown(self) -> NDArray[np.uint8]:
        """Return what the window displays: uint8, in the shape of `levels`."""
        share = (np.arange(2**16) - self.low) / max(self.high - self.low, 1e-6)
        curve = self.curve or (0, WHITE)
        greys = np.interp(share, np.linspace(0, 1, len(curve)), curve)
        return np.asarray(np.rint(greys), np.uint8)[self.levels]

    def packed(self) -> NDArray[np.uint8]:
        """Return the levels as a colour image: browsers read no more than 8 bits of a grey one.

        Returns:
            Zero, low byte and high byte as blue, green and red: uint8, shape (height, width, 3).
        """
        low, high = self.levels & 0xFF, self.levels >> 8
        return np.dstack([np.zeros_like(low), low, high]).astype(np.uint8)
