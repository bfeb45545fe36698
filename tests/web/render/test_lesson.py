"""How it works: the steps are those of the analysis, with the numbers of this very film."""

import re
from html import unescape
from io import BytesIO
from math import exp

import cv2
import numpy as np
import pytest

from tests.web.pages import text
from web.examples import EXAMPLES
from web.render.averages import AVERAGES
from web.render.drawings import SLIDES
from web.render.lesson import FIELDS, Area, Lesson
from web.render.models.thresholds import thresholds
from xray import head_figures
from xray.analysis import Analyzer
from xray.networks import metadata
from xray.registry import MODEL_DIR, Registry


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


@pytest.mark.parametrize("name", SLIDES)
def test_every_step_of_an_example_is_a_picture(client, name):
    answer = client.get(f"/how/{name}.png?film=average_covid")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED).size
    assert answer.headers["Cache-Control"] == "private, max-age=600"


def test_the_page_shows_the_numbers_of_its_film(make_client, served, lesson):
    model = lesson.head.facts.name
    page = make_client(served).get(f"/how?film=average_normal&model={model}").text
    words, box, said = text(page), lesson.box, lesson.prediction
    assert f"= {said.score:.4f}" in words
    assert f"{said.score:.4f} gives {said.verdict}" in words
    assert f"from column {box.left} to {box.right} and from row {box.top} to {box.bottom}" in words
    assert f"{lesson.mask.mean():.1%} of the image is lung" in words
    assert f"{round(100 * said.heat_in_lungs)}% of the heat lies inside the lungs" in words
    assert f"{lesson.pooled.max():.2f}" in words
    for share in lesson.strongest:
        product = f"{share.product:.4f}".replace("-", "−")
        assert re.search(rf"{share.channel} {share.mean:.4f} [−\d.]+ {re.escape(product)}", words)
    for name in set(SLIDES):
        assert f"/how/{name}.png?film=average_normal&amp;model={model}" in page


def test_an_upload_is_analysed_as_on_the_first_page_and_leads_to_its_steps(client, film):
    answer = client.post("/how", data={"model": "covid_pneumo", "file": (BytesIO(film), "x.png")})
    assert re.fullmatch(r"/how\?film=[\w-]{22}&model=covid_pneumo", answer.headers["Location"])
    assert client.get(answer.headers["Location"]).status_code == 200
    refused = client.post("/how", data={"model": "covid_pneumo", "file": (BytesIO(b"x"), "x.png")})
    assert refused.status_code == 400 and "Not analysed" in refused.text


def test_covering_both_lungs_of_an_ill_radiograph_takes_its_score_and_leaves_the_box(served):
    lesson = Lesson(EXAMPLES["covid_1"].path.read_bytes(), served, served.heads["covid_normal"])
    every = range(FIELDS**2)
    inside = [i for i in every if lesson.mask[tuple(_middle(i, side, n) for n, side in enumerate(lesson.mask.shape))]]
    covered = lesson.covered([Area.of_field(field) for field in inside])
    assert covered.score < lesson.prediction.score - 0.2
    assert covered.box == lesson.prediction.box
    assert lesson.covered([]) is None


def _middle(field, side, axis):
    return int((divmod(field, FIELDS)[axis] + 0.5) * side / FIELDS)


def test_what_is_covered_is_read_and_not_kept(client, copies):
    answer = client.post(
        "/how/cover", data={
            "film": "covid_1", "model": "covid_normal", "cell": ["3", "4", "-1", "100", "x"],
            "area": ["0.1,0.2,0.5,0.75", "0.5,0.2,0.1,0.75", "0,0,2,1", "nan,0,1,1", "0,0,1", "x"],
        },
    )  # fmt: skip
    assert answer.status_code == 200 and "3 parts covered" in text(answer.text)
    assert "0 parts covered" not in text(client.post("/how/cover", data={"film": "covid_1"}).text)
    assert not copies.exists() and "covid_1" not in client.get("/analyses/").text


def test_covering_asks_for_the_pages_token_and_counts_as_a_radiograph(make_client):
    forged = make_client(WTF_CSRF_ENABLED=True).post("/how/cover", data={"film": "covid_1"})
    assert forged.status_code == 400
    strict = make_client(RATE_LIMIT=1, BATCH_COUNT=1)
    sent = [strict.post("/how/cover", data={"film": "covid_1"}).status_code for _ in range(3)]
    assert sent == [200, 200, 429]


def test_each_threshold_finds_and_clears_what_the_scores_say(client):
    facts = metadata.load(MODEL_DIR / "covid_normal" / "metadata.json")
    up, down = (head_figures.curves(facts)["score_histograms"]["val"][side] for side in ("positive", "negative"))
    tried = thresholds(facts)
    assert tried.steps[0] == (0, 1, 0) and tried.steps[-1] == (1, 0, 1)
    edges = [step for index, step in enumerate(tried.steps) if index != tried.served]
    for number, (at, sensitivity, specificity) in enumerate(edges):
        assert at == pytest.approx(number / len(up))
        assert sensitivity == pytest.approx(sum(up[number:]) / sum(up))
        assert specificity == pytest.approx(sum(down[:number]) / sum(down))
    # The slider starts at the threshold itself, between those of its bar.
    before, (at, *shares), after = tried.steps[tried.served - 1 : tried.served + 2]
    assert at == facts.point.threshold
    assert before[1] >= shares[0] >= after[1] and before[2] <= shares[1] <= after[2]


def test_ones_own_film_is_followed_and_compared_with_what_was_said(client, own):
    page = unescape(client.get(f"/analyses/{own}").text)
    (link,) = re.findall(r'href="(/how\?analysis=[^"]+)"', page)
    assert link == f"/how?analysis={own}&model=covid_normal"
    for address in (link, f"/how?film={own}&model=covid_pneumo"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "read again from the smaller copy" in text(answer.text)
    assert "Your file got 0.1200, NEGATIVE." in text(answer.text)
    picture = client.get(f"/how/heat.png?film={own}")
    assert (picture.status_code, picture.headers["Cache-Control"]) == (200, "no-store")


def test_nobody_follows_anothers_film_or_one_that_is_gone(client, own):
    stranger = client.application.test_client()
    for address in (f"/how?analysis={own}", f"/how?film={own}", f"/how/film.png?film={own}"):
        assert stranger.get(address).status_code == 404
    assert own not in stranger.get("/how").text
    client.post(f"/analyses/{own}/delete")
    assert client.get(f"/how?film={own}").status_code == 404
