"""The annotated copy of a radiograph: the image, its heat map and the conclusion, as one JPEG for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import cv2
import numpy as np

from xray.analysis import Analysis
from xray.annotate.lettering import BACKGROUND, BOLD, HEAVY, LINE, QUIET, TEXT, Colour, Picture, Sheet
from xray.annotate.panels import LUNGS, heat_panel, overlay, panel_size, radiograph_panel
from xray.annotate.words import Wording, Words, english
from xray.finding import tone
from xray.io.jpeg import encode_jpeg
from xray.networks.heads import Verdict
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Box
from xray.prediction import Prediction
from xray.quality import burnt_in

NARROWEST = 880
# Of JPEG: at 100 % no difference to PNG is seen, in letters and lines neither, and a copy has 0.35 MB in place of 0.8.
QUALITY = 90
MARGIN = 24
CAPTIONS = 54  # in units of the design
# Sizes of the finding, of a line and of a legend: the largest that fits.
LARGE, CAPTION, LEGEND = (52, 44, 38, 32, 26, 22), (20, 18, 16, 14), (16, 14, 12, 11)
BARS_TOP, BARS_BOTTOM = 24, 112  # in units of the design

CAUTION: Colour = (150, 214, 236)
# Distinct for colour-blind readers too (Okabe & Ito 2008); the word always stands beside the colour.
VERDICT_COLOURS = {
    Verdict.POSITIVE: (40, 159, 240),
    Verdict.NEGATIVE: (233, 180, 86),
    Verdict.INCONCLUSIVE: (205, 205, 205),
}


def annotate(
    analysis: Analysis,
    prediction: Prediction,
    *,
    file_name: str,
    when: datetime,
    panel: Picture | None = None,
    wording: Wording = english,
) -> Picture:
    """Draw the copy that is saved: radiograph and heat map side by side, the conclusion below.

    Args:
        analysis: the radiograph and its lungs.
        prediction: one of its predictions.
        file_name: as the sender named it, in any script and of any length.
        when: the time of the analysis, with its time zone.
        panel: the radiograph's panel, where it was drawn before.
        wording: what is written, in the reader's language.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3), at least 880 px wide.

    Raises:
        ValueError: `when` has no time zone.
    """
    panels = radiograph_panel(analysis) if panel is None else panel, heat_panel(analysis, prediction)
    width = max(2 * panels[0].shape[1] + 3 * MARGIN, NARROWEST)
    words = wording(analysis, prediction, file_name)
    strips = (
        *_panels(width, panels, words),
        _verdict(width, prediction, words),
        _reading(width, words),
        _origin(width, words, when),
    )
    return np.vstack(strips)


def encode(copy: Picture) -> bytes:
    """Encode a copy, or another radiograph with coloured marks, as JPEG.

    Args:
        copy: blue, green, red, uint8, shape (height, width, 3).
    """
    return encode_jpeg(copy, QUALITY, sharp_colours=True)


def cover_text(copy: Picture, lines: Iterable[Box], lungs: LungMask) -> Picture:
    """Cover burnt-in text in both panels of a saved copy; see `xray.quality.burnt_in.cover`.

    Args:
        copy: as `annotate` drew it.
        lines: boxes in pixels of the lung mask.
        lungs: bool, shape (height, width), of the radiograph in any size.

    Returns:
        Another copy.
    """
    covered, (height, width) = copy.copy(), panel_size(lungs.shape)
    top = len(_sheet(copy.shape[1], CAPTIONS).picture)
    for left in _lefts(copy.shape[1]):
        part = slice(top, top + height), slice(left, left + width)
        covered[part] = burnt_in.cover(copy[part], lines, lungs)
    return covered


def _sheet(width: int, height: float) -> Sheet:
    # Text grows with the width of the copy: a wide one is scaled down to fit the screen.
    return Sheet(width, height, float(np.clip(width / 1100, 0.85, 1.6)), BACKGROUND)


def _panels(width: int, panels: tuple[Picture, Picture], words: Words) -> tuple[Picture, ...]:
    """Lay the panels side by side, with a caption above and a legend below each."""
    tall, wide = panels[0].shape[:2]
    captions, legends = _sheet(width, CAPTIONS), _sheet(width, 46)
    middle = Sheet(width, tall, 1.0, BACKGROUND)
    room = (width - 3 * MARGIN) // 2
    drawn = ((panels[0], words.radiograph, _lung_legend), (panels[1], words.heat, _heat_legend))
    for left, (panel, title, legend) in zip(_lefts(width), drawn, strict=True):
        captions.write(title, left, captions.px(38), captions.fitting([title], CAPTION, room, BOLD), TEXT, BOLD)
        middle.picture[:, left : left + wide] = panel
        legend(legends, left, room, words)
    return captions.picture, middle.picture, legends.picture


def _lefts(width: int) -> tuple[int, int]:
    """Return where the panels begin, in pixels."""
    return MARGIN, MARGIN + (width - 3 * MARGIN) // 2 + MARGIN


def _lung_legend(sheet: Sheet, left: int, room: int, words: Words) -> None:
    middle, line, gap = sheet.px(22), sheet.px(28), sheet.px(10)
    sheet.picture[middle - sheet.px(1) : middle + sheet.px(2), left : left + line] = LUNGS
    size = sheet.fitting([words.outline], LEGEND, room - line - gap)
    sheet.write(words.outline, left + line + gap, sheet.px(27), size, QUIET)


def _heat_legend(sheet: Sheet, left: int, room: int, words: Words) -> None:
    """Draw the colours of the heat as they look over mid-grey, and the frame of the box."""
    baseline, gap, colours, frame = sheet.px(27), sheet.px(10), sheet.px(84), sheet.px(20)
    top, bottom = sheet.px(14), sheet.px(29)
    texts = [words.weaker, words.stronger, words.box]
    size = sheet.fitting(texts, LEGEND, room - colours - frame - 6 * gap)
    heat = np.tile(np.linspace(0, 1, colours, dtype=np.float32), (bottom - top, 1))
    x = left + sheet.write(words.weaker, left, baseline, size, QUIET) + gap
    sheet.picture[top:bottom, x : x + colours] = overlay(np.full(heat.shape, 90, np.uint8), heat)
    x += colours + gap
    x += sheet.write(words.stronger, x, baseline, size, QUIET) + 3 * gap
    cv2.rectangle(sheet.picture, (x, top), (x + frame, bottom - 1), QUIET, 1)
    sheet.write(words.box, x + frame + gap, baseline, size, QUIET)


def _verdict(width: int, prediction: Prediction, words: Words) -> Picture:
    """Write the finding large, the verdict small, and draw the score on its scale, or a bar for each label."""
    sheet = _sheet(width, 118)
    colour = VERDICT_COLOURS[tone([prediction])]
    sheet.picture[: sheet.px(2)] = LINE
    sheet.picture[sheet.px(26) : sheet.px(112), MARGIN : MARGIN + sheet.px(6)] = colour
    left = MARGIN + sheet.px(24)
    room = width // 2 - left - MARGIN
    size = sheet.fitting([words.headline], LARGE, room, HEAVY)
    sheet.write(sheet.shorten(words.headline, size, room, HEAVY), left, sheet.px(64), size, colour, HEAVY)
    size = sheet.fitting([words.verdict], CAPTION, room)
    sheet.write(sheet.shorten(words.verdict, size, room), left, sheet.px(106), size, TEXT)
    left, right = width // 2 + MARGIN, width - MARGIN - sheet.px(20)
    if prediction.listed:
        _label_bars(sheet, prediction, words.labels, left, right)
    else:
        _score_scale(sheet, prediction, words, left, right)
    return sheet.picture


def _score_scale(sheet: Sheet, prediction: Prediction, words: Words, left: int, right: int) -> None:
    """Draw the scale from 0 to 1 with both edges of the inconclusive band, where they were chosen, and the score."""

    def x(score: float) -> int:
        return left + round(score * (right - left))

    top, bottom = sheet.px(64), sheet.px(78)
    low, high = prediction.own.negative_below, prediction.own.positive_from
    zones = ((0.0, low, Verdict.NEGATIVE), (low, high, Verdict.INCONCLUSIVE), (high, 1.0, Verdict.POSITIVE))
    for start, end, verdict in zones if prediction.decides else ():
        strength = 1.0 if verdict is prediction.verdict else 0.35
        sheet.picture[top:bottom, x(start) : x(end)] = np.multiply(VERDICT_COLOURS[verdict], strength)
    for edge in (x(low), x(high)) if prediction.decides else ():
        sheet.picture[top - sheet.px(5) : bottom + sheet.px(5), edge - 1 : edge + 1] = TEXT
    if not prediction.decides:
        sheet.picture[top:bottom, left:right] = LINE
    here, half, tip = x(prediction.score), sheet.px(9), top - sheet.px(2)
    marker = np.array([(here, tip), (here - half, tip - 2 * half), (here + half, tip - 2 * half)])
    cv2.fillPoly(sheet.picture, [marker], TEXT, cv2.LINE_AA)
    shift = sheet.measure(words.score, 24, BOLD) // 2
    at = min(max(here, left + shift), right - shift) - shift
    sheet.write(words.score, at, sheet.px(38), 24, TEXT, BOLD)
    size = sheet.fitting([words.low, words.high], LEGEND, right - left - sheet.px(20))
    sheet.write(words.low, left, sheet.px(106), size, QUIET)
    sheet.write_until(words.high, right, sheet.px(106), size, QUIET)


def _label_bars(
    sheet: Sheet, prediction: Prediction, written: Sequence[tuple[str, str]], left: int, right: int
) -> None:
    """Draw a bar for each label, from 0 to 1, with a tick at each edge."""
    labels = prediction.listed
    pitch = (BARS_BOTTOM - BARS_TOP) / len(labels)
    size = min(18.0, 0.62 * pitch)
    start = left + max(sheet.measure(name, size) for name, _ in written) + sheet.px(12)
    end = right - sheet.measure("0.0000", size, BOLD) - sheet.px(12)
    for number, ((name, score_text), each) in enumerate(zip(written, labels, strict=True)):
        above = BARS_TOP + number * pitch
        top, bottom = sheet.px(above + 0.2 * pitch), sheet.px(above + 0.8 * pitch)
        baseline = sheet.px(above + 0.5 * pitch + 0.36 * size)
        sheet.write(name, left, baseline, size, TEXT)
        sheet.picture[top:bottom, start:end] = LINE
        filled = start + round(each.score * (end - start))
        # Of exclusive labels a plausible one has the colour of the finding.
        verdict = each.verdict if not prediction.exclusive else tone([prediction])
        coloured = each.decides and (not prediction.exclusive or each.plausible)
        sheet.picture[top:bottom, start:filled] = VERDICT_COLOURS[verdict] if coloured else QUIET
        for score in (each.negative_below, each.positive_from) if each.decides else ():
            edge = start + round(score * (end - start))
            sheet.picture[top - sheet.px(3) : bottom + sheet.px(3), edge - 1 : edge + 1] = TEXT
        sheet.write(score_text, end + sheet.px(12), baseline, size, TEXT, BOLD)


def _reading(width: int, words: Words) -> Picture:
    """Write the meaning of the verdict and the cautions, in as many lines as needed."""
    ruler = _sheet(width, 1)
    left = MARGIN + ruler.px(24)
    colours = (TEXT, *(QUIET for _ in words.reading[1:]), *(CAUTION for _ in words.cautions))
    lines = [
        (line, colour)
        for text, colour in zip((*words.reading, *words.cautions), colours, strict=True)
        for line in ruler.wrap(text, 20, width - left - MARGIN)
    ]
    sheet = _sheet(width, 28 + 30 * len(lines))
    for number, (line, colour) in enumerate(lines):
        sheet.write(line, left, sheet.px(28 + 30 * number), 20, colour)
    return sheet.picture


def _origin(width: int, words: Words, when: datetime) -> Picture:
    """Write the file name, the time of the analysis and the disclaimer."""
    if when.tzinfo is None:
        raise ValueError("Expected a time with a time zone. Received one without; use datetime.now(UTC).")
    sheet = _sheet(width, 96)
    sheet.picture[: sheet.px(2)] = LINE
    stamp = when.isoformat(" ", "minutes")
    date = f"{stamp[:16]} UTC{stamp[16:].removeprefix('+00:00')}"
    room = width - 3 * MARGIN - sheet.measure(date, 18)
    sheet.write(sheet.shorten(words.file, 18, room), MARGIN, sheet.px(38), 18, TEXT)
    sheet.write_until(date, width - MARGIN, sheet.px(38), 18, TEXT)
    sheet.write(words.disclaimer, MARGIN, sheet.px(72), 20, TEXT, BOLD)
    return sheet.picture
