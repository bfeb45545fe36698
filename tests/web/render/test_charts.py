"""Drawings: their numbers stand where they say, and they say in words what they show."""

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from flask import Flask
from markupsafe import Markup

from web.i18n import Figure, decimal, init_app, percent, shown
from web.render import charts
from web.render.charts import Words

WORDS = Words("roc", "A <title>", "What & why", "across", "up")


@pytest.fixture(autouse=True, params=["en"])
def language(request: pytest.FixtureRequest) -> Iterator[None]:
    app = Flask("charts")
    app.secret_key = "a key for tests only"
    init_app(app)
    with app.test_request_context(headers={"Accept-Language": request.param}):
        yield


def parse(drawing: Markup) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def of_class(drawing: Markup, name: str, class_: str) -> list[ElementTree.Element]:
    return [each for each in parse(drawing).iter(name) if class_ in each.get("class", "").split()]


def texts(drawing: Markup) -> list[str]:
    return [each.text or "" for each in parse(drawing).iter("text")]


def drawings() -> dict[str, Markup]:
    return {
        "roc": charts.roc(WORDS, [(0, 0), (0.1, 0.8), (1, 1)], [(0.2, 0.9, "here")]),
        "reliability": charts.reliability(WORDS, [(0.1, 0.2, 0.5), (0.9, 0.8, 0.5)]),
        "histogram": charts.histogram(WORDS, [1, 2, 3], [3, 0, 0], ("ill", "well"), (0.2, 0.3, 0.4)),
        "matrix": charts.matrix(WORDS, ["ill", "well"], [("yes", (9, 1)), ("no", (1, 99))]),
        "forest": charts.forest(WORDS, [("all", Figure(0.5, 0.4, 0.6), "own"), ("bare", Figure(0.7), "baseline")]),
        "balance": charts.balance(WORDS, [("one", 0.5), ("other", -0.25)]),
        "bars": charts.bars(WORDS, [0.0, 1.0, 0.5], [1]),
    }


@pytest.mark.parametrize("name", ["roc", "reliability", "histogram", "matrix", "forest", "balance", "bars"])
def test_a_drawing_says_what_it_is_and_brings_no_look_of_its_own(name: str) -> None:
    drawing = drawings()[name]
    root = parse(drawing)
    assert (root.get("role"), root.get("aria-labelledby"), root.get("aria-describedby")) == (
        "img", "roc-title", "roc-desc",
    )  # fmt: skip
    assert (root.find("title").text, root.find("desc").text) == ("A <title>", "What & why")
    for element in root.iter():
        # The policy forbids inline styles, and a colour would not follow light and dark.
        assert not {"style", "fill", "stroke"}.intersection(element.keys())


def test_a_point_of_the_curve_lies_where_its_shares_say() -> None:
    drawing = charts.roc(WORDS, [(0, 0), (0.5, 1), (1, 1)], [])
    [curve] = of_class(drawing, "path", "curve")
    corners = [tuple(map(float, each.split())) for each in curve.get("d")[1:].split("L")]
    assert corners[1] == (charts.LEFT + charts.SIDE / 2, charts.TOP)
    assert corners[0] == (charts.LEFT, charts.TOP + charts.SIDE)


def test_marks_differ_in_shape_and_have_names() -> None:
    drawing = charts.roc(WORDS, [(0, 0), (1, 1)], [(0.2, 0.9, "model"), (0.3, 0.8, "no lung")])
    assert {"model", "no lung"} <= set(texts(drawing))
    corners = [each.get("d").count("L") for each in of_class(drawing, "path", "sign")]
    assert len(corners) == 4  # each once in the plot and once in the legend
    shapes = {tuple(_moves(each.get("d"))) for each in of_class(drawing, "path", "sign")}
    assert len(shapes) == 2


def _moves(d: str) -> list[tuple[float, float]]:
    corners = [tuple(map(float, each.split())) for each in d[1:-1].split("L")]
    return [(round(x - corners[0][0], 1), round(y - corners[0][1], 1)) for x, y in corners]


def test_a_larger_share_of_films_is_a_larger_circle() -> None:
    small, large = of_class(charts.reliability(WORDS, [(0.1, 0.1, 0.1), (0.9, 0.9, 0.9)]), "circle", "bin")
    assert float(small.get("r")) < float(large.get("r"))


def test_classes_of_a_histogram_lie_on_either_side_and_each_fills_its_room() -> None:
    drawing = charts.histogram(WORDS, [1, 10], [500, 0], ("ill", "well"), (0.2, 0.3, 0.4))
    up, down = of_class(drawing, "rect", "positive"), of_class(drawing, "rect", "negative")
    assert max(float(each.get("height")) for each in up) == max(float(each.get("height")) for each in down) > 0
    assert float(up[1].get("y")) < float(down[0].get("y"))
    assert {"ill", "well"} <= set(texts(drawing))


def test_a_matrix_holds_counts_and_shares_of_its_columns() -> None:
    drawing = charts.matrix(WORDS, ["ill", "well"], [("yes", (9, 1)), ("no", (1, 99))])
    assert {"9", "90%", "1", "10%", "99", "1%"} <= set(texts(drawing))


def test_a_forest_writes_each_figure_and_draws_its_interval() -> None:
    rows = [
        ("all", Figure(0.5, 0.25, 1.0), "own"),
        ("a name that leaves no room for a figure", Figure(0.1), "baseline"),
    ]
    drawing = charts.forest(WORDS, rows, reference=0.5)
    assert {"0.500 [0.250–1.000]", "0.100"} <= set(texts(drawing))
    [interval] = of_class(drawing, "line", "interval")
    assert float(interval.get("x2")) - float(interval.get("x1")) == pytest.approx(0.75 * 306)
    names = [each for each in parse(drawing).iter("text") if each.text in ("0.100", rows[1][0])]
    assert names[0].get("y") != names[1].get("y")


def test_a_balance_turns_to_the_side_of_its_sign() -> None:
    drawing = charts.balance(WORDS, [("one", 0.5), ("other", -0.25)])
    [right], [left] = of_class(drawing, "rect", "positive"), of_class(drawing, "rect", "negative")
    assert float(right.get("x")) == 160 == float(left.get("x")) + float(left.get("width"))
    assert float(right.get("width")) == 2 * float(left.get("width"))
    assert {"+0.500", "−0.250"} <= set(texts(drawing))


@pytest.mark.parametrize("language", ["fr"], indirect=True)
def test_numbers_are_written_as_the_reader_writes_them() -> None:
    assert decimal(0.25) == "0,250"
    assert percent(0.125, 1).replace("\u202f", " ").replace("\xa0", " ") == "12,5 %"
    assert shown({"value": 0.5, "low": 0.4, "high": 0.6}) == "0,500 [0,400–0,600]"


def test_a_figure_that_is_undefined_is_a_dash() -> None:
    assert shown(None) == "–"
    assert shown(0.25) == "0.250"
