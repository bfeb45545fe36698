"""The result page: words, figures of held-out films, what can be taken away, and films of more than 8 bits."""

import re
from dataclasses import replace
from html import unescape

import cv2
import numpy as np
import pytest
from msgspec import structs

from tests.web.results import make_own_result, make_result
from web.views.result import page
from xray.networks.heads import Head

CURVES = {"score_histograms": {"val": {"positive": [0] * 15 + [10] * 4 + [60], "negative": [900] + [0] * 18 + [100]}}}
CALLED = [
    {"part": "test", "label": label, "called": {"covid": positive, "undecided": undecided, "normal": negative}}
    for label, positive, undecided, negative in (("covid", 30, 6, 4), ("normal", 100, 400, 500))
]
# Of models 1 and 2 together, as the audit counts it.
ANSWERS = [
    {"shown": shown, "source": "here", "got": {"combined": got}}
    for shown, got in (
        ("covid-19", {"covid-19": 150, "normal": 39, "other-pneumonia": 1, "undecided": 10}),
        ("other-pneumonia", {"other-pneumonia": 300}),
    )
]
METRICS = {"curves": {"covid": CURVES}, "called": CALLED, "audit": {"answers": ANSWERS}}


@pytest.fixture
def facts(make_registry):
    return structs.replace(make_registry().heads["covid_normal"].facts, metrics=METRICS)


@pytest.fixture
def measured(make_registry):
    """Models that state how they did on held-out films."""
    registry = make_registry()
    for name, head in registry.heads.items():
        registry.heads[name] = Head(structs.replace(head.facts, metrics=METRICS), head.kernel, head.bias)
    return registry


@pytest.fixture
def write(make_app):
    """Write the page of an analysis that was never filed."""

    def write_page(record, registry=None) -> str:
        with make_app(registry).test_request_context():
            return words(page(record))

    return write_page


def words(text: str) -> str:
    return " ".join(unescape(text).split())


def test_the_page_says_how_often_such_an_answer_was_right(make_client, measured, send):
    text = words(send(make_client(measured), model="covid_normal").text)
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td><strong>(.*?)</strong></td> <td>(.*?)</td> <td>(.*?)<', text)
    assert rows == [("COVID-19", "75", "15", "40"), ("normal", "10", "40", "1,000")]
    assert "does not tell how likely the disease is in this patient" in text
    assert "above the scale 100 radiographs of COVID-19, below it 1,000 normal radiographs" in text
    bars = re.findall(r'<rect class="(positive|negative)" x="([\d.]+)%"', text)
    assert [kind for kind, _ in bars].count("positive") == 5 and bars[-1] == ("negative", "95.5")


def test_both_together_have_figures_of_their_own(make_client, measured, send):
    text = words(send(make_client(measured), model="both").text)
    section = text[text.index('id="combined"') : text.index('id="covid_normal"')]
    assert re.findall(r'<th scope="row">(.*?)</th><td><strong>(.*?)</strong></td> <td>(.*?)</td>', section) == [
        ("COVID-19", "<1", "5"), ("other pneumonia", "100", "0")
    ]  # fmt: skip


def test_without_operating_points_no_edge_is_shown_and_own_labels_stay_as_they_are(make_record, make_app):
    record = make_record(results=(make_own_result(),))
    with make_app().test_request_context(headers={"Accept-Language": "fr"}):
        french = words(page(record))
    with make_app().test_request_context():
        text = words(page(record))
    assert "No verdict" in text and "The score is <strong>0.97</strong> for pneumonia." in text
    for edge in ("positive from", "negative below", "From 1.00 up", 'inconclusive" x="0.0%', "INCONCLUSIVE"):
        assert edge not in text, edge
    assert "<strong>pneumonia</strong>" in french and "pneumonie" not in french and "<strong>normal</strong>" in french


def test_numbers_are_written_in_the_readers_language(make_client, measured, send):
    client = make_client(measured)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "fr"
    text = send(client, model="covid_normal").text
    assert ">0,97</text>" in text and "75</strong>" in text
    assert not re.search(r'(x|y|width|height|x1)="[\d.]*,', text), "a comma in a drawing moves it"


def test_heat_beside_the_lungs_is_a_caution_before_the_scores(make_record, write):
    record = make_record()
    beside = replace(record.results[0], heat_in_lungs=0.2, even_heat=0.45)
    text = write(replace(record, results=(beside, record.results[1])))
    assert "20% of the heat lies inside the lungs; spread evenly it would be 45%." in text
    caution = "Model 1 looked outside the lungs: only 20% of its heat lies inside them, less than by chance."
    assert text.count(caution) == 1 and text.index(caution) < text.index('class="scale"')


def test_everything_can_be_taken_along_kept_and_deleted(client, send):
    text = send(client).text
    address = re.search(r'data-address="(/analyses/[\w-]{22})"', text)[1]
    assert f'<a href="{address}">Bookmark this page</a>' in text
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


def test_figures_of_another_version_are_not_shown(measured, make_record, write):
    record = make_record()
    older = tuple(replace(result, version="1.2.2") for result in record.results)
    assert "How often" in write(record, measured)
    assert "How often" not in write(replace(record, results=older), measured)


def test_a_model_that_is_served_no_more_is_still_named(make_record, write):
    record = make_record()
    labels = tuple(replace(each, label="flu" if each.label == "covid" else each.label) for each in make_result().labels)
    flu = make_result("covid_flu", positive="flu", labels=labels)
    text = write(replace(record, results=(flu,)))
    assert "covid_flu" in text and "Looks like: flu" in text and 'href="/models/covid_flu"' not in text
