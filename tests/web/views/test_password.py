"""One password for all of it."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from web.security.rate_limit import GUESSES

PASSWORD = "correct horse – é"
OPEN = {"static", "password.ask", "password.enter", "language.choose"}
FOR_MACHINES = {"health.live", "health.ready", "health.measured"}


@pytest.fixture
def guarded(make_app) -> Flask:
    return make_app(PASSWORD=PASSWORD)


@pytest.fixture
def stranger(guarded) -> FlaskClient:
    return guarded.test_client()


def enter(client, password=PASSWORD, after="/", **options):
    return client.post("/password", data={"password": password, "next": after}, **options)


def test_a_stranger_is_led_to_the_form_and_from_there_to_what_was_asked_for(stranger):
    answer = stranger.get("/analyses/?page=2")
    assert answer.status_code == 303
    form = stranger.get(answer.location)
    assert form.status_code == 200 and 'name="next" value="/analyses/?page=2"' in form.text
    assert "For education and research only, not for diagnosis" in form.text
    assert re.search(r'type="password"[^>]*autocomplete="current-password"', form.text)
    assert enter(stranger, after="/analyses/?page=2").location == "/analyses/?page=2"
    assert stranger.get("/analyses/?page=2").status_code == 200
    assert stranger.get("/password").location == "/", "nobody is asked twice"


def test_every_page_there_is_asks_first(guarded, stranger):
    asked = set()
    for rule in guarded.url_map.iter_rules():
        if rule.endpoint in OPEN | FOR_MACHINES or rule.rule.startswith("/api/"):
            continue
        address = re.sub(r"<[^>]+>", "x", rule.rule)
        for method in rule.methods - {"OPTIONS"}:
            answer = stranger.open(address, method=method)
            assert answer.status_code == 303 and answer.location.startswith("/password"), (method, address)
        asked.add(rule.endpoint)
    assert {"index.index", "result.query", "analyses.index", "result.picture"} <= asked
    for path in ("/nowhere", "/healthz/", "/static"):
        assert stranger.post(path).status_code == 303, path


@pytest.mark.parametrize("path", ["/healthz", "/static/style.css", "/static/icon.svg", "/password"])
def test_what_a_host_and_the_form_need_is_open(stranger, path):
    with stranger.get(path) as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize("wrong", ["", "x", PASSWORD + " ", PASSWORD.upper(), PASSWORD[:-1], "a" * 100_000])
def test_a_wrong_password_is_asked_for_again_and_opens_nothing(stranger, wrong):
    answer = enter(stranger, wrong, after="/about")
    assert answer.status_code == 403 and "That is not the password" in answer.text
    assert 'value="/about"' in answer.text and 'value="x"' not in answer.text
    assert stranger.get("/about").status_code == 303


@pytest.mark.parametrize(
    ("password", "typed"),
    [*((each, each) for each in ("0", "true", " ", "密码")), (PASSWORD, "correct horse – e\N{COMBINING ACUTE ACCENT}")],
)
def test_a_password_may_be_any_text_and_an_accent_typed_either_way(make_client, password, typed):
    client = make_client(PASSWORD=password)
    assert client.get("/").status_code == 303
    assert enter(client, typed + "x").status_code == 403
    assert enter(client, typed).status_code == 303
    assert client.get("/").status_code == 200


def test_another_password_or_another_key_lets_nobody_in_who_knew_the_old_one(make_app):
    first = make_app(PASSWORD="old").test_client()
    enter(first, "old")
    cookie = first.get_cookie("xray_session").value
    for settings, status in (({"PASSWORD": "old"}, 200), ({"PASSWORD": "new"}, 303)):
        again = make_app(**settings).test_client()
        again.set_cookie("xray_session", cookie)
        assert again.get("/").status_code == status
    other = make_app(PASSWORD="old", SECRET_KEY="another key for tests").test_client()
    with other.session_transaction() as kept, first.session_transaction() as known:
        kept.update(known)
    assert other.get("/").status_code == 303, "what a session holds is worth nothing elsewhere"


def test_a_cookie_from_before_the_password_stays_outside(make_client):
    victim = make_client(PASSWORD=PASSWORD)
    victim.get("/password")
    planted = victim.get_cookie("xray_session").value
    assert victim.post("/password", data={"password": PASSWORD}).status_code == 303
    assert victim.get("/").status_code == 200
    victim.set_cookie("xray_session", planted)
    assert victim.get("/").status_code == 303


def test_logging_out_asks_again_and_keeps_the_analyses(stranger, send):
    enter(stranger)
    send(stranger, model="covid_normal")
    assert "Log out" in stranger.get("/").text
    answer = stranger.post("/password/leave")
    assert answer.location == "/password" and answer.headers["Clear-Site-Data"] == '"cache"'
    assert stranger.get("/analyses/").status_code == 303
    assert "Log out" not in stranger.get("/password").text
    enter(stranger)
    assert stranger.get("/analyses/").text.count('class="record"') == 1


def test_a_cookie_that_was_saved_before_leaving_opens_nothing_after_it(guarded, stranger):
    enter(stranger)
    saved, other = stranger.get_cookie("xray_session").value, guarded.test_client()
    enter(other)
    stranger.post("/password/leave")
    for _ in range(2):
        stranger.set_cookie("xray_session", saved)
        assert stranger.get("/analyses/").status_code == 303
    stranger.get("/password")
    assert stranger.get("/").status_code == 303, "nor does one that was renewed with the form"
    assert other.get("/").status_code == 200


def test_guessing_is_slowed_for_the_guesser_alone(guarded, stranger):
    statuses = [enter(stranger, f"guess {n}").status_code for n in range(GUESSES + 3)]
    assert statuses.count(403) >= GUESSES and statuses[-1] == 429
    answer = enter(stranger)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
    assert "Wait a few seconds" in answer.text
    elsewhere = guarded.test_client()
    assert enter(elsewhere, environ_base={"REMOTE_ADDR": "10.9.8.7"}).status_code == 303
    assert elsewhere.get("/").status_code == 200, "who is inside is not held up"
