"""What the page of a result says and shows."""

import re
from html import unescape

import cv2
import numpy as np
import pytest

from xray.quality.out_of_distribution import NOT_FRONTAL

DISCLAIMER = "For education and research only, not for diagnosis"
COPY_LINK = re.compile(r'href="/static/xray_analysis/([^"]+)" download')


@pytest.mark.parametrize(
    ("score", "verdict", "sentence"),
    [
        (0.97, "POSITIVE", "Resembles the COVID-19 radiographs this model learned from more than the normal ones"),
        (0.03, "NEGATIVE", "Resembles the normal radiographs this model learned from more than those of COVID-19"),
        (0.5, "INCONCLUSIVE", "Too close to call between COVID-19 and normal"),
    ],
)
def test_a_result_says_the_verdict_in_words_and_explains_its_score(
    make_client, make_registry, send, score, verdict, sentence
):
    answer = send(make_client(make_registry(covid_normal=score)), model="covid_normal")
    page = " ".join(unescape(answer.text).split())
    assert answer.status_code == 200
    for part in (
        f'<p class="word">{verdict}</p>',
        sentence,
        f"<strong>{score:.2f}</strong> for COVID-19",
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
    assert "came as a negative" in page and "Came as a negative, and was turned back" in page
    assert "came as a negative" not in send(client, film, model="covid_normal").text


def test_both_models_give_a_section_together_then_one_each_and_two_copies(client, send, copies):
    page = send(client, model="both").text
    assert re.findall(r'<p class="word">(\w+)</p>', page) == ["NEGATIVE", "POSITIVE", "NEGATIVE"]
    assert re.findall(r'<section[^>]* id="(\w+)"', page) == ["combined", "covid_normal", "covid_pneumo", "pictures"]
    assert "<title>NEGATIVE · film.png" in page
    assert sorted(path.name for path in copies.iterdir()) == sorted(COPY_LINK.findall(page))
    assert "other pneumonia" in page


@pytest.mark.parametrize(
    ("scores", "verdict", "sentence"),
    [
        ((0.9, 0.9), "POSITIVE", "Abnormal to model 1, and more like COVID-19 than like another pneumonia to model 2."),
        (
            (0.5, 0.1),
            "NEGATIVE",
            "Model 1 does not decide whether it is normal; to model 2 it is less like COVID-19 than like another "
            "pneumonia.",
        ),
        ((0.9, 0.1), "NEGATIVE", "More like another pneumonia than like COVID-19 to model 2."),
        ((0.5, 0.9), "INCONCLUSIVE", "Too close to call: at least one of the two models does not decide."),
        ((0.1, 0.9), "NEGATIVE", "Looks normal to model 1; what model 2 says of a normal film means nothing."),
        ((0.1, 0.1), "NEGATIVE", "Looks normal to model 1; what model 2 says of a normal film means nothing."),
    ],
)
def test_both_models_are_read_together_in_words(make_client, make_registry, send, scores, verdict, sentence):
    page = " ".join(send(make_client(make_registry(*scores)), model="both").text.split())
    section = re.search(r'<section[^>]* id="combined".*?</section>', page)[0]
    assert f'<p class="word">{verdict}</p> <p class="sentence">{sentence}</p>' in section
    assert "each knows only its two answers" in section
    assert re.findall(r'href="#(\w+)"', section) == ["covid_normal", "covid_pneumo"]


def test_cautions_stand_before_the_verdict_in_words(make_client, make_registry, send):
    page = send(make_client(make_registry(said=("child", "upside_down"))), model="both").text
    section = re.search(r'<section class="cautions".*?</section>', page, re.DOTALL)[0]
    said = [" ".join(unescape(words).split()) for words in re.findall(r"<span>(.*?)</span>", section, re.DOTALL)]
    # Others may follow: what the models looked at is a reason for doubt too.
    assert said[:2] == [
        "Looks like a child’s film: the models know children from one hospital only.",
        "Looks upside down: turn it and send it again.",
    ]
    assert section.count("<svg") == len(said)
    assert page.index(section) < page.index('class="word"')


def test_what_the_screen_refuses_is_refused_on_the_form(make_client, make_registry, send, copies):
    answer = send(make_client(make_registry(said=(NOT_FRONTAL,))), model="both")
    assert answer.status_code == 422
    assert "looks like something else" in answer.text and not copies.exists()


def test_a_result_leads_to_its_own_lesson(client, send):
    page = send(client, model="covid_pneumo").text
    address = unescape(re.search(r'href="(/how\?analysis=[^"]+)"', page)[1])
    assert address.endswith("&model=covid_pneumo")
