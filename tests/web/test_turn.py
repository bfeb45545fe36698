"""A film that lies on its side or upside down is turned as the visitor asks."""

import re
from html import unescape

import cv2
import numpy as np
import pytest


@pytest.mark.parametrize(("turn", "shape"), [("0", (200, 240)), ("90", (240, 200)), ("180", (200, 240))])
def test_a_film_is_turned_before_it_is_read_and_shown_as_it_was_turned(client, send, film, film_of, turn, shape):
    answer = send(client, turn=turn)
    sent = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_GRAYSCALE)
    # Small films are shown enlarged.
    shown = cv2.resize(film_of(client, answer.text), shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(shown.astype(int) - np.rot90(sent, -int(turn) // 90)).mean() < 5
    said = f"Turned by {turn}° clockwise before it was read, as you asked." in unescape(answer.text)
    assert said == (turn != "0")


def test_a_turn_that_is_not_on_the_form_is_refused(client, send):
    answer = send(client, turn="45")
    assert answer.status_code == 400
    assert "can be turned by 0, 90, 180 or 270 degrees" in answer.text


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


def test_the_caution_about_a_film_upside_down_leads_to_a_form_that_is_set_to_turn_it(make_client, make_registry, send):
    client = make_client(make_registry(said=("upside_down",)))
    for turn, offered in (("0", "180"), ("180", "0")):
        page = send(client, model="covid_pneumo", turn=turn).text
        address = unescape(re.search(r'href="(/\?turn=[^"]+)"', page)[1])
        form = client.get(address).text
        assert f'<option value="{offered}" selected>' in form and '<option value="covid_pneumo" selected>' in form
