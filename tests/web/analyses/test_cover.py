"""Burnt-in text is warned of before a result is shared, and covered in all that is stored of it."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from web.analyses.storage import Pictures
from web.services import services

IN_A_CORNER, OVER_A_LUNG = (0, 20, 0, 60), (90, 110, 60, 90)  # of a film of 200 × 240 pixels
WARNING = "lines of text on this radiograph"


@pytest.fixture
def lettered(client, send, film):
    """An analysis of 16 bits whose film has text in two places; returns its address."""
    grey = cv2.imdecode(np.frombuffer(film, np.uint8), cv2.IMREAD_UNCHANGED)
    deep = cv2.imencode(".png", grey.astype(np.uint16) * 200 + 99)[1].tobytes()
    address = re.search(r'data-address="([^"]+)"', send(client, deep).text)[1]
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
    names = ("film.jpg", "thumb.jpg", "deep.png", "annotated-covid_normal.jpg", "annotated-covid_pneumo.jpg")
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
    deep = look(client, lettered, "deep.png")
    lungs = cv2.erode(cv2.resize(look(client, lettered, "mask.png"), deep.shape[1::-1]), np.ones((9, 9))) > 127
    assert deep[:25, :80].max() == 0, "the corner is black"
    assert (deep[lungs] == before["deep.png"][lungs]).all(), "the lungs are as they were"
    scale = deep.shape[0] / 200
    assert lungs[round(100 * scale), round(75 * scale)], "though text was found over them"


def test_a_copy_of_before_which_is_png_is_sent_covered_and_deleted_as_one(client, lettered, copies):
    jpeg = look(client, lettered, "annotated-covid_normal.jpg")
    with client.application.app_context(), client.session_transaction() as session:
        records = services().analyses.records
        record = records.get(lettered.rpartition("/")[2], session["visitor"])
        first, *others = record.results
        old = f"{first.copy.removesuffix('jpg')}png"
        records.update(replace(record, results=(replace(first, copy=old), *others)))
    (copies / first.copy).unlink()
    (copies / old).write_bytes(cv2.imencode(".png", jpeg)[1])
    assert f'annotated-covid_normal.png" download="{old}"' in client.get(lettered).text
    assert (look(client, lettered, "annotated-covid_normal.png") == jpeg).all()
    client.post(f"{lettered}/cover")
    with client.get(f"{lettered}/annotated-covid_normal.png") as covered:
        assert covered.mimetype == "image/png" and covered.data.startswith(b"\x89PNG")
        assert cv2.imdecode(np.frombuffer(covered.data, np.uint8), cv2.IMREAD_COLOR).mean() < jpeg.mean()
    client.post(f"{lettered}/delete")
    assert not list(copies.iterdir())


def test_nobody_else_covers_anything(client, lettered):
    other = client.application.test_client()
    other.get("/")
    assert other.post(f"{lettered}/cover").status_code == 404
    assert WARNING in client.get(lettered).text


def test_what_is_deleted_while_its_text_is_covered_stays_deleted(client, lettered, copies, instance, monkeypatch):
    save = Pictures.save

    def delete_first(pictures, id, drawn):
        client.post(f"{lettered}/delete")
        save(pictures, id, drawn)

    with monkeypatch.context() as late:
        late.setattr(Pictures, "save", delete_first)
        client.post(f"{lettered}/cover")
    assert list(copies.iterdir()) == list((instance / "analyses").iterdir()) == []
