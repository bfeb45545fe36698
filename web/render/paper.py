"""One page of PDF: text in any script, images, lines. Lengths are millimetres from the upper left corner."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np

from xray.annotate.lettering import HEAVY, PIECES, REGULAR, Sheet, printable

Ink = tuple[int, int, int]  # red, green, blue
Point = tuple[float, float]

BLACK: Ink = (0, 0, 0)
# The encoding of PDF's own fonts; other text is drawn as an image, at the resolution of printers.
CODEPAGE, DPI = "windows-1252", 300
MM_PER_INCH, PT_PER_INCH = 25.4, 72
LINE_HEIGHT, BASELINE = 1.32, 0.78
# At this share of the size the drawn letters are as high as Helvetica's.
DRAWN_SIZE = 0.98
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
        # Imported late: it takes 23 MB, and most workers never write a report.
        from fpdf import FPDF

        self._scale = scale
        self._ruler = _sheet(1, 1)
        self._pdf = FPDF(format=(width, height))
        self._pdf.core_fonts_encoding = CODEPAGE
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        self._pdf.set_auto_page_break(False)
        self._pdf.set_title(title)
        self._pdf.set_subject(subject)
        self._pdf.set_lang(language)
        self._pdf.add_page()

    def content(self) -> bytes:
        """Return the file's bytes."""
        return bytes(self._pdf.output())

    def height(self, style: Style) -> float:
        """Return the line height of a style."""
        return style.size * self._scale / PT_PER_INCH * MM_PER_INCH * LINE_HEIGHT

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
            self._choose(style)
            self._pdf.text(x, y + BASELINE * self.height(style), _clean(text))

    def measure(self, text: str, style: Style, *, drawn: bool = False) -> float:
        """Return the width of one line."""
        if drawn or not _in_codepage(text):
            return (
                self._ruler.measure(_clean(text).replace(NBSP, " "), self._pixels(style), _weight(style))
                / DPI
                * MM_PER_INCH
            )
        self._choose(style)
        return float(self._pdf.get_string_width(_clean(text)))

    def picture(self, content: bytes, x: float, y: float, width: float, height: float, description: str) -> None:
        """Place a PNG or JPEG file; one that is placed twice is stored once."""
        self._pdf.image(BytesIO(content), x, y, width, height, alt_text=description)

    def box(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Draw a box."""
        self._ink(ink)
        self._pdf.rect(x, y, width, height)

    def fill_box(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a box."""
        if width > 0:
            self._ink(ink)
            self._pdf.rect(x, y, width, height, "F")

    def hatch(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a box with a hatching that can be told apart without colours."""
        if width > 0:
            self._ink(ink)
            with self._pdf.rect_clip(x, y, width, height):
                for step in np.arange(-height, width, 1.1):
                    self._pdf.line(x + step, y + height, x + step + height, y)

    def line_between(self, start: Point, end: Point, ink: Ink) -> None:
        """Draw a straight line."""
        self._ink(ink)
        self._pdf.line(*start, *end)

    def outline(self, corners: Sequence[Point], ink: Ink) -> None:
        """Draw the outline of a shape."""
        self._ink(ink)
        self._pdf.polygon(list(corners))

    def fill(self, corners: Sequence[Point], ink: Ink) -> None:
        """Fill a shape."""
        self._ink(ink)
        self._pdf.polygon(list(corners), style="F")

    def _choose(self, style: Style) -> None:
        self._pdf.set_font("helvetica", "B" if style.bold else "", style.size * self._scale)
        self._pdf.set_text_color(*style.ink)

    def _pixels(self, style: Style) -> float:
        return style.size * self._scale * DRAWN_SIZE / PT_PER_INCH * DPI

    def _ink(self, ink: Ink) -> None:
        self._pdf.set_draw_color(*ink)
        self._pdf.set_fill_color(*ink)

    def _draw(self, text: str, x: float, y: float, style: Style) -> None:
        """Draw text that Helvetica has no letters for, on a transparent background."""
        size, weight, text = self._pixels(style), _weight(style), _clean(text).replace(NBSP, " ")
        wide, high = self._ruler.measure(text, size, weight) + 4, round(self.height(style) / MM_PER_INCH * DPI)
        sheet = _sheet(wide, high)
        sheet.write(text, 0, round(BASELINE * high), size, (255, 255, 255), weight)
        red, green, blue = style.ink
        ink = np.full((high, wide, 3), (blue, green, red), np.uint8)
        png = cv2.imencode(".png", np.dstack([ink, sheet.picture[..., 0]]))[1].tobytes()
        self.picture(png, x, y, wide / DPI * MM_PER_INCH, self.height(style), text)


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
