"""The annotated copy of a radiograph: the picture, its heat map and the conclusion, for people."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.analysis import Analysis
from xray.annotate import class_bars
from xray.annotate.lettering import BOLD, HEAVY, Colour, Picture, Sheet, printable
from xray.io.pixels import GreyImage, halve
from xray.networks.grad_cam import Heat, to_picture
from xray.networks.heads import Verdict
from xray.networks.lungs import LungMask, resized
from xray.networks.preprocess import Box
from xray.prediction import Prediction, in_words
from xray.quality.cautions import CAUTIONS

Grey = TypeVar("Grey", np.uint8, np.uint16)

DISCLAIMER = "Research and education only, not a diagnosis"

# Of a radiograph alone, and of each of the two on the annotated copy: larger, its file would take longest to write.
LARGEST, LARGEST_PANEL, SMALLEST_PANEL = 1024, 768, 384
THUMBNAIL, LAYER = 160, 256
NARROWEST = 880
MARGIN = 24

BACKGROUND: Colour = (24, 21, 19)
LINE: Colour = (72, 66, 60)
TEXT: Colour = (240, 237, 234)
QUIET: Colour = (182, 175, 168)
LUNGS: Colour = (214, 196, 94)
CAUTION: Colour = (150, 214, 236)
# Apart for colour-blind eyes too (Okabe & Ito 2008); the word always stands beside the colour.
VERDICT_COLOURS = {
    Verdict.POSITIVE: (40, 159, 240),
    Verdict.NEGATIVE: (233, 180, 86),
    Verdict.INCONCLUSIVE: (205, 205, 205),
}

# Inferno grows evenly in lightness, so that equal steps of heat look equal. Its dark end is left out:
# there the map is nearly transparent and would only darken the film.
HEAT_COLOURS = cv2.applyColorMap(np.linspace(70, 245, 256).astype(np.uint8)[:, None], cv2.COLORMAP_INFERNO)
MOST_OPAQUE = 0.62
OUTER_EDGES = cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE


def annotate(
    analysis: Analysis, prediction: Prediction, *, file_name: str, when: datetime, film: Picture | None = None
) -> Picture:
    """Draw the copy that is saved: radiograph and heat map side by side, the conclusion below.

    Args:
        analysis: the radiograph and its lungs.
        prediction: one of its predictions.
        file_name: as the sender named it, in any script and of any length.
        when: the time of the analysis, with its time zone.
        film: the radiograph's panel, where it was drawn already.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3), at least 880 px wide.

    Raises:
        ValueError: `when` has no time zone.
    """
    panels = radiograph_panel(analysis) if film is None else film, heat_panel(analysis, prediction)
    width = max(2 * panels[0].shape[1] + 3 * MARGIN, NARROWEST)
    strips = (
        *_panels(width, panels, _titles(analysis, prediction)),
        _verdict(width, prediction),
        _reading(width, analysis, prediction),
        _origin(width, file_name, when),
    )
    return np.vstack(strips)


def radiograph_panel(analysis: Analysis) -> Picture:
    """Return the radiograph with its lung outline, its longer side scaled into 384 to 768 px."""
    image = _scaled(analysis.image, LARGEST_PANEL)
    return outline(image, resized(analysis.lungs, (image.shape[0], image.shape[1])))


def heat_panel(analysis: Analysis, prediction: Prediction) -> Picture:
    """Return the radiograph under its heat map, framed where the network saw it, in the same size."""
    image = _scaled(analysis.image, LARGEST_PANEL)
    height, width = image.shape
    down, across = height / analysis.image.shape[0], width / analysis.image.shape[1]
    top, bottom, left, right = prediction.box
    box = Box(round(top * down), round(bottom * down), round(left * across), round(right * across))
    picture = overlay(image, to_picture(prediction.cam, box, (height, width)))
    return np.asarray(cv2.rectangle(picture, box[2::-2], (box.right - 1, box.bottom - 1), QUIET, 1), np.uint8)


def film_panel(image: NDArray[Grey]) -> NDArray[Grey]:
    """Return the radiograph alone, of 8 or 16 bits, its longer side scaled into 384 to 1024 px."""
    return _scaled(image, LARGEST)


def thumbnail(image: GreyImage, side: int = THUMBNAIL) -> GreyImage:
    """Return the radiograph inside a square of so many pixels, and no larger than it is."""
    factor = min(1, side / max(image.shape))
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return np.asarray(cv2.resize(halve(image, *size[::-1]), size, interpolation=cv2.INTER_AREA), np.uint8)


def heat_layer(prediction: Prediction) -> Picture:
    """Return the heat alone, to be laid over the radiograph by whoever shows it.

    Returns:
        Blue, green, red, opacity, uint8, of the radiograph's proportions, its longer side LAYER px: heat is smooth.
    """
    factor = LAYER / max(prediction.shape)
    height, width = (max(1, round(side * factor)) for side in prediction.shape)
    top, bottom, left, right = (round(edge * factor) for edge in prediction.box)
    box = Box(top, max(bottom, top + 1), left, max(right, left + 1))
    heat = to_picture(prediction.cam, box, (height, width))
    colours = HEAT_COLOURS[np.rint(heat * 255).astype(np.uint8), 0]
    return np.dstack([colours, np.rint(255 * _opacity(heat)).astype(np.uint8)])


def outline_path(lungs: LungMask, sent: tuple[int, int] | None = None) -> str:
    """Return the outline of the lungs as the data of an SVG path, in pixels of the picture that was sent.

    Args:
        lungs: bool, shape (height, width).
        sent: that picture's height and width, where they are not those of the mask.
    """
    found = []
    down, across = (there / here for there, here in zip(sent or lungs.shape, lungs.shape, strict=True))
    for contour in _contours(lungs):
        corners = cv2.approxPolyDP(contour, max(lungs.shape) / 1000, True)[:, 0]
        corners = np.rint(corners * (across, down)).astype(int)
        found.append("M" + "L".join(f"{x} {y}" for x, y in corners) + "Z")
    return "".join(found)


def outline(image: GreyImage, lungs: LungMask) -> Picture:
    """Draw the outline of the lungs on a radiograph.

    Args:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3).
    """
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    thickness = max(1, round(max(image.shape) / 500))
    return np.asarray(cv2.drawContours(picture, _contours(lungs), -1, LUNGS, thickness, cv2.LINE_AA), np.uint8)


def overlay(image: GreyImage, heat: Heat) -> Picture:
    """Lay a heat map over a radiograph, transparent where there is no heat.

    Args:
        image: grey, uint8, shape (height, width).
        heat: float32, same shape, values 0 to 1.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3).
    """
    # Both as one number of 16 bits, the heat in its higher half: the picture is one look-up.
    levels = cv2.merge([image, cv2.convertScaleAbs(heat, alpha=255)]).view("<u2")[..., 0]
    blended = _blended()[levels].view(np.uint8).reshape(*image.shape, 4)
    return np.asarray(cv2.cvtColor(blended, cv2.COLOR_BGRA2BGR), np.uint8)


@cache
def _blended() -> NDArray[np.uint32]:
    """Return what each heat makes of each grey: blue, green, red and nothing, shape (65,536,)."""
    opacity = _opacity(np.linspace(0, 1, 256, dtype=np.float32))[:, None, None]
    grey = np.arange(256, dtype=np.float32)[None, :, None]
    colours = np.rint((1 - opacity) * grey + opacity * HEAT_COLOURS.astype(np.float32))
    return np.dstack([colours, np.zeros((256, 256))]).astype(np.uint8).view(np.uint32).ravel()


def _opacity(heat: Heat) -> Heat:
    return np.asarray(MOST_OPAQUE * heat**0.75, np.float32)


def _contours(lungs: LungMask) -> Sequence[NDArray[np.int32]]:
    """Return the lungs' outer edges."""
    # The mask was enlarged from 128 px: blurred, its steps become a line that follows the lung; half size will do.
    height, width = lungs.shape
    half = (max(1, width // 2), max(1, height // 2))
    small = cv2.resize(lungs.view(np.uint8) * np.uint8(255), half, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(lungs.shape) / 400), (width, height))
    found, _ = cv2.findContours(cv2.threshold(soft, 127, 1, cv2.THRESH_BINARY)[1], *OUTER_EDGES)
    return cast("Sequence[NDArray[np.int32]]", found)


def _scaled(image: NDArray[Grey], largest: int) -> NDArray[Grey]:
    longer = max(image.shape)
    factor = min(max(longer, SMALLEST_PANEL), largest) / longer
    if factor == 1:
        return image
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    interpolation = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_LINEAR if factor > 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), image.dtype)


def _sheet(width: int, height: float) -> Sheet:
    # Letters grow with the page: a wide one is shown scaled down to the screen.
    return Sheet(width, height, float(np.clip(width / 1100, 0.85, 1.6)), BACKGROUND)


def _titles(analysis: Analysis, prediction: Prediction) -> tuple[str, str]:
    film = "Radiograph (came as a negative)" if analysis.inverted else "Radiograph"
    found = "Evidence" if prediction.cam.any() else "No evidence found"
    return film, f"{found} for {in_words(prediction.explained)}"


def _panels(width: int, panels: tuple[Picture, Picture], titles: tuple[str, str]) -> tuple[Picture, ...]:
    """Lay the panels side by side, with a caption above and a legend below each."""
    column = (width - 3 * MARGIN) // 2
    tall, wide = panels[0].shape[:2]
    captions, legends = _sheet(width, 54), _sheet(width, 46)
    middle = Sheet(width, tall, 1.0, BACKGROUND)
    for index, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        left = MARGIN + index * (column + MARGIN)
        captions.write(title, left, captions.px(38), 20, TEXT, BOLD)
        middle.picture[:, left : left + wide] = panel
        (_heat_legend if index else _lung_legend)(legends, left)
    return captions.picture, middle.picture, legends.picture


def _lung_legend(sheet: Sheet, left: int) -> None:
    middle, right = sheet.px(22), left + sheet.px(28)
    sheet.picture[middle - sheet.px(1) : middle + sheet.px(2), left:right] = LUNGS
    sheet.write("outline of the lungs, as found", right + sheet.px(10), sheet.px(27), 16, QUIET)


def _heat_legend(sheet: Sheet, left: int) -> None:
    """Draw the colours as they look over mid-grey, and the frame."""
    baseline, gap = sheet.px(27), sheet.px(10)
    top, bottom = sheet.px(14), sheet.px(29)
    heat = np.tile(np.linspace(0, 1, sheet.px(84), dtype=np.float32), (bottom - top, 1))
    x = left + sheet.write("weaker", left, baseline, 16, QUIET) + gap
    sheet.picture[top:bottom, x : x + heat.shape[1]] = overlay(np.full(heat.shape, 90, np.uint8), heat)
    x += heat.shape[1] + gap
    x += sheet.write("stronger", x, baseline, 16, QUIET) + 3 * gap
    cv2.rectangle(sheet.picture, (x, top), (x + sheet.px(20), bottom - 1), QUIET, 1)
    sheet.write("seen by the network", x + sheet.px(20) + gap, baseline, 16, QUIET)


def _verdict(width: int, prediction: Prediction) -> Picture:
    """Write the verdict large, and draw where the score lies."""
    sheet = _sheet(width, 118)
    colour = VERDICT_COLOURS[prediction.verdict]
    sheet.picture[: sheet.px(2)] = LINE
    sheet.picture[sheet.px(26) : sheet.px(112), MARGIN : MARGIN + sheet.px(6)] = colour
    left = MARGIN + sheet.px(24)
    room = width // 2 - left - MARGIN
    size = 52 if not prediction.listed or sheet.measure(prediction.word, 52, HEAVY) <= room else 34
    sheet.write(prediction.word, left, sheet.px(70), size, colour, HEAVY)
    model = f"{prediction.title}, version {prediction.version}"
    sheet.write(sheet.shorten(model, 20, room), left, sheet.px(106), 20, TEXT)
    left, right = width // 2 + MARGIN, width - MARGIN - sheet.px(20)
    if prediction.listed:
        class_bars.draw(sheet, prediction, left, right, class_bars.Inks(TEXT, QUIET, LINE, VERDICT_COLOURS))
    else:
        _score_scale(sheet, prediction, left, right)
    return sheet.picture


def _score_scale(sheet: Sheet, prediction: Prediction, left: int, right: int) -> None:
    """Draw the scores from 0 to 1 with the inconclusive band, the threshold and this score."""

    def x(score: float) -> int:
        return left + round(score * (right - left))

    top, bottom = sheet.px(64), sheet.px(78)
    low, high = prediction.own.negative_below, prediction.own.positive_from
    for start, end, verdict in (
        (0.0, low, Verdict.NEGATIVE),
        (low, high, Verdict.INCONCLUSIVE),
        (high, 1.0, Verdict.POSITIVE),
    ):
        strength = 1.0 if verdict is prediction.verdict else 0.35
        sheet.picture[top:bottom, x(start) : x(end)] = np.multiply(VERDICT_COLOURS[verdict], strength)
    edge = x(prediction.threshold)
    sheet.picture[top - sheet.px(5) : bottom + sheet.px(5), edge - 1 : edge + 1] = TEXT
    here, half, tip = x(prediction.score), sheet.px(9), top - sheet.px(2)
    marker = np.array([(here, tip), (here - half, tip - 2 * half), (here + half, tip - 2 * half)])
    cv2.fillPoly(sheet.picture, [marker], TEXT, cv2.LINE_AA)
    text = prediction.score_text
    shift = sheet.measure(text, 24, BOLD) // 2
    sheet.write(text, min(max(here, left + shift), right - shift) - shift, sheet.px(38), 24, TEXT, BOLD)
    sheet.write(f"0 · {in_words(prediction.negative)}", left, sheet.px(106), 16, QUIET)
    sheet.write_until(f"{in_words(prediction.positive)} · 1", right, sheet.px(106), 16, QUIET)


def _reading(width: int, analysis: Analysis, prediction: Prediction) -> Picture:
    """Say what the verdict means and what casts doubt on it, in as many lines as it takes."""
    ruler = _sheet(width, 1)
    left = MARGIN + ruler.px(24)
    cautions = [(f"Caution: {CAUTIONS[caution]}", CAUTION) for caution in analysis.cautions]
    lines = [
        (line, colour)
        for text, colour in ((prediction.reading, TEXT), (prediction.arithmetic, QUIET), *cautions)
        for line in ruler.wrap(text, 20, width - left - MARGIN)
    ]
    sheet = _sheet(width, 28 + 30 * len(lines))
    for number, (line, colour) in enumerate(lines):
        sheet.write(line, left, sheet.px(28 + 30 * number), 20, colour)
    return sheet.picture


def _origin(width: int, file_name: str, when: datetime) -> Picture:
    """Write which file was analysed when, and what the copy is not."""
    if when.tzinfo is None:
        raise ValueError("Expected a time with a time zone. Received one without; use datetime.now(UTC).")
    sheet = _sheet(width, 96)
    sheet.picture[: sheet.px(2)] = LINE
    stamp = when.isoformat(" ", "minutes")
    date = f"{stamp[:16]} UTC{stamp[16:].removeprefix('+00:00')}"
    room = width - 3 * MARGIN - sheet.measure(date, 18)
    # The word in front keeps a right-to-left name on this line's left.
    sheet.write(sheet.shorten(f"File: {printable(file_name)}", 18, room), MARGIN, sheet.px(38), 18, TEXT)
    sheet.write_until(date, width - MARGIN, sheet.px(38), 18, TEXT)
    sheet.write(DISCLAIMER, MARGIN, sheet.px(72), 20, TEXT, BOLD)
    return sheet.picture
