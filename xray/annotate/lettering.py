"""Legible text in any script on a picture."""

import unicodedata

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

REGULAR, BOLD, HEAVY = 400, 600, 800
ELLIPSIS = "…"


class Sheet:
    """A plain picture to write on.

    Lengths that its methods call `size` are multiplied by `unit`, so that one design fits every width.

    Attributes:
        picture: blue, green, red, uint8, shape (height, width, 3).
        width, height: in pixels.
        unit: pixels per unit of the design.
    """

    def __init__(self, width: int, height: float, unit: float, background: Colour) -> None:
        """Make an empty sheet; the height is given in units of the design."""
        self.width, self.height, self.unit = width, round(height * unit), unit
        self.picture: Picture = np.empty((self.height, width, 3), np.uint8)
        # Whole rows are copied ten times faster than pixels.
        self.picture[:] = np.full((width, 3), background, np.uint8)
        # One FontFace per sheet: one that two threads share draws wrong letters (OpenCV 5.0.0).
        self._font = cv2.FontFace("sans")

    def px(self, length: float) -> int:
        """Return a length of the design in pixels."""
        return round(length * self.unit)

    def measure(self, text: str, size: float, weight: int = REGULAR) -> int:
        """Return the width of a line in pixels."""
        return int(cv2.getTextSize((0, 0), text, (0, 0), self._font, self.px(size), weight)[2])

    def write(self, text: str, x: int, baseline: int, size: float, colour: Colour, weight: int = REGULAR) -> int:
        """Write a line that begins at x; return its width in pixels."""
        cv2.putText(self.picture, text, (x, baseline), colour, self._font, self.px(size), weight)
        return self.measure(text, size, weight)

    def write_until(self, text: str, x: int, baseline: int, size: float, colour: Colour) -> None:
        """Write a line that ends at x."""
        self.write(text, x - self.measure(text, size), baseline, size, colour)

    def shorten(self, text: str, size: float, width: int, weight: int = REGULAR) -> str:
        """Leave out the middle of a line that is wider than `width` pixels; both ends stay readable."""
        kept = len(text)
        shortened = text
        while kept > 2 and self.measure(shortened, size, weight) > width:
            kept -= max(1, kept // 16)
            head = (kept + 1) // 2
            shortened = text[:head] + ELLIPSIS + text[len(text) - (kept - head) :]
        return shortened

    def wrap(self, text: str, size: float, width: int) -> list[str]:
        """Break a text between words into lines of at most `width` pixels."""
        lines: list[str] = []
        for word in text.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.measure(longer, size) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines


def printable(text: str) -> str:
    """Compose accents and replace what would break a line or cannot be drawn by a question mark.

    A file name may hold line breaks, direction overrides and bytes that are no text at all.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if letter.isprintable() else "?" for letter in composed)
