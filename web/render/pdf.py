"""The report of one analysis: one page of PDF, in the visitor's language."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import cv2
import numpy as np

from web.analyses import storage
from web.analyses.records import ModelResult, Record
from web.i18n import decimals, moment
from web.render import reading
from web.render.document import Ink
from web.render.findings import headline, note, small_verdict
from web.render.paper import BLACK, Paper, Style
from web.translation import gettext as _
from web.translation import language
from xray.annotate.lettering import Picture
from xray.finding import tone
from xray.io.jpeg import encode_jpeg

MARGIN, GAP, COLUMN_GAP = 12.0, 3.5, 6.0
# Heights of the images. They leave the room that the text needs; below SMALLEST the text is scaled instead.
TALLEST, SMALLEST = 92.0, 38.0
SCALES = (1.0, 0.92, 0.85)

# As on the printed page in static/style.css.
VERDICT_INKS: Mapping[str, Ink] = {"POSITIVE": (138, 75, 0), "NEGATIVE": (0, 73, 122), "INCONCLUSIVE": (68, 68, 68)}
CAUTION: Ink = (107, 78, 0)
LUNGS: Ink = (94, 196, 214)
QUIET: Ink = (70, 70, 70)
RULE: Ink = (170, 170, 170)
LIGHT: Ink = (214, 220, 226)

TITLE, NAME, WARNING = Style(15, bold=True), Style(11), Style(9.5, bold=True)
HEAD, BODY, STRONG, SMALL = Style(10, bold=True), Style(8.5), Style(8.5, bold=True), Style(7.5, ink=QUIET)


@dataclass(frozen=True)
class Size:
    """A size of paper, in millimetres."""

    name: str
    width: float
    height: float


A4 = Size("A4", 210, 297)
PAPERS = {"a4": A4, "letter": Size("US Letter", 215.9, 279.4)}


def write(record: Record, found: Mapping[str, bytes], labels: Mapping[str, str], size: Size = A4) -> bytes:
    """Return the report; its images are as large as its text leaves room for.

    Returns:
        The bytes of a PDF file of one page.
    """
    for scale in SCALES:
        page = _Page(record, found, labels, size, scale)
        over = page.draw(TALLEST)
        if over > 0:
            tall = page.tall - over
            if tall < SMALLEST and scale != SCALES[-1]:
                continue
            page = _Page(record, found, labels, size, scale)
            page.draw(tall)
        break
    return page.paper.content()


class _Page:
    """One attempt at the page.

    Attributes:
        paper: what it is written on.
        tall: the height of its pictures.
    """

    def __init__(
        self, record: Record, found: Mapping[str, bytes], labels: Mapping[str, str], size: Size, scale: float
    ) -> None:
        self.record, self.labels, self.size = record, labels, size
        # A power cut may leave a file without its content.
        self.found = {name: content for name, content in found.items() if _decoded(content) is not None}
        self.left, self.width, self.tall = MARGIN, size.width - 2 * MARGIN, 0.0
        title = f"{reading.title()}: {record.name}"
        sheet = size.width, size.height
        self.paper = Paper(*sheet, title=title, subject=reading.disclaimer(), language=language(), scale=scale)

    def draw(self, tallest: float) -> float:
        """Draw the page with images of at most a height, and return by how much it does not fit."""
        y = self._head() + GAP
        y = self._cautions(y)
        y = self._together(y)
        y = self._pictures(y, tallest)
        y = self._opacity(y)
        for result in self.record.results:
            y = self._model(result, y)
        return self._remarks(y) - self._foot()

    def _head(self) -> float:
        y = self._warn(
            MARGIN, _("Only a radiologist can read a radiograph; this page shows what a network makes of it.")
        )
        y = self._write(reading.title(), y + GAP, TITLE)
        y = self._write(self.record.name, y, NAME)
        return self._write(_("Read on %(time)s", time=moment(self.record.created)), y, SMALL)

    def _foot(self) -> float:
        """Write what stands at the end of the page, and return where it begins."""
        versions = " · ".join(
            _("%(model)s, version %(version)s", model=self._label(result), version=result.version)
            for result in self.record.results
        )
        other = _("For US Letter add ?paper=letter to the address of this report.") if self.size is A4 else ""
        lines = [f"{versions} · #{self.record.id[:8]}", f"{self.size.name} · 1/1  {other}"]
        wrapped = [part for line in lines for part in self.paper.wrap(line, self.width - 4, SMALL)]
        height = self.paper.height(WARNING) * len(self.paper.wrap(reading.disclaimer(), self.width - 4, WARNING)) + 2.4
        top = self.size.height - MARGIN - height - self.paper.height(SMALL) * len(wrapped)
        self._warn(top, *wrapped)
        return top - GAP

    def _warn(self, top: float, *more: str) -> float:
        y = self._write(reading.disclaimer(), top + 1.2, WARNING, inset=2)
        for line in more:
            y = self._write(line, y, SMALL, inset=2)
        self.paper.box(self.left, top, self.width, y + 1.2 - top, BLACK)
        return y + 1.2

    def _pictures(self, top: float, tallest: float) -> float:
        """Draw the radiograph with its lung outline, the opacity map and the heat map of each model, side by side."""
        shown: list[tuple[str, Callable[[float, float, float], None]]] = [
            (_("Lung outline: what was taken for lungs"), self._film)
        ]
        if self.record.opacity:
            caption = f"{_('Opacity map')} – {reading.words('opacity_words')}"
            shown.append((caption, partial(self._map, storage.OPACITY, caption)))
        for result in self.record.results:
            caption = f"{self._label(result)} – {reading.heat(result)}"
            shown.append((caption, partial(self._map, storage.heat(result.model), caption)))
        room = (self.width - (len(shown) - 1) * COLUMN_GAP) / len(shown)
        proportion = self.record.width / self.record.height
        self.tall = max(10.0, min(tallest, room / proportion))
        wide, end = self.tall * proportion, top
        for column, (caption, draw) in enumerate(shown):
            x = self.left + column * (room + COLUMN_GAP)
            if storage.FILM not in self.found:
                self.paper.box(x, top, wide, self.tall, RULE)
                self.paper.write(_("The picture is no longer kept."), x + 2, top + 2, wide - 4, SMALL)
            else:
                draw(x, top, wide)
            end = max(end, self.paper.write(caption, x, top + self.tall + 1, room, SMALL))
        return end + GAP

    def _film(self, x: float, y: float, wide: float) -> None:
        self.paper.picture(self.found[storage.FILM], x, y, wide, self.tall, _("The radiograph"))
        across, down = wide / self.record.width, self.tall / self.record.height
        for corners in re.findall(r"M([\d L]+)Z", self.record.outline):
            numbers = [int(number) for number in re.findall(r"\d+", corners)]
            points = [(x + a * across, y + b * down) for a, b in zip(numbers[::2], numbers[1::2], strict=False)]
            if len(points) > 2:
                self.paper.outline(points, LUNGS)

    def _map(self, name: str, caption: str, x: float, y: float, wide: float) -> None:
        film, layer = (_decoded(self.found.get(each, b"")) for each in (storage.FILM, name))
        content = self.found[storage.FILM] if film is None or layer is None else _blended(film, layer)
        self.paper.picture(content, x, y, wide, self.tall, caption)
        across, down = wide / self.record.width, self.tall / self.record.height
        top, bottom, left, right = self.record.box
        self.paper.box(x + left * across, y + top * down, (right - left) * across, (bottom - top) * down, LIGHT)

    def _cautions(self, y: float) -> float:
        cautions = [reading.words("caution_words", caution, self.record.is_own) for caution in self.record.cautions]
        if not cautions:
            return y
        top = y
        y = self._write(_("Read it with care"), y, Style(9.5, bold=True, ink=CAUTION), inset=3)
        for caution in cautions:
            y = self._write(f"– {caution}", y, BODY, inset=3)
        self.paper.fill_box(self.left, top, 1, y - top, CAUTION)
        return y + GAP

    def _together(self, y: float) -> float:
        both = self.record.combined
        if both is None:
            return y
        y = self._write(_("Both models read together"), self._rule(y), HEAD)
        results = self.record.results
        y = self._write(headline(results), y, _large(results))
        return self._write(f"{small_verdict(results)}. {note(results)}", y, BODY) + GAP

    def _opacity(self, y: float) -> float:
        measures = self.record.opacity
        return self._write(reading.opacity(measures), y, BODY) + GAP if measures else y

    def _model(self, result: ModelResult, y: float) -> float:
        top = self._rule(y)
        room = (self.width - 2 * COLUMN_GAP) / 2
        y = self.paper.write(self._label(result), self.left, top, room, HEAD)
        y = self.paper.write(headline([result]), self.left, y, room, _large([result]))
        said = note([result]) or (reading.words("sentence", result) if result.exclusive else "")
        said = f"{small_verdict([result])}. {said}" if result.decides else said
        y = self.paper.write(said, self.left, y, room, BODY)
        y = self.paper.write(reading.heat_in_lungs(result), self.left, y, room, BODY)
        x = self.left + room + 2 * COLUMN_GAP
        end = self._bars(result, x, top, room) if result.listed else self._scale(result, x, top, room)
        judged = reading.arithmetic(result) if result.decides else ""
        return max(y, self.paper.write(judged, x, end + 1, room, BODY)) + GAP

    def _scale(self, result: ModelResult, x: float, y: float, wide: float) -> float:
        """Draw where the score lies between 0 and 1."""
        paper, bar, high = self.paper, y + 7.5, 3.4
        low, upper, at = (x + wide * share for share in (result.negative_below, result.positive_from, result.score))
        if result.decides:
            paper.fill_box(x, bar, low - x, high, (150, 190, 220))
            paper.hatch(low, bar, upper - low, high, QUIET)
            paper.fill_box(upper, bar, x + wide - upper, high, VERDICT_INKS["POSITIVE"])
        paper.box(x, bar, wide, high, BLACK)
        for edge in (low, upper) if result.decides else ():
            paper.line_between((edge, bar - 1), (edge, bar + high + 1), BLACK)
        paper.fill([(at, bar - 0.4), (at - 1.5, bar - 3), (at + 1.5, bar - 3)], BLACK)
        self._centred(decimals(result.score_text), at, y, x, wide, STRONG)
        below = bar + high + 1
        if result.decides:
            edges = decimals(result.negative_below), decimals(result.positive_from)
            self._centred(_("negative below %(low)s, positive from %(high)s", low=edges[0], high=edges[1]),
                          (low + upper) / 2, below, x, wide, SMALL)  # fmt: skip
            below += paper.height(SMALL)
        ends = (
            f"0 · {reading.words('class_name', result.negative, result)}",
            f"{reading.words('positive_side', result)} · 1",
        )
        paper.line(ends[0], x, below, SMALL)
        paper.line(ends[1], x + wide - paper.measure(ends[1], SMALL), below, SMALL)
        if result.decides and result.negative_below < result.positive_from:
            middle = _("hatched: inconclusive")
            taken = 2 * max(paper.measure(end, SMALL) for end in ends) + paper.measure(middle, SMALL)
            below += paper.height(SMALL) if taken + COLUMN_GAP > wide else 0
            self._centred(middle, x + wide / 2, below, x, wide, SMALL)
        return below + paper.height(SMALL)

    def _bars(self, result: ModelResult, x: float, y: float, wide: float) -> float:
        """Draw a bar for each listed label, with a line at each edge."""
        paper, high = self.paper, 3.4
        names = [reading.words("class_name", each.label, result) for each in result.listed]
        start = x + max(paper.measure(name, BODY) for name in names) + 2
        length = x + wide - start - 12
        for name, each in zip(names, result.listed, strict=True):
            middle = y + (paper.height(BODY) - high) / 2
            paper.line(name, x, y, BODY)
            judged = each.decides and (each.plausible or not result.exclusive)
            kind = "" if not judged else tone([result]) if result.exclusive else each.verdict
            paper.fill_box(start, middle, length * each.score, high, VERDICT_INKS.get(kind, RULE))
            paper.box(start, middle, length, high, BLACK)
            for share in (each.negative_below, each.positive_from) if each.decides else ():
                edge = start + length * share
                paper.line_between((edge, middle - 0.8), (edge, middle + high + 0.8), BLACK)
            paper.line(decimals(each.score_text), start + length + 2, y, STRONG)
            y += max(paper.height(BODY), high + 1.4)
        return y

    def _centred(self, text: str, at: float, y: float, x: float, wide: float, style: Style) -> None:
        """Write around a place, but not past the ends of the scale."""
        length = self.paper.measure(text, style)
        self.paper.line(text, min(max(at - length / 2, x), x + wide - length), y, style)

    def _remarks(self, y: float) -> float:
        y = self._rule(y)
        for remark in reading.remarks({self._label(result): result for result in self.record.results}):
            y = self._write(f"– {remark}", y, SMALL)
        return y

    def _label(self, result: ModelResult) -> str:
        return self.labels.get(result.model, result.model)

    def _write(self, text: str, y: float, style: Style, inset: float = 0) -> float:
        return self.paper.write(text, self.left + inset, y, self.width - 2 * inset, style)

    def _rule(self, y: float) -> float:
        self.paper.line_between((self.left, y), (self.left + self.width, y), RULE)
        return y + 1.5


def _large(judged: Sequence[ModelResult]) -> Style:
    return Style(15, bold=True, ink=VERDICT_INKS[tone(judged)])


def _decoded(content: bytes) -> Picture | None:
    if not content:
        return None
    return cast("Picture | None", cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))


def _blended(film: Picture, heat: Picture) -> bytes:
    """Return a radiograph under a heat map as JPEG, blended as browsers do."""
    below = cv2.cvtColor(film, cv2.COLOR_GRAY2BGR) if film.ndim == 2 else film
    above = cv2.resize(heat, (film.shape[1], film.shape[0]), interpolation=cv2.INTER_LINEAR)
    opacity = above[..., 3].astype(np.float32) / 255
    return encode_jpeg(np.asarray(cv2.blendLinear(below, above[..., :3].copy(), 1 - opacity, opacity), np.uint8))
