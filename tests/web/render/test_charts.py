"""Drawings: their numbers stand where they say, and they say in words what they show."""

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from flask import Flask
from markupsafe import Markup

from web.i18n import Figure, init_app
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


def test_a_matrix_holds_counts_and_shares_of_its_columns() -> None:
    drawing = charts.matrix(WORDS, ["ill", "well"], [("yes", (9, 1)), ("no", (1, 99))])
    assert {"9", "90%", "1", "10%", "99", "1%"} <= set(texts(drawing))
