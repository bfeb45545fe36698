"""How it works: the steps are those of the analysis, with the numbers of this very film."""

import re
from html import unescape
from math import exp

import cv2
import numpy as np
import pytest

from web.render.averages import AVERAGES
from web.render.drawings import SLIDES, slide
from web.render.lesson import PATCH, Lesson
from xray.analysis import Analyzer
from xray.registry import Registry


@pytest.fixture(scope="module")
def served():
    """The real networks."""
    return Registry.load()


@pytest.fixture(scope="module", params=["covid_normal", "covid_pneumo"])
def lesson(served, request):
    """The average normal film, followed with the real networks."""
    return Lesson(AVERAGES["normal"].read(), served, served.heads[request.param])


@pytest.fixture
def own(client, send):
    """The address part of the visitor's own analysis."""
    page = send(client).text
    return re.search(r"/analyses/([A-Za-z0-9_-]{22})/film.jpg", page)[1]


def text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_a_lesson_ends_where_the_analysis_does(lesson):
    analysis = Analyzer(lesson.registry).analyse(lesson.data, [lesson.head.facts.name])
    [said] = analysis.predictions
    assert (lesson.prediction.score, lesson.prediction.verdict) == (said.score, said.verdict)
    assert lesson.box == analysis.box
    np.testing.assert_array_equal(lesson.mask, analysis.lungs)
    np.testing.assert_array_equal(lesson.prediction.cam, said.cam)


@pytest.mark.parametrize("model", ["covid_normal", "covid_pneumo", "three_classes", "findings"])
def test_the_shares_add_up_to_the_score_of_any_head(served, model):
    lesson = Lesson(AVERAGES["covid"].read(), served, served.heads[model])
    shown = sum(share.product for share in lesson.strongest)
    assert shown + lesson.others + lesson.bias == pytest.approx(lesson.logit, abs=1e-5)
    temperature = lesson.head.facts.temperature
    assert 1 / (1 + exp(-lesson.logit / temperature)) == pytest.approx(lesson.prediction.score, abs=1e-4)


def test_the_shown_numbers_are_those_of_the_input(lesson):
    row, column = lesson.corner
    assert len(lesson.greys) == len(lesson.greys[0]) == PATCH
    assert lesson.greys[1][2] == lesson.crop[row + 1, column + 2]
    mean, deviation = lesson.crop.mean(), lesson.crop.std()
    assert lesson.inputs[1][2] == pytest.approx((lesson.greys[1][2] - mean) / deviation, abs=1e-3)


def test_the_strongest_maps_stand_side_by_side(lesson):
    strip = cv2.imdecode(np.frombuffer(slide(lesson, "features"), np.uint8), cv2.IMREAD_COLOR)
    rows, columns, _ = lesson.features.shape
    assert strip.shape[1] // strip.shape[0] * rows == len(lesson.strongest) * columns
    # Where the map is strongest its picture is brightest.
    share = lesson.strongest[0]
    at = np.unravel_index(lesson.features[:, :, share.channel].argmax(), (rows, columns))
    cell = strip.shape[0] // rows
    lightness = strip[cell // 2 :: cell, cell // 2 : columns * cell : cell].sum(axis=2, dtype=int)
    assert lightness[at] == lightness.max()


@pytest.mark.parametrize("film", AVERAGES)
@pytest.mark.parametrize("name", SLIDES)
def test_every_step_of_every_example_is_a_picture(client, film, name):
    answer = client.get(f"/how/{name}.png?film={film}")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED).size
    assert answer.headers["Cache-Control"] == "private, max-age=600"


def test_the_page_shows_the_numbers_of_its_film(make_client, served, lesson):
    model = lesson.head.facts.name
    page = make_client(served).get(f"/how?film=normal&model={model}").text
    words, box, said = text(page), lesson.box, lesson.prediction
    assert f"= {said.score:.4f}" in words
    assert f"{said.score:.4f} gives {said.verdict}" in words
    assert f"from column {box.left} to {box.right} and from row {box.top} to {box.bottom}" in words
    assert f"{lesson.mask.mean():.1%} of the picture is" in words
    assert f"{round(100 * said.heat_in_lungs)}% of the heat lies inside the lungs" in words
    assert f"{lesson.pooled.max():.2f}" in words
    for share in lesson.strongest:
        product = f"{share.product:.4f}".replace("-", "−")
        assert re.search(rf"{share.channel} {share.mean:.4f} [−\d.]+ {re.escape(product)}", words)
    for name in set(SLIDES):
        assert f"/how/{name}.png?film=normal&amp;model={model}" in page


def test_the_form_offers_the_examples_and_the_visitors_own(client, own):
    page = client.get("/how").text
    for name in (*AVERAGES, own):
        assert f'name="film" value="{name}"' in page
    assert re.search(r'value="normal" checked', page)
    assert re.search(rf'value="{own}" checked', client.get(f"/how?film={own}").text)


def test_ones_own_film_is_followed_and_compared_with_what_was_said(client, own):
    page = unescape(client.get(f"/analyses/{own}").text)
    (link,) = re.findall(r'href="(/how\?analysis=[^"]+)"', page)
    assert link == f"/how?analysis={own}&model=covid_normal"
    for address in (link, f"/how?film={own}&model=covid_pneumo"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "read anew from the reduced copy" in text(answer.text)
    assert "The file that you sent got 0.1200, NEGATIVE." in text(answer.text)
    picture = client.get(f"/how/heat.png?film={own}")
    assert (picture.status_code, picture.headers["Cache-Control"]) == (200, "no-store")


def test_nobody_follows_anothers_film_or_one_that_is_gone(client, own):
    stranger = client.application.test_client()
    for address in (f"/how?analysis={own}", f"/how?film={own}", f"/how/film.png?film={own}"):
        assert stranger.get(address).status_code == 404
    assert own not in stranger.get("/how").text
    client.post(f"/analyses/{own}/delete")
    assert client.get(f"/how?film={own}").status_code == 404


@pytest.mark.parametrize(
    "address", ["/how?film=nothing", "/how?model=nothing", "/how/nothing.png", "/how/film.png?film=x"]
)
def test_what_is_not_there_is_not_found(client, address):
    assert client.get(address).status_code == 404


def test_a_film_that_is_refused_shows_how_far_it_came(make_client, make_registry):
    client = make_client(make_registry(segmenter=lambda x: np.zeros((1, 128, 128, 1), np.float32)))
    answer = client.get("/how")
    assert answer.status_code == 200
    assert "This does not look like a frontal chest radiograph" in text(answer.text)
    assert "/how/film.png" in answer.text
    assert "/how/lungs.png" not in answer.text
    assert client.get("/how/film.png").status_code == 200
    assert client.get("/how/lungs.png").status_code == 404
