"""The annotated copy is legible at every size and shows the radiograph unchanged."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from tests.xray.predictions import pair, point
from xray.analysis import Analysis
from xray.annotate.annotated_copy import (
    CAUTION,
    MARGIN,
    VERDICT_COLOURS,
    annotate,
    encode,
)
from xray.annotate.lettering import BACKGROUND
from xray.annotate.panels import (
    LUNGS,
    draw_outline,
    heat_layer,
    heat_panel,
    lung_outline,
    radiograph_panel,
)
from xray.io import jpeg
from xray.io.limits import DEFAULT_LIMITS
from xray.networks.heads import by_edges
from xray.networks.preprocess import Box
from xray.quality.cautions import Caution

Draw = Callable[..., np.ndarray]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def analysed(image: np.ndarray, score: float = 0.87, title: str = "COVID-19 or normal") -> Analysis:
    """Return an analysis with two square lungs and heat in the upper right of the box around them."""
    height, width = image.shape
    box = Box(height // 8, height * 7 // 8, width // 8, width * 7 // 8)
    lungs = np.zeros(image.shape, np.bool_)
    lungs[height // 4 : height * 3 // 4, width // 5 : width * 2 // 5] = True
    lungs[height // 4 : height * 3 // 4, width * 3 // 5 : width * 4 // 5] = True
    cam = np.zeros((12, 12), np.float32)
    cam[2, 9] = 1
    said = pair(score, point(0.45, 0.6, 0.52), title=title)
    prediction = dataclasses.replace(said, heat_in_lungs=0.5, cam=cam, box=box, shape=(height, width))
    return Analysis(image, lungs, box, (prediction,))


def copy_of(analysis: Analysis, file_name: str = "film.png", when: datetime = NOON) -> np.ndarray:
    return annotate(analysis, analysis.predictions[0], file_name=file_name, when=when)


SIZES = [(64, 64), (300, 2000), (2000, 300), (3000, 4000), (512, 480), (64, 900)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_panels_keep_the_aspect_ratio(radiograph: Draw, height: int, width: int) -> None:
    analysis = analysed(radiograph(height, width))
    left, right = radiograph_panel(analysis), heat_panel(analysis, analysis.predictions[0])
    assert left.shape == right.shape
    assert 384 <= max(left.shape) <= 768
    assert left.shape[1] / left.shape[0] == pytest.approx(width / height, rel=0.02)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_nothing_is_cut_off_at_the_edge(radiograph: Draw, height: int, width: int) -> None:
    analysis = analysed(radiograph(height, width), title="An unusually long title " * 9)
    analysis = dataclasses.replace(analysis, cautions=tuple(Caution))
    picture = copy_of(analysis, "Пациент 肺部 é " * 20 + ".png")
    rule = (picture == picture[:, :1]).all(axis=(1, 2))
    for margin in (picture[~rule, : MARGIN - 2], picture[~rule, -MARGIN + 2 :]):
        assert (margin == BACKGROUND).all()


def test_the_copy_shows_both_panels(radiograph: Draw) -> None:
    analysis = analysed(radiograph(700, 600))
    picture = copy_of(analysis)
    for panel, left in (
        (radiograph_panel(analysis), MARGIN),
        (heat_panel(analysis, analysis.predictions[0]), MARGIN + 600 + MARGIN),
    ):
        column = picture[:, left : left + 600]
        top = np.flatnonzero((column == panel[0]).all(axis=(1, 2)))[0]
        np.testing.assert_array_equal(column[top : top + 700], panel)


@pytest.mark.parametrize("score", [0.1, 0.5, 0.9])
def test_the_verdict_has_its_colour_and_only_its_own(radiograph: Draw, score: float) -> None:
    analysis = analysed(radiograph())
    below = copy_of(analysed(radiograph(), score))[radiograph_panel(analysis).shape[0] + 100 :]
    shown = {kind for kind, colour in VERDICT_COLOURS.items() if (below == colour).all(axis=2).any()}
    assert shown == {by_edges(score, 0.45, 0.6)}


def test_the_outline_follows_each_lung() -> None:
    image = np.full((400, 400), 90, np.uint8)
    lungs = np.zeros(image.shape, np.bool_)
    lungs[100:300, 50:150] = lungs[100:300, 250:350] = True
    drawn = np.flatnonzero((draw_outline(image, lung_outline(lungs))[200] != 90).any(axis=1))
    edges = np.array([50, 150, 250, 350])
    distance = abs(drawn[:, None] - edges)
    assert distance.min(axis=1).max() <= 3 and distance.min(axis=0).max() <= 1
    assert (draw_outline(image, lung_outline(np.zeros_like(lungs))) == 90).all()


def in_colour_of_cautions(picture: np.ndarray) -> np.ndarray:
    """Return for each pixel whether it has about that colour: strokes are thin and soft."""
    return np.abs(picture.astype(int) - CAUTION).max(axis=2) < 30


@pytest.mark.parametrize(("height", "width"), [(512, 480), (2000, 300)])
def test_each_caution_has_its_lines_under_the_reading(radiograph: Draw, height: int, width: int) -> None:
    analysis = analysed(radiograph(height, width))
    plain = copy_of(analysis)
    above = radiograph_panel(analysis).shape[0]
    assert not in_colour_of_cautions(plain[above:]).any()
    added, written = [0], [caution for caution in Caution if caution is not Caution.TEXT]
    for count in range(1, len(written) + 1):
        picture = copy_of(dataclasses.replace(analysis, cautions=(Caution.TEXT, *written[:count])))
        added.append(picture.shape[0] - plain.shape[0])
        assert added[-1] >= added[-2] + 25, "a line of its own"
        assert in_colour_of_cautions(picture[above:]).sum() > 100 * count, "in its own colour"
        # Nothing else moved: neither the panels nor the file name.
        np.testing.assert_array_equal(picture[-60:], plain[-60:])
        np.testing.assert_array_equal(picture[90:above], plain[90:above])


def test_the_heat_of_a_page_lies_where_the_copy_has_it(radiograph: Draw) -> None:
    analysis = analysed(radiograph(800, 600))
    layer = cv2.imdecode(np.frombuffer(heat_layer(analysis.predictions[0]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert layer.shape == (256, 192, 4)
    opaque = cv2.resize(layer[..., 3], (600, 800), interpolation=cv2.INTER_LINEAR)
    heat = analysis.predictions[0].heat
    assert np.corrcoef(opaque.ravel(), heat.ravel())[0, 1] > 0.95
    assert opaque[heat == 0].max() < 20


def test_a_copy_is_a_jpeg_whose_coloured_lines_stay_sharp() -> None:
    copy = np.full((200, 880, 3), 40, np.uint8)
    copy[:, 400] = LUNGS
    data = encode(copy)
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert jpeg.check(data, DEFAULT_LIMITS).height == 200
    assert np.abs(found[:, 400].astype(int) - LUNGS).mean() < 12
