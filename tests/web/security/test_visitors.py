"""Who is asking."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import session


def test_films_that_are_sent_before_the_first_answer_belong_to_one_visitor(client, send):
    """As a page sends a folder: two at a time, both with the cookie that came with the page."""
    client.get("/")
    with client:
        owners = {(send(client, model="covid_normal"), session["visitor"])[1] for _ in range(2)}
    assert len(owners) == 1
    assert client.get("/analyses/").text.count('class="record"') == 2


@pytest.mark.parametrize(("days", "expected"), [(30, 30), (7, 7), (4000, 400)])
def test_the_cookie_lasts_as_long_as_the_analyses(make_client, days, expected):
    found = re.search(r"Expires=([^;]+)", make_client(KEEP_DAYS=days).get("/").headers["Set-Cookie"])[1]
    expires = datetime.strptime(found, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs(expires - datetime.now(UTC) - timedelta(days=expected)) < timedelta(minutes=1)


def test_what_stands_on_a_page_and_what_machines_ask_for_carries_no_cookie(client, send):
    """A late picture would bring back the cookie of before a choice or a log-out."""
    client.get("/")
    page = send(client, model="covid_normal").text
    thumb = re.search(r"/analyses/[\w-]{22}/film\.jpg", page)[0]
    copy = re.search(r"/analyses/[\w-]{22}/annotated-\w+\.jpg", page)[0]
    with client.session_transaction() as kept:
        kept["day"] -= 1
    for path in (thumb, copy, "/static/style.css", "/healthz", "/api/v1/health"):
        with client.get(path) as answer:
            assert answer.status_code == 200 and "Set-Cookie" not in answer.headers
