"""The images and charts of a lesson: what the code holds at each step, made visible."""

from collections.abc import Callable

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from web.render import charts
from web.render.charts import Words
from web.render.lesson import Lesson
from web.translation import gettext as _
from xray.analysis import Analysis
from xray.annotate.lettering import Picture
from xray.annotate.panels import HEAT_COLOURS, heat_panel, radiograph_panel, viewer_image
from xray.io.png import encode_png

# Pixels of a cell: feature maps are enlarged without smoothing, so that their coarseness shows.
CELL = 16


def slide(lesson: Lesson, name: str) -> bytes | None:
    """Return the image of a step as PNG; None for an unknown step.

    Args:
        lesson: the radiograph.
        name: a key of SLIDES.

    Raises:
        ImageError: the radiograph is refused before that step.
    """
    draw = SLIDES.get(name)
    return encode_png(draw(lesson)) if draw else None


def _small(lesson: Lesson) -> Picture:
    return _enlarged(_grey(lesson.small), 3)


def _probability(lesson: Lesson) -> Picture:
    return _enlarged(np.asarray(np.rint(255 * lesson.probability), np.uint8), 3)


def _negative(lesson: Lesson) -> Picture:
    return viewer_image(np.asarray(255 - lesson.film.image, np.uint8))


def _cut(lesson: Lesson) -> Picture:
    top, bottom, left, right = lesson.box
    return viewer_image(lesson.film.image[top:bottom, left:right])


def _input(lesson: Lesson) -> Picture:
    return _enlarged(_two_sided(lesson.scaled[:, :, 0]), 3)


def _features(lesson: Lesson) -> Picture:
    """Return the maps of the strongest features side by side, each to its own scale."""
    maps = [lesson.features[:, :, share.channel] for share in lesson.strongest]
    return np.hstack([_warm(each / max(float(each.max()), 1e-6)) for each in maps])


def _sum(lesson: Lesson) -> Picture:
    return _warm(lesson.prediction.cam)


def _analysis(lesson: Lesson) -> Analysis:
    return Analysis(lesson.film.image, lesson.mask, lesson.box, ())


SLIDES: dict[str, Callable[[Lesson], Picture]] = {
    "film": lambda lesson: viewer_image(lesson.image),
    "small": _small,
    "probability": _probability,
    "lungs": lambda lesson: radiograph_panel(_analysis(lesson)),
    "negative": _negative,
    "cut": _cut,
    "crop": lambda lesson: _enlarged(lesson.crop, 3),
    "input": _input,
    "features": _features,
    "sum": _sum,
    "heat": lambda lesson: heat_panel(_analysis(lesson), lesson.prediction),
}


def _enlarged(picture: Picture, factor: int) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8)


def _grey(numbers: NDArray[np.float32]) -> Picture:
    least, most = float(numbers.min()), float(numbers.max())
    return np.asarray(np.rint(255 * (numbers - least) / max(most - least, 1e-6)), np.uint8)


def _warm(cells: NDArray[np.float32]) -> Picture:
    """Return values from 0 to 1 in the colours of the heat map."""
    return _enlarged(HEAT_COLOURS[np.rint(255 * cells).astype(np.uint8), 0], CELL)


def _two_sided(numbers: NDArray[np.float32]) -> Picture:
    """Return values above 0 in orange and below 0 in blue, brighter with their distance from 0."""
    strength = np.clip(np.abs(numbers) / 2.5, 0, 1)[..., None]
    orange, blue = np.array((40, 159, 240)), np.array((233, 180, 86))
    return np.asarray(np.rint(strength * np.where(numbers[..., None] > 0, orange, blue)), np.uint8)


def pooled(lesson: Lesson) -> Markup:
    """Return the chart of the pooled features; those with the largest contributions stand out."""
    title = _("The features as bars")
    desc = _(
        "%(count)s bars, one for each feature. The higher, the stronger. The broad ones speak most for or against "
        "the answer.",
        count=len(lesson.pooled),
    )
    marked = [share.channel for share in lesson.strongest]
    return charts.bars(Words("pooled", title, desc), [float(value) for value in lesson.pooled], marked)


def sum_of(lesson: Lesson) -> Markup:
    """Return the chart of what the features contribute to the logit."""
    title = _("What adds up to the logit")
    rows = [(_("feature %(number)s", number=share.channel), share.product) for share in lesson.strongest]
    rows.append((_("all other features"), lesson.others))
    rows.append((_("the bias of the model"), lesson.bias))
    desc = "; ".join(f"{name}: {charts.signed(value)}" for name, value in rows)
    return charts.balance(Words("sum", title, desc), rows)
