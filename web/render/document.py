"""A PDF file of one page: its letters, images and lines, and the structure that screen readers read.

Lengths are millimetres from the upper left corner.

Source:
    ISO 32000-1: 8.4 to 8.9 (graphics), 9.6.2.2 (standard fonts), 11.6.5.3 (soft masks), 14.6 to 14.9 (structure).
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO

import cv2
import numpy as np
import pydyf
from numpy.typing import NDArray

from web.render import helvetica

Ink = tuple[int, int, int]  # red, green, blue
Point = tuple[float, float]

CODEPAGE = "windows-1252"
PT_PER_MM = 72 / 25.4
LINE_MM = 0.2
FASTEST_GOOD = 6  # of zlib's levels
PARAGRAPH, FIGURE = "P", "Figure"


class Document:
    """A file with one page."""

    def __init__(self, width: float, height: float, *, title: str, subject: str, language: str) -> None:
        """Create an empty page.

        Args:
            width: of the page.
            height: of the page.
            title: of the document.
            subject: of the document.
            language: of its words, such as "pt".
        """
        self._height = height
        self._pdf = pydyf.PDF()
        self._page = pydyf.Stream(compress=True)
        self._page.set_line_width(LINE_MM * PT_PER_MM)
        self._images: dict[str, pydyf.Stream] = {}
        self._structure = pydyf.Dictionary({"Type": "/StructTreeRoot"})
        self._elements: list[pydyf.Dictionary] = []
        self._sheet = pydyf.Dictionary({
            "Type": "/Page", "Parent": self._pdf.pages.reference, "StructParents": 0, "Tabs": "/S",
            "MediaBox": pydyf.Array([0, 0, round(width * PT_PER_MM, 2), round(height * PT_PER_MM, 2)]),
        })  # fmt: skip
        self._pdf.info.update(Title=pydyf.String(title), Subject=pydyf.String(subject))
        self._pdf.catalog.update(
            Lang=pydyf.String(language),
            MarkInfo="<</Marked true>>",
            ViewerPreferences="<</DisplayDocTitle true>>",
        )
        for each in (self._page, self._structure):
            self._pdf.add_object(each)
        self._pdf.add_page(self._sheet)

    def content(self) -> bytes:
        """Return the file's bytes; nothing is added afterwards."""
        elements = pydyf.Array([element.reference for element in self._elements])
        self._structure.update(K=elements, ParentTree=pydyf.Dictionary({"Nums": pydyf.Array([0, elements.data])}))
        self._pdf.catalog["StructTreeRoot"] = self._structure.reference
        images = pydyf.Dictionary({name: image.reference for name, image in self._images.items()})
        fonts = pydyf.Dictionary({"Regular": _font("Helvetica"), "Bold": _font("Helvetica-Bold")})
        self._sheet.update(
            Contents=self._page.reference, Resources=pydyf.Dictionary({"Font": fonts, "XObject": images})
        )
        file = BytesIO()
        self._pdf.write(file)
        return file.getvalue()

    def text(self, text: str, at: Point, size: float, ink: Ink, *, bold: bool) -> None:
        """Write one line of letters of CODEPAGE.

        Args:
            text: the line.
            at: the left end of its baseline.
            size: in points.
            ink: its colour.
            bold: whether it is bold.
        """
        with self._marked(PARAGRAPH):
            self._ink(ink)
            self._page.begin_text()
            self._page.set_font_size("Bold" if bold else "Regular", size)
            self._page.move_text_to(*self._place(at))
            self._page.show_text_string(text.encode(CODEPAGE))
            self._page.end_text()

    def drawn_text(self, text: str, mask: NDArray[np.uint8], at: Point, size: Point, ink: Ink) -> None:
        """Place a line that was drawn; it is read, searched and copied as text.

        Args:
            text: the line.
            mask: where there is ink, uint8, shape (height, width).
            at: its upper left corner.
            size: its width and height on the page.
            ink: its colour.
        """
        pixels = np.full((*mask.shape, 3), ink, np.uint8)
        with self._marked(PARAGRAPH, ActualText=pydyf.String(text)):
            self._show(self._image(pixels, mask), at, size)

    def picture(self, content: bytes, at: Point, size: Point, description: str) -> None:
        """Place a PNG or JPEG file; one that is placed twice is stored once.

        Args:
            content: the file, grey or in colours.
            at: its upper left corner.
            size: its width and height on the page.
            description: for those who cannot see it.
        """
        with self._marked(FIGURE, Alt=pydyf.String(description)):
            self._show(self._file(content), at, size)

    def rectangle(self, at: Point, size: Point, ink: Ink, *, filled: bool) -> None:
        """Draw or fill a rectangle.

        Args:
            at: its upper left corner.
            size: its width and height.
            ink: its colour.
            filled: whether it is filled.
        """
        with self._decoration(ink):
            self._page.rectangle(*self._place((at[0], at[1] + size[1])), *_points(size))
            self._paint(filled=filled)

    def polygon(self, corners: Sequence[Point], ink: Ink, *, filled: bool) -> None:
        """Draw or fill a closed shape."""
        with self._decoration(ink):
            self._path(corners)
            self._page.close()
            self._paint(filled=filled)

    def lines(self, lines: Sequence[tuple[Point, Point]], ink: Ink, within: tuple[Point, Point] | None = None) -> None:
        """Draw straight lines.

        Args:
            lines: the ends of each.
            ink: their colour.
            within: the upper left corner and the size of a rectangle; what lies outside is not drawn.
        """
        with self._decoration(ink):
            if within:
                (x, y), size = within
                self._page.rectangle(*self._place((x, y + size[1])), *_points(size))
                self._page.clip()
                self._page.end()
            for line in lines:
                self._path(line)
                self._page.stroke()

    def _path(self, corners: Sequence[Point]) -> None:
        self._page.move_to(*self._place(corners[0]))
        for corner in corners[1:]:
            self._page.line_to(*self._place(corner))

    def _paint(self, *, filled: bool) -> None:
        if filled:
            self._page.fill()
        else:
            self._page.stroke()

    def _ink(self, ink: Ink) -> None:
        for stroke in (True, False):
            self._page.set_color_rgb(*(round(part / 255, 3) for part in ink), stroke)

    def _place(self, at: Point) -> Point:
        """Return a place in points from the lower left corner."""
        return _points((at[0], self._height - at[1]))

    @contextmanager
    def _decoration(self, ink: Ink) -> Iterator[None]:
        """Draw what is not read aloud, with a state of its own."""
        self._page.begin_marked_content("Artifact")
        self._page.push_state()
        self._ink(ink)
        yield
        self._page.pop_state()
        self._page.end_marked_content()

    @contextmanager
    def _marked(self, role: str, **attributes: pydyf.String) -> Iterator[None]:
        """Add what is drawn to the structure.

        Args:
            role: PARAGRAPH or FIGURE.
            attributes: of its element.
        """
        number = len(self._elements)
        element = pydyf.Dictionary({
            "Type": "/StructElem", "S": f"/{role}", "P": self._structure.reference, "Pg": self._sheet.reference,
            "K": number, **attributes,
        })  # fmt: skip
        self._pdf.add_object(element)
        self._elements.append(element)
        self._page.begin_marked_content(role, f"<</MCID {number}>>")
        yield
        self._page.end_marked_content()

    def _show(self, image: str, at: Point, size: Point) -> None:
        left, bottom = self._place((at[0], at[1] + size[1]))
        wide, high = _points(size)
        self._page.push_state()
        self._page.set_matrix(wide, 0, 0, high, left, bottom)
        self._page.draw_x_object(image)
        self._page.pop_state()

    def _file(self, content: bytes) -> str:
        """Store a file and return its name; a JPEG as it is."""
        name = f"File{sha256(content).hexdigest()[:16]}"
        if name not in self._images:
            pixels = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
            if content.startswith(b"\xff\xd8"):
                self._images[name] = self._stored(content, pixels.shape, "/DCTDecode")
            else:
                mask = np.ascontiguousarray(pixels[..., 3]) if pixels.ndim == 3 and pixels.shape[2] == 4 else None
                colours = pixels if pixels.ndim == 2 else pixels[..., 2::-1]
                self._images[name] = self._pixels(colours, mask)
        return name

    def _image(self, pixels: NDArray[np.uint8], mask: NDArray[np.uint8]) -> str:
        name = f"Drawn{len(self._images)}"
        self._images[name] = self._pixels(pixels, mask)
        return name

    def _pixels(self, pixels: NDArray[np.uint8], mask: NDArray[np.uint8] | None) -> pydyf.Stream:
        """Store pixels, grey or RGB, with their opacity."""
        image = self._stored(zlib.compress(pixels.tobytes(), FASTEST_GOOD), pixels.shape, "/FlateDecode")
        if mask is not None:
            image.extra["SMask"] = self._pixels(mask, None).reference
        return image

    def _stored(self, content: bytes, shape: tuple[int, ...], encoding: str) -> pydyf.Stream:
        """Store an image.

        Args:
            content: encoded.
            shape: of its pixels.
            encoding: a filter of PDF.
        """
        colours = "/DeviceGray" if len(shape) == 2 else "/DeviceRGB"
        image = pydyf.Stream([content], {
            "Type": "/XObject", "Subtype": "/Image", "Width": shape[1], "Height": shape[0],
            "ColorSpace": colours, "BitsPerComponent": 8, "Filter": encoding,
        })  # fmt: skip
        self._pdf.add_object(image)
        return image


def measure(text: str, size: float, *, bold: bool) -> float:
    """Return the width of letters of CODEPAGE.

    Args:
        text: one line of printable letters.
        size: in points.
        bold: whether they are bold.
    """
    widths = helvetica.BOLD if bold else helvetica.REGULAR
    return sum(widths[code - helvetica.FIRST] for code in text.encode(CODEPAGE)) * size / 1000 / PT_PER_MM


def _font(name: str) -> bytes:
    font = {"Type": "/Font", "Subtype": "/Type1", "BaseFont": f"/{name}", "Encoding": "/WinAnsiEncoding"}
    return bytes(pydyf.Dictionary(font).data)


def _points(lengths: Point) -> Point:
    return lengths[0] * PT_PER_MM, lengths[1] * PT_PER_MM
