"""The page of a result: its verdicts, its pictures and annotated copies, and films that were turned."""

import re
from html import unescape
from io import BytesIO

import cv2
import numpy as np
import pytest
from werkzeug.datastructures import FileStorage

from tests.web.sending import posted
from web.settings import ROOT

DISCLAIMER = "For education and research only, not for diagnosis"
COPY_LINK = re.compile(r'href="(?P<address>/analyses/[^"]+/annotated-\w+\.jpg)" download="(?P<name>[^"]+)"')


@pytest.mark.parametrize(
    ("score", "finding", "verdict"),
    [(0.97, "Abnormal", "POSITIVE"), (0.03, "Looks normal", "NEGATIVE"), (0.5, "Undecided", "INCONCLUSIVE")],
)
def test_a_result_says_the_finding_in_words_and_explains_its_score(
    make_client, make_registry, send, score, finding, verdict
):
    answer = send(make_client(make_registry(covid_normal=score)), model="covid_normal")
    page = " ".join(unescape(answer.text).split())
    assert answer.status_code == 200
    for part in (
        f'id="finding">{finding}</p> <p class="badge">{verdict}</p>',
        f"<strong>{score:.2f}</strong> for abnormal",
        "negative below 0.40",
        "positive from 0.60",
        "From 0.60 up this model says positive, below 0.40 negative",
        "between the two it does not decide",
        "A score is not a probability",
        "version 1.2.3",
        "film.png",
        DISCLAIMER,
    ):
        assert part in page
    assert page.count('class="word"') == 1


def test_a_result_shows_original_heat_and_outline(client, send, film, film_of):
    page = send(client, model="covid_normal").text
    sent = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE)
    original = film_of(client, page)
    ratio = sent.shape[1] / sent.shape[0]
    assert abs(original.shape[1] / original.shape[0] - ratio) < 0.02
    again = cv2.resize(original, sent.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(again.astype(int) - sent).mean() < 3
    heat = film_of(client, page, "heat-covid_normal.png")
    assert abs(heat.shape[1] / heat.shape[0] - ratio) < 0.02
    assert heat.shape[2] == 4 and heat[..., 3].max() > 100 and heat[0, 0, 3] == 0, "opaque where there is heat only"
    path = re.search(r'class="lungs"\s+d="([^"]+)"', page)[1]
    corners = np.array([[int(x) for x in pair.split()] for pair in re.findall(r"\d+ \d+", path)])
    assert path.count("M") == 2 and (corners >= 0).all() and (corners < sent.shape[::-1]).all()


def test_a_film_that_came_as_a_negative_is_turned_back_and_says_so(client, send, film):
    grey = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE)
    page = send(client, cv2.imencode(".png", 255 - grey)[1].tobytes(), model="covid_normal").text
    assert "came as a negative" in page and "Came as a negative, and was inverted" in page
    assert "came as a negative" not in send(client, film, model="covid_normal").text


@pytest.mark.parametrize(
    ("scores", "finding", "said"),
    [
        ((0.9, 0.9), "Looks like COVID-19", ["POSITIVE for COVID-19", "POSITIVE", "POSITIVE"]),
        ((0.9, 0.1), "Looks like another pneumonia", ["NEGATIVE for COVID-19", "POSITIVE", "NEGATIVE"]),
        ((0.1, 0.9), "Looks normal", ["NEGATIVE for COVID-19", "NEGATIVE", "POSITIVE"]),
        ((0.5, 0.9), "Undecided", ["INCONCLUSIVE for COVID-19", "INCONCLUSIVE", "POSITIVE"]),
    ],
)
def test_both_models_give_one_finding_then_a_scale_and_a_copy_each(
    make_client, make_registry, send, copies, scores, finding, said
):
    page = send(make_client(make_registry(*scores)), model="both").text
    assert (
        re.findall(r'class="word" id="finding">([^<]+)<', page) == [finding] and f"<title>{finding} · film.png" in page
    )
    assert re.findall(r'class="badge[^"]*">([^<]+)<', page) == said
    assert re.findall(r'<section[^>]* id="(\w+)"', page) == [
        "pictures",
        "combined",
        "covid_normal",
        "covid_pneumo",
        "share",
    ]
    assert sorted(path.name for path in copies.iterdir()) == sorted(name for _, name in COPY_LINK.findall(page))


def test_cautions_stand_before_the_scores_in_words(make_client, make_registry, send):
    page = send(make_client(make_registry(said=("child", "upside_down"))), model="both").text
    section = re.search(r'<ul class="cautions".*?</ul>', page, re.DOTALL)[0]
    said = [" ".join(unescape(words).split()) for words in re.findall(r"<span>(.*?)(?:<a|</span>)", section, re.DOTALL)]
    # Others may follow: what the models looked at is a reason for doubt too.
    assert said[:2] == [
        "Looks like a child’s radiograph: the models know children from one hospital only.",
        "Looks upside down: turn it and send it again.",
    ]
    assert section.count("<svg") == len(said)
    assert page.index(section) < page.index('class="scale"')


@pytest.mark.parametrize(("turn", "shape"), [("0", (200, 240)), ("90", (240, 200)), ("180", (200, 240))])
def test_a_film_is_turned_before_it_is_read_and_shown_as_it_was_turned(client, send, film, film_of, turn, shape):
    answer = send(client, turn=turn)
    sent = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE)
    # Small films are shown enlarged.
    shown = cv2.resize(film_of(client, answer.text), shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(shown.astype(int) - np.rot90(sent, -int(turn) // 90)).mean() < 5
    said = f"Turned by {turn}° clockwise before it was read, as you asked." in unescape(answer.text)
    assert said == (turn != "0")


@pytest.mark.parametrize(("asked", "offered"), [("0", "90"), ("270", "0"), ("180", "270")])
def test_a_film_on_its_side_is_refused_with_the_turn_that_brings_it_upright(
    make_client, make_registry, send, make_film, asked, offered
):
    found = make_registry().segmenter

    def lungs_of_upright_films(picture):
        edges = [picture[0, 0], picture[0, -1], picture[0, :, 0], picture[0, :, -1]]
        return found(picture) * (np.argmax([edge.std() for edge in edges]) == 0)

    # With an edge of all greys that belongs at the top.
    grey = cv2.imdecode(np.frombuffer(make_film(240, 240), np.uint8), cv2.IMREAD_GRAYSCALE)
    grey[:12] = np.linspace(0, 255, 240)
    lying = np.rot90(grey, (90 + int(asked)) // 90)
    client = make_client(make_registry(segmenter=lungs_of_upright_films))
    answer = send(client, cv2.imencode(".png", lying)[1].tobytes(), turn=asked)
    assert answer.status_code == 422 and "lies on its side" in answer.text
    assert f'<option value="{offered}" selected>' in answer.text


def test_the_script_of_the_form_gets_the_address_of_the_result_and_no_page(client, film):
    fields = {"model": "both", "file": FileStorage(BytesIO(film), "film.png")}
    answer = posted(client, "/query", fields, headers={"Prefer": "return=minimal"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert 'id="finding"' in client.get(answer.headers["Content-Location"]).text


def test_the_annotated_copy_can_be_downloaded_by_its_owner_alone(make_app, send):
    app = make_app()
    client = app.test_client()
    link = COPY_LINK.search(send(client, name="scan 7.png", model="covid_normal").text)
    assert re.fullmatch(r"POSITIVE_Prob_97_Name_scan_7_[\w-]{22}\.jpg", link["name"], re.ASCII)
    assert app.test_client().get(link["address"]).status_code == 404
    with client.get(link["address"]) as answer:
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert "no-store" in answer.headers["Cache-Control"]
        assert cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR).shape[1] >= 880


@pytest.mark.parametrize("folder", ["xray_analysis", "copies-of-a-test"])
def test_no_static_address_leads_to_the_copies(make_app, send, folder):
    copies = ROOT / "static" / folder
    app = make_app(ANALYSIS_DIR=str(copies))
    client, there = app.test_client(), copies.exists()
    name = COPY_LINK.search(send(client, model="covid_normal").text)["name"]
    try:
        for path in ("", "./", "x/../", "./././", "xray_analysis/../", "examples/../", "%2e/", "x/%2e%2e/", "/"):
            for encoded in (name, name.replace("_", "%5F"), ".gitkeep"):
                with client.get(f"/static/{path}{folder}/{encoded}", follow_redirects=True) as answer:
                    assert answer.status_code == 404, (path, encoded)
        with client.get("/static/style.css") as style:
            assert style.status_code == 200
    finally:
        (copies / name).unlink()
        if not there:
            copies.rmdir()
