"""The result page: words, figures of held-out films, what can be taken away, and films of more than 8 bits."""

import re
from dataclasses import replace
from html import unescape

import cv2
import numpy as np
import pytest
from msgspec import structs

from tests.web.results import make_result
from web.views.result import HeldOut, Share, held_out, page
from xray.networks.heads import Head

CURVES = {
    "score_histograms": {
        "val": {"positive": [0] * 15 + [10] * 4 + [60], "negative": [900] + [0] * 18 + [100]},
        "test": {"positive": [1] * 10 + [0] * 9 + [30], "negative": [50] * 19 + [50]},
    },
    "verdicts": {
        "POSITIVE": {"positive": 30, "negative": 100},
        "INCONCLUSIVE": {"positive": 6, "negative": 400},
        "NEGATIVE": {"positive": 4, "negative": 500},
    },
}
METRICS = {"curves": {"covid": CURVES}}


@pytest.fixture
def facts(make_registry):
    return structs.replace(make_registry().heads["covid_normal"].facts, metrics=METRICS)


@pytest.fixture
def measured(make_client, make_registry):
    """A visitor of an application whose models state how they did on held-out films."""
    registry = make_registry()
    for name, head in registry.heads.items():
        registry.heads[name] = Head(structs.replace(head.facts, metrics=METRICS), head.kernel, head.bias)
    return make_client(registry)


@pytest.fixture
def write(make_app):
    """Write the page of an analysis that was never filed."""
    app = make_app()

    def write_page(record) -> str:
        with app.test_request_context():
            return words(page(record))

    return write_page


def words(text: str) -> str:
    return " ".join(unescape(text).split())


def test_held_out_figures_are_those_of_the_verdict_and_of_the_score(facts):
    found = held_out(make_result(), facts)
    assert found.verdict == (Share(30, 40), Share(100, 1000))
    assert found.near == (Share(30, 40), Share(50, 1000)) and found.step == (0.95, 1.0)
    assert held_out(make_result(score=0.0), facts).near == (Share(1, 40), Share(50, 1000))
    assert held_out(make_result(score=1.0), facts).step == (0.95, 1.0)
    assert found.scores.films == (100, 1000)
    # 60 of 100 and 900 of 1000: the taller is 1, the other two thirds of it.
    assert (found.scores.negative[0], found.scores.positive[-1]) == pytest.approx((1, 2 / 3))
    assert len(found.scores.positive) == len(found.scores.negative) == 20


@pytest.mark.parametrize(
    "curves",
    [
        {},
        {"verdicts": {}, "score_histograms": {}},
        {"verdicts": {"NEGATIVE": {"positive": 1, "negative": 2}}},
        {"score_histograms": {"val": {"positive": [0, 0], "negative": [1, 2]}}},
        {"score_histograms": {"test": {"positive": [3], "negative": [1, 2]}}},
    ],
    ids=["older artefact", "empty", "verdict never given", "a class without films", "different steps"],
)
def test_what_an_artefact_does_not_say_is_left_out(facts, curves):
    result = make_result()
    assert held_out(result, structs.replace(facts, metrics={"curves": {"covid": curves}})) == HeldOut()
    assert held_out(result, structs.replace(facts, metrics={})) == HeldOut()


def test_figures_of_another_version_or_of_a_lost_model_are_not_shown(facts):
    result = make_result()
    assert held_out(replace(result, version="9.0.0"), facts) == held_out(result, None) == HeldOut()


def test_the_page_says_how_often_such_a_score_was_right(measured, send):
    text = words(send(measured, model="covid_normal").text)
    for part in (
        "Of 40 films of COVID-19 in the test part 75% got this verdict; of 1,000 normal films 10% did.",
        "A score from 0.95 to 1.00, as this one, got 30 of 40 films of COVID-19 and 50 of 1,000 normal films.",
        "above the scale 100 films of COVID-19, below it 1,000 normal films",
        "they do not tell how likely the disease is in this patient",
    ):
        assert part in text
    bars = re.findall(r'<rect class="(positive|negative)" x="([\d.]+)%"', text)
    assert [kind for kind, _ in bars].count("positive") == 5 and bars[-1] == ("negative", "95.5")
    assert "needle" in text


def test_a_model_without_such_figures_gets_the_scale_alone(client, send):
    text = send(client, model="covid_normal").text
    assert "How often" not in text and 'class="fell"' not in text and "threshold 0.50" in text


def test_numbers_are_written_in_the_readers_language(measured, send):
    measured.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    text = send(measured, model="covid_normal").text
    assert ">0,97</text>" in text and "75\xa0%" in text
    assert not re.search(r'(x|y|width|height|x1)="[\d.]*,', text), "a comma in a drawing moves it"


def test_heat_beside_the_lungs_is_a_caution_before_the_verdict(make_record, write):
    record = make_record()
    beside = replace(record.results[0], heat_in_lungs=0.2, even_heat=0.45)
    text = write(replace(record, results=(beside, record.results[1])))
    assert "20% of the heat lies inside the lungs; spread evenly it would be 45%." in text
    caution = "Model 1: Covid / Normal did not look at the lungs more than elsewhere: they hold 20% of its heat"
    assert text.count(caution) == 1 and text.index(caution) < text.index('class="word"')


def test_a_model_without_heat_says_so(make_record, write):
    record = make_record()
    text = write(replace(record, results=(replace(record.results[0], heat_in_lungs=None),), combined=None))
    assert "heat lies inside" not in text and "heat-covid_normal" not in text


def test_pictures_that_are_gone_leave_the_verdicts(make_record, write):
    text = write(make_record())
    assert "not kept any more" in text and "<img class" not in text and "template" not in text
    assert "POSITIVE" in text and "0.97" in text


def test_a_model_that_is_served_no_more_is_still_named(make_record, write):
    record = make_record()
    labels = tuple(replace(each, label="flu" if each.label == "covid" else each.label) for each in make_result().labels)
    flu = make_result("covid_flu", positive="flu", labels=labels)
    text = write(replace(record, results=(flu,), combined=None))
    assert "covid_flu" in text and "Resembles the flu radiographs" in text and 'href="/models/covid_flu"' not in text


def test_everything_can_be_taken_along_kept_and_deleted(client, send):
    text = send(client).text
    address = re.search(r'data-address="(/analyses/[\w-]{22})"', text)[1]
    assert f'<a href="{address}">Keep this address</a>' in text
    for link in (f"{address}.json", f"{address}.pdf", "/models/covid_normal", "/models/covid_pneumo"):
        assert f'href="{link}"' in text
    again = client.get(address)
    assert again.status_code == 200 and "data-address" not in again.text
    assert f'action="{address}/delete" method="post"' in again.text and 'name="csrf_token"' in again.text
    assert client.post(f"{address}/delete").status_code == 303
    assert client.get(address).status_code == 404


@pytest.fixture
def deep_film(film) -> np.ndarray:
    """The film with 12 bits in a 16-bit file, rows of single levels in its corner."""
    levels = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 16
    levels[0, :100] = np.arange(1000, 1100)
    return levels


@pytest.mark.parametrize("negative", [False, True], ids=["film", "negative"])
def test_all_levels_of_a_deep_film_are_kept_as_it_is_shown(client, send, film_of, deep_film, negative):
    sent = 4095 - deep_film if negative else deep_film
    text = send(client, cv2.imencode(".png", sent)[1].tobytes(), model="covid_normal").text
    address, low, high = (
        re.search(pattern, text)[1]
        for pattern in (r'data-deep="([^"]+)"', r'data-low="([\d.-]+)"', r'data-high="([\d.-]+)"')
    )
    with client.get(address) as answer:
        nothing, low_byte, high_byte = np.moveaxis(cv2.imdecode(np.frombuffer(answer.data, np.uint8), 1), 2, 0)
    levels = 256 * high_byte.astype(int) + low_byte
    assert not nothing.any() and len(np.unique(levels)) > 300
    shown = np.clip((levels - float(low)) / (float(high) - float(low)), 0, 1) * 255
    film = film_of(client, text)
    assert film.shape == shown.shape and np.abs(film.astype(int) - shown).mean() < 2
    assert "more levels of grey" in text
