"""The annotated copy is written in the language of the visitor who asked for it, and its lines fit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import product

import numpy as np
import pytest
from flask import Flask

from tests.xray.predictions import pair, point
from web.render import copy_words
from web.translation import LANGUAGES
from xray.analysis import Analysis
from xray.annotate.annotated_copy import NARROWEST, annotate
from xray.annotate.lettering import Sheet
from xray.annotate.words import Words, english
from xray.networks.preprocess import Box
from xray.quality.cautions import Caution

SCORES = (0.2, 0.5, 0.98)


def analysed(score: float, model: str) -> Analysis:
    lungs = np.zeros((64, 64), np.bool_)
    prediction = pair(score, point(0.45, 0.6, 0.52), model=model)
    return Analysis(lungs * np.uint8(0), lungs, Box(0, 64, 0, 64), (prediction,), (Caution.CHILD, Caution.TEXT))


def words_in(app: Flask, language: str, analysis: Analysis) -> Words:
    """Return the words as a thread beside the request forms them."""
    with app.test_request_context(headers={"Accept-Language": language}), ThreadPoolExecutor(1) as reader:
        return reader.submit(copy_words.wording(), analysis, analysis.predictions[0], "film.png").result()


def as_said(words: Words, *_: object) -> Words:
    return words


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()


def test_words_are_those_of_the_page_and_english_ones_those_of_the_command_line(app: Flask) -> None:
    analysis = analysed(0.2, "covid_normal")
    french = words_in(app, "fr", analysis)
    assert (french.headline, french.verdict, french.score) == ("Paraît normale", "NÉGATIF", "0,20")
    assert french.disclaimer == "Réservé à l’enseignement et à la recherche, pas au diagnostic."
    assert len(french.cautions) == 1, "burnt-in text speaks for itself"
    assert words_in(app, "zh", analysis).headline == "看起来正常"
    assert words_in(app, "en", analysis) == english(analysis, analysis.predictions[0], "film.png")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_finding_is_cut_on_the_narrowest_copy(app: Flask, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten, cut = Sheet.shorten, []

    def record(self: Sheet, text: str, *how: float) -> str:
        shortened = shorten(self, text, *how)
        cut.extend([text] if shortened != text else [])
        return shortened

    monkeypatch.setattr(Sheet, "shorten", record)
    for score, model in product(SCORES, ("covid_normal", "covid_pneumo")):
        analysis = analysed(score, model)
        words = words_in(app, language, analysis)
        said = {"file_name": "film.png", "when": datetime(2026, 11, 20, tzinfo=UTC)}
        copy = annotate(analysis, analysis.predictions[0], **said, wording=partial(as_said, words))
        assert copy.shape[1] == NARROWEST
    assert not cut
