"""Whose an analysis is: of tokens, and of no cookie."""

import re

import pytest

from tests.web.api.program import ANALYSES, LOCAL, MINE, THEIRS, assert_problem, bearer, decoded
from web.security.rate_limit import GUESSES
from web.settings import SettingError


def test_an_analysis_belongs_to_the_token_that_made_it(make_client, create):
    client = make_client(API_TOKENS=f"{MINE}, {THEIRS}")
    made = create(client, **bearer(MINE)).json
    paths = [f"{ANALYSES}/{made['id']}", *(address.removeprefix(LOCAL) for address in made["pictures"].values())]
    for path in paths:
        assert client.get(path, **bearer(MINE)).status_code == 200
        assert_problem(client.get(path, **bearer(THEIRS)), 404)
        assert_problem(client.get(path), 401)
    assert_problem(client.delete(paths[0], **bearer(THEIRS)), 404)
    assert client.delete(paths[0], **bearer(MINE)).status_code == 204


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {MINE}", MINE, f"Bearer {MINE}x", f"Bearer {MINE},{THEIRS}", "é"]
)
def test_without_a_right_token_nothing_is_read_or_told(make_client, create, copies, header):
    client = make_client(API_TOKENS=f"{MINE},{THEIRS}")
    headers = {} if header is None else {"Authorization": header}
    for answer in (create(client, headers=headers), client.get("/api/v1/models", headers=headers)):
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        tried = bool(re.match("Bearer .", header or ""))
        assert ("invalid_token" in answer.headers["WWW-Authenticate"]) is tried
    assert not copies.exists()


def test_with_a_password_programs_need_their_token_alone(make_client, create):
    assert "XRAY_API_TOKENS" in assert_problem(create(make_client(PASSWORD="a password")), 401)["detail"]
    client = make_client(PASSWORD="a password", API_TOKENS=MINE)
    made = create(client, headers={"Authorization": f"bearer {MINE}"})
    assert made.status_code == 201
    for address in made.json["pictures"].values():
        decoded(client, address, **bearer(MINE))


def test_wrong_tokens_have_to_wait_and_other_senders_do_not(make_app):
    app = make_app(API_TOKENS=MINE)

    def status(token, address="192.0.2.1"):
        return app.test_client().get(
            "/api/v1/models", headers={"Authorization": f"Bearer {token}"}, environ_base={"REMOTE_ADDR": address}
        )

    assert [status(MINE).status_code for _ in range(GUESSES + 5)] == [200] * (GUESSES + 5)
    assert [status(f"{MINE}{n}").status_code for n in range(GUESSES)] == [401] * GUESSES
    answer = status(MINE)
    assert "wrong tokens" in assert_problem(answer, 429)["detail"] and answer.headers["Retry-After"]
    assert status(MINE, "192.0.2.2").status_code == 200


@pytest.mark.parametrize("tokens", ["short", f"{MINE},short", "sixteen letters and spaces", "ä" * 20, "password" * 3])
def test_tokens_that_could_be_guessed_or_not_be_sent_stop_start_up(make_app, tokens):
    with pytest.raises(SettingError, match="XRAY_API_TOKENS") as raised:
        make_app(API_TOKENS=tokens)
    assert tokens.split(",")[-1] not in str(raised.value)


def test_a_browsers_cookie_opens_nothing_here_and_is_neither_read_nor_renewed(make_client, create, send):
    client = make_client(WTF_CSRF_ENABLED=False)
    page = send(client).text
    id = re.search(r"/analyses/([A-Za-z0-9_-]{22})/film\.jpg", page)[1]
    assert client.get(f"/analyses/{id}").status_code == 200 and client.get_cookie("xray_session")
    for answer in (client.get(f"{ANALYSES}/{id}"), create(client), client.get("/api/v1/nowhere")):
        assert "Set-Cookie" not in answer.headers and "Cookie" not in answer.headers.get("Vary", "")
    assert_problem(client.get(f"{ANALYSES}/{id}"), 404)
    assert client.get("/analyses/").text.count('class="thumb"') == 1


def test_the_check_for_forged_forms_asks_programs_for_nothing(make_client, create):
    client = make_client(WTF_CSRF_ENABLED=True)
    made = create(client, base_url="https://localhost")
    assert made.status_code == 201
    assert client.delete(f"{ANALYSES}/{made.json['id']}", base_url="https://localhost").status_code == 204
