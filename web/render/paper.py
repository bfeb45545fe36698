"""One page of PDF: text in any script, images, lines. Lengths are millimetres from the upper left corner."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from web.render.document import CODEPAGE, PT_PER_MM, Document, Ink, Point, measure
from xray.annotate.lettering import HEAVY, PIECES, REGULAR, Sheet, printable

BLACK: Ink = (0, 0, 0)
# Of text that PDF's own fonts lack letters for: it is drawn as an image, at the resolution of printers.
PX_PER_MM = 300 / 25.4
LINE_HEIGHT, BASELINE = 1.32, 0.78
# At this share of the size the drawn letters are as high as Helvetica's.
DRAWN_SIZE = 0.98
HATCHING = 1.1
NBSP = "\u00a0"


@dataclass(frozen=True)
class Style:
    """The style of text: size in points, weight and colour."""

    size: float
    bold: bool = False
    ink: Ink = BLACK


class Paper:
    """One page. Its users track the position: text past the end is not visible."""

    def __init__(self, width: float, height: float, *, title: str, subject: str, language: str, scale: float) -> None:
        """Create an empty page.

        Args:
            width: of the page.
            height: of the page.
            title: of the document.
            subject: of the document.
            language: of its words, such as "pt".
            scale: of all text.
        """
        self._scale = scale
        self._ruler = _sheet(1, 1)
        self._document = Document(width, height, title=_clean(title), subject=subject, language=language)

    def content(self) -> bytes:
        """Return the file's bytes."""
        return self._document.content()

    def height(self, style: Style) -> float:
        """Return the line height of a style."""
        return style.size * self._scale / PT_PER_MM * LINE_HEIGHT

    def write(self, text: str, x: float, y: float, width: float, style: Style) -> float:
        """Write text, wrapped to a width, and return where it ends."""
        drawn = not _in_codepage(text)
        for line in self.wrap(text, width, style):
            self.line(line, x, y, style, drawn=drawn)
            y += self.height(style)
        return y

    def wrap(self, text: str, width: float, style: Style) -> list[str]:
        """Return text as lines of at most a width; a wider word is broken too."""
        drawn = not _in_codepage(text)
        lines = [""]
        for piece in PIECES.findall(_clean(text)):
            if self.measure(lines[-1] + piece.rstrip(), style, drawn=drawn) > width and lines[-1]:
                lines.append("")
            while self.measure(piece.rstrip(), style, drawn=drawn) > width:
                fits = _most(piece, lambda some: self.measure(some, style, drawn=drawn) <= width)
                lines[-1:] = [piece[:fits], ""]
                piece = piece[fits:]
            lines[-1] += piece if lines[-1] else piece.lstrip()
        return [line.rstrip() for line in lines if line.strip()]

    def line(self, text: str, x: float, y: float, style: Style, *, drawn: bool = False) -> None:
        """Write one line below y; `drawn` as an image, where its neighbours have letters that PDF's fonts lack."""
        if drawn or not _in_codepage(text):
            self._draw(text, x, y, style)
        else:
            baseline = y + BASELINE * self.height(style)
            self._document.text(_clean(text), (x, baseline), style.size * self._scale, style.ink, bold=style.bold)

    def measure(self, text: str, style: Style, *, drawn: bool = False) -> float:
        """Return the width of one line."""
        if drawn or not _in_codepage(text):
            line = _clean(text).replace(NBSP, " ")
            return self._ruler.measure(line, self._pixels(style), _weight(style)) / PX_PER_MM
        return measure(_clean(text), style.size * self._scale, bold=style.bold)

    def picture(self, content: bytes, x: float, y: float, width: float, height: float, description: str) -> None:
        """Place a PNG or JPEG file; one that is placed twice is stored once."""
        self._document.picture(content, (x, y), (width, height), description)

    def box(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Draw a box."""
        self._document.rectangle((x, y), (width, height), ink, filled=False)

    def fill_box(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a box."""
        if width > 0:
            self._document.rectangle((x, y), (width, height), ink, filled=True)

    def hatch(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a box with a hatching that can be told apart without colours."""
        if width > 0:
            steps = np.arange(-height, width, HATCHING).tolist()
            lines = [((x + step, y + height), (x + step + height, y)) for step in steps]
            self._document.lines(lines, ink, within=((x, y), (width, height)))

    def line_between(self, start: Point, end: Point, ink: Ink) -> None:
        """Draw a straight line."""
        self._document.lines([(start, end)], ink)

    def outline(self, corners: Sequence[Point], ink: Ink) -> None:
        """Draw the outline of a shape."""
        self._document.polygon(corners, ink, filled=False)

    def fill(self, corners: Sequence[Point], ink: Ink) -> None:
        """Fill a shape."""
        self._document.polygon(corners, ink, filled=True)

    def _pixels(self, style: Style) -> float:
        return style.size * self._scale * DRAWN_SIZE / PT_PER_MM * PX_PER_MM

    def _draw(self, text: str, x: float, y: float, style: Style) -> None:
        """Draw text that Helvetica has no letters for, on a transparent background."""
        size, weight, text = self._pixels(style), _weight(style), _clean(text).replace(NBSP, " ")
        wide = self._ruler.measure(text, size, weight) + 4
        high = round(self.height(style) * PX_PER_MM)
        sheet = _sheet(wide, high)
        sheet.write(text, 0, round(BASELINE * high), size, (255, 255, 255), weight)
        mask, on_page = sheet.picture[..., 0].copy(), (wide / PX_PER_MM, self.height(style))
        self._document.drawn_text(text, mask, (x, y), on_page, style.ink)


def _clean(text: str) -> str:
    """Return text with printable characters; no-break spaces stay, other spaces become plain ones."""
    spaced = re.sub(rf"[^\S{NBSP}\u202f]", " ", text)
    return NBSP.join(printable(part) for part in re.split(rf"[{NBSP}\u202f]", spaced))


def _in_codepage(text: str) -> bool:
    try:
        _clean(text).encode(CODEPAGE)
    except UnicodeEncodeError:
        return False
    return True


def _most(text: str, fits: Callable[[str], bool]) -> int:
    """Return how many characters fit, at least one."""
    return max((number for number in range(1, len(text) + 1) if fits(text[:number])), default=1)


def _sheet(width: int, height: int) -> Sheet:
    return Sheet(width, height, 1.0, (0, 0, 0))


def _weight(style: Style) -> int:
    return HEAVY if style.bold else REGULAR
