"""Burnt-in text is warned of before a result is shared, and covered in all that is stored of it."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from web.services import services

IN_A_CORNER, OVER_A_LUNG = (0, 20, 0, 60), (90, 110, 60, 90)  # of a film of 200 × 240 pixels
WARNING = "lines of text on this radiograph"


@pytest.fixture
def lettered(client, send):
    """An analysis whose film has text in two places; returns its address and how to look at its pictures."""
    address = re.search(r'data-address="([^"]+)"', send(client).text)[1]
    with client.application.app_context():
        records = services().analyses.records
        with client.session_transaction() as session:
            record = records.get(address.rpartition("/")[2], session["visitor"])
        records.update(replace(record, text=(IN_A_CORNER, OVER_A_LUNG), cautions=("text",)))
    return address


def look(client, address, name):
    with client.get(f"{address}/{name}") as answer:
        return cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_text_is_covered_in_every_stored_picture_but_never_over_the_lungs(client, lettered):
    names = ("film.jpg", "thumb.jpg", "annotated-covid_normal.png", "annotated-covid_pneumo.png")
    before = {name: look(client, lettered, name) for name in names}
    assert WARNING in client.get(lettered).text
    assert client.post(f"{lettered}/cover").status_code == 303
    page = client.get(lettered).text
    assert "The text is covered" in page and WARNING not in page
    for name in names:
        after = look(client, lettered, name)
        assert after.shape == before[name].shape
        changed = np.abs(after.astype(int) - before[name]).reshape(*after.shape[:2], -1).max(axis=2) > 60
        assert changed.any(), name
    film, lungs = look(client, lettered, "film.jpg"), look(client, lettered, "mask.png") > 127
    scale = film.shape[0] / 200
    corner, lung = (
        film[tuple(slice(round(scale * a), round(scale * b)) for a, b in (box[:2], box[2:]))]
        for box in (IN_A_CORNER, OVER_A_LUNG)
    )
    assert corner.max() < 20 and lungs[100, 75] and lung[len(lung) // 2, lung.shape[1] // 2] > 40


def test_nobody_else_covers_anything(client, lettered):
    other = client.application.test_client()
    other.get("/")
    assert other.post(f"{lettered}/cover").status_code == 404
    assert WARNING in client.get(lettered).text
