"""Rate limits in memory: how many radiographs, and how many guesses at the password, a sender may send."""

import io
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.datastructures import FileStorage

WAIT = "Too many radiographs came from your address"


@pytest.fixture
def strict(make_client):
    """A visitor who may send two radiographs in two minutes."""
    return make_client(RATE_LIMIT=1, BATCH_COUNT=1)


def look(client, film, **more):
    return client.post("/preview", data={"file": (io.BytesIO(film), "film.png")}, **more)


def test_after_a_batch_and_a_minutes_worth_films_have_to_wait(strict, send, film, copies):
    assert [send(strict).status_code for _ in range(2)] == [200, 200]
    kept = len(list(copies.iterdir()))
    answer = send(strict)
    assert answer.status_code == 429 and WAIT in answer.text
    assert 100 < int(answer.headers["Retry-After"]) <= 121
    assert len(list(copies.iterdir())) == kept
    assert strict.get("/").status_code == strict.get("/analyses/").status_code == 200, "pages are not counted"


@pytest.mark.parametrize("address", ["/query", "/preview", "/batch/one", "/how", "/api/v1/analyses"])
def test_every_door_for_films_counts(strict, film, address):
    fields = {"model": "both"} | ({"function": "classify"} if "batch" in address else {})
    sent = [strict.post(address, data={**fields, "file": (io.BytesIO(film), "x.png")}) for _ in range(3)]
    assert [answer.status_code for answer in sent][-2:] == [sent[0].status_code, 429]
    if "api" in address:
        assert sent[2].mimetype == "application/problem+json" and WAIT in sent[2].json["detail"]


def test_a_form_of_many_films_counts_each(make_client, film):
    client = make_client(RATE_LIMIT=1, BATCH_COUNT=3)
    assert look(client, film).status_code == look(client, film).status_code == 200
    files = [FileStorage(io.BytesIO(film), f"{number}.png") for number in range(3)]
    page = client.post("/batch", data={"file": files, "model": "both", "function": "classify"}).text
    assert page.count(WAIT) >= 1 and "0.png" in page
    assert client.get("/analyses/").text.count("2.png") == 0


def test_of_requests_at_the_same_time_no_more_pass(make_app):
    app = make_app(RATE_LIMIT=1, BATCH_COUNT=9)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: look(app.test_client(), b"x").status_code, range(40)))
    assert (statuses.count(400), statuses.count(429)) == (10, 30)


def test_a_household_of_ipv6_is_one_sender(strict):
    sent = [look(strict, b"x", environ_base={"REMOTE_ADDR": f"2001:db8::{n:x}"}).status_code for n in range(4)]
    assert sent == [400, 400, 429, 429]
    assert look(strict, b"x", environ_base={"REMOTE_ADDR": "2001:db8:0:1::1"}).status_code == 400
    assert look(strict, b"x", environ_base={"REMOTE_ADDR": "192.0.2.1"}).status_code == 400


def test_the_wait_ends(strict, monkeypatch):
    for _ in range(3):
        answer = look(strict, b"x")
    wait, real = int(answer.headers["Retry-After"]), time.time
    monkeypatch.setattr("time.time", lambda: real() + wait)
    assert look(strict, b"x").status_code == 400


@pytest.mark.parametrize("settings", [{}, {"RATE_LIMIT": 0, "BATCH_COUNT": 1}], ids=["default", "no limit"])
def test_by_default_and_without_a_limit_a_batch_of_400_passes(make_client, settings):
    client = make_client(**settings)
    # What is no film costs least, and counts all the same.
    assert {look(client, b"x").status_code for _ in range(400)} == {400}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "status"),
    [
        (0, "192.0.2.{}", 429),
        (1, "192.0.2.{}", 400),
        # The proxy adds the true address behind one that the visitor made up.
        (1, "198.51.100.{}, 192.0.2.1", 429),
    ],
)
def test_behind_an_announced_proxy_each_visitor_counts_alone(make_client, proxies, forwarded, status):
    client = make_client(RATE_LIMIT=1, BATCH_COUNT=1, PROXIES=proxies)
    for number in range(5):
        answer = look(client, b"x", headers={"X-Forwarded-For": forwarded.format(number)})
    assert answer.status_code == status
