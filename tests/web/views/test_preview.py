"""A look at a file before it is read."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Lock

import cv2
import numpy as np
import pytest
from werkzeug.datastructures import FileStorage

from tests.web.sending import posted
from web.analyses.service import TURNS
from xray.io import image


def ask(client, data, **more):
    return posted(client, "/preview", {**more, "file": FileStorage(BytesIO(data), "film.png")})


def jpeg(answer):
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    return cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize(("height", "width", "shown"), [(2000, 1600, (512, 410)), (200, 240, (200, 240))])
def test_a_film_comes_back_small_with_its_own_size_beside_it(client, make_film, height, width, shown):
    answer = ask(client, make_film(height=height, width=width))
    assert jpeg(answer).shape == shown
    assert (answer.headers["X-Picture-Width"], answer.headers["X-Picture-Height"]) == (str(width), str(height))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [(b"", 400, "The file is empty"), (b"GIF89a" + bytes(64), 415, "received GIF"), (None, 400, "No picture")],
)
def test_what_cannot_be_read_gets_the_words_of_the_form_as_plain_text(client, data, status, words):
    answer = client.post("/preview", data={}) if data is None else ask(client, data)
    assert (answer.status_code, answer.mimetype) == (status, "text/plain")
    assert words in answer.text and "<" not in answer.text


def test_nothing_is_kept_and_nobody_gets_a_cookie_for_it(client, film, copies, tmp_path):
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    answer = ask(client, film)
    assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_another_sites_form_cannot_ask(make_client, film):
    client = make_client(WTF_CSRF_ENABLED=True)
    assert ask(client, film).status_code == 400
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/").text)[1]
    assert ask(client, film, csrf_token=token).status_code == 200


def test_few_files_are_in_memory_at_once_whatever_page_they_are_sent_to(make_app, film, monkeypatch):
    app, inside, most, lock = make_app(), [], [], Lock()
    load = image.load

    def counted(*args, **more):
        with lock:
            inside.append(1)
            most.append(len(inside))
        time.sleep(0.1)
        with lock:
            inside.pop()
        return load(*args, **more)

    monkeypatch.setattr(image, "load", counted)

    def send(number):
        fields = {"model": "both", "function": "classify", "file": FileStorage(BytesIO(film), "film.png")}
        address = (*("/preview",) * 8, "/query", "/batch/one", "/batch", "/api/v1/analyses")[number % 12]
        if "api" in address:
            del fields["function"]
        with posted(app.test_client(), address, fields) as answer:
            return answer.status_code if answer.data else 0

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(send, range(12))) == {200, 201}
    assert 1 < max(most) <= TURNS
