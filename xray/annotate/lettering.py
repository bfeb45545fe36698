"""Drawing text in any script, and the colours of what is drawn."""

import re
import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red

BACKGROUND: Colour = (24, 21, 19)
LINE: Colour = (72, 66, 60)
TEXT: Colour = (240, 237, 234)
QUIET: Colour = (182, 175, 168)

REGULAR, BOLD, HEAVY = 400, 600, 800
ELLIPSIS = "…"
# Where a line may break: between words, and between two Chinese characters unless the second closes something.
PIECES = re.compile(r" +|[⺀-鿿豈-﫿＀-￯][、-。」』】〉》）！，．：；？”’]*|[^ ⺀-鿿豈-﫿＀-￯]+")


class Sheet:
    """An empty image to write on.

    Lengths in units of the design are multiplied by `unit`, so that one design fits every width.

    Attributes:
        picture: blue, green, red, uint8, shape (height, width, 3).
        width, height: in pixels.
        unit: pixels per unit of the design.
    """

    def __init__(self, width: int, height: float, unit: float, background: Colour) -> None:
        """Make an empty sheet: its width in pixels, its height in units of the design."""
        self.width, self.height, self.unit = width, round(height * unit), unit
        self.picture: Picture = np.empty((self.height, width, 3), np.uint8)
        # Copying whole rows is ten times faster than copying pixels.
        self.picture[:] = np.full((width, 3), background, np.uint8)
        # One FontFace per sheet: shared by two threads, it draws wrong letters (OpenCV 5.0.0).
        self._font = cv2.FontFace("sans")

    def px(self, length: float) -> int:
        """Return a length of the design in pixels."""
        return round(length * self.unit)

    def measure(self, text: str, size: float, weight: int = REGULAR) -> int:
        """Return the width of a line in pixels; arguments as for `write`."""
        return int(cv2.getTextSize((0, 0), _drawn(text), (0, 0), self._font, self.px(size), weight)[2])

    def write(self, text: str, x: int, baseline: int, size: float, colour: Colour, weight: int = REGULAR) -> int:
        """Write a line that begins at x; return its width in pixels.

        Args:
            text: the line.
            x: of its left end, in pixels.
            baseline: in pixels from the top.
            size: of the font, in units of the design.
            colour: of the text.
            weight: REGULAR, BOLD or HEAVY.
        """
        cv2.putText(self.picture, _drawn(text), (x, baseline), colour, self._font, self.px(size), weight)
        return self.measure(text, size, weight)

    def write_until(self, text: str, x: int, baseline: int, size: float, colour: Colour) -> None:
        """Write a line that ends at x; arguments as for `write`."""
        self.write(text, x - self.measure(text, size), baseline, size, colour)

    def fitting(self, texts: Sequence[str], sizes: Sequence[float], width: int, weight: int = REGULAR) -> float:
        """Return the largest size in which lines side by side fit into a width; the smallest where none does.

        Args:
            texts: the lines.
            sizes: in units of the design, the largest first.
            width: in pixels.
            weight: REGULAR, BOLD or HEAVY.
        """
        wide = (size for size in sizes if sum(self.measure(text, size, weight) for text in texts) <= width)
        return next(wide, sizes[-1])

    def shorten(self, text: str, size: float, width: int, weight: int = REGULAR) -> str:
        """Replace the middle of a line that is too wide by an ellipsis; both ends stay readable.

        Args:
            text: the line.
            size: of the font, in units of the design.
            width: the largest, in pixels.
            weight: REGULAR, BOLD or HEAVY.
        """
        kept = len(text)
        shortened = text
        while kept > 2 and self.measure(shortened, size, weight) > width:
            kept -= max(1, kept // 16)
            head = (kept + 1) // 2
            shortened = text[:head] + ELLIPSIS + text[len(text) - (kept - head) :]
        return shortened

    def wrap(self, text: str, size: float, width: int) -> list[str]:
        """Break a text between words, or between Chinese characters, into lines.

        Args:
            text: any length.
            size: of the font, in units of the design.
            width: the largest of a line, in pixels.
        """
        lines = [""]
        for piece in PIECES.findall(text):
            if piece.strip(" ") and lines[-1] and self.measure(lines[-1] + piece, size) > width:
                lines.append("")
            lines[-1] += piece if lines[-1] else piece.lstrip(" ")
        return [line.rstrip(" ") for line in lines if line.strip(" ")]


def _drawn(text: str) -> str:
    # No font has the narrow no-break space, which stands before a colon in French.
    return text.replace("\u202f", "\u00a0")


def printable(text: str) -> str:
    """Compose accents, and replace characters that break a line or cannot be drawn by a question mark.

    A file name may hold line breaks, direction overrides and bytes that are not text.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(letter if letter.isprintable() else "?" for letter in composed)
