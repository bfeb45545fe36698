"""Key, cookies, CSRF, headers, proxies."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest

from web.security import headers as security
from web.settings import SettingError

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def form(film, token=None):
    fields = {"file": (BytesIO(film), "film.png"), "model": "covid_pneumo"}
    return fields | ({"csrf_token": token} if token else {})


# ── The key ──


def test_the_key_is_made_once_and_is_nobody_elses_to_read(make_app, tmp_path):
    first = make_app(SECRET_KEY=None).secret_key
    assert security.secret_key(tmp_path / "instance") == first
    assert len(first) == 64
    assert stat.S_IMODE((tmp_path / "instance" / "secret_key").stat().st_mode) == 0o600
    assert not list((tmp_path / "instance").glob(".*"))


def test_workers_that_start_together_share_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: security.secret_key(tmp_path / "instance"), range(64)))
    assert len(keys) == 1


def test_where_no_key_can_be_kept_or_read_start_up_stops(tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    with pytest.raises(SettingError, match="Set XRAY_SECRET_KEY, and XRAY_INSTANCE_DIR"):
        security.secret_key(tmp_path / "file")
    (tmp_path / "secret_key").write_text("abc")
    with pytest.raises(SettingError, match="Delete the file"):
        security.secret_key(tmp_path)


def test_whoever_serves_others_must_set_a_key(make_app, tmp_path):
    with pytest.raises(SettingError, match="XRAY_SECRET_KEY: expected a key"):
        make_app(SECRET_KEY=None, PUBLIC=True)
    assert not (tmp_path / "instance" / "secret_key").exists()
    assert make_app(PUBLIC=True).secret_key == "a key for tests only"


# ── CSRF ──


@pytest.mark.parametrize("forged", [False, True])
def test_a_form_without_its_own_token_is_offered_anew_and_saves_nothing(make_app, film, copies, forged):
    app = make_app(WTF_CSRF_ENABLED=True)
    token = TOKEN.search(app.test_client().get("/").text)[1] if forged else None
    answer = app.test_client().post("/query", data=form(film, token))
    assert answer.status_code == 400
    assert "expired" in answer.text
    assert TOKEN.search(answer.text)
    assert re.search(r'value="covid_pneumo" selected', answer.text)
    assert not copies.exists()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_form_with_its_token_is_read(make_client, film, scheme):
    client = make_client(WTF_CSRF_ENABLED=True)
    base = f"{scheme}://localhost"
    token = TOKEN.search(client.get("/", base_url=base).text)[1]
    # What a browser sends under our Referrer-Policy.
    answer = client.post("/query", base_url=base, data=form(film, token), headers={"Referer": f"{base}/"})
    assert answer.status_code == 200


# ── Headers and cookies ──


@pytest.mark.parametrize("path", ["/", "/about", "/healthz", "/nowhere", "/static/style.css"])
def test_every_answer_carries_the_security_headers(client, path):
    with client.get(path) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_results_are_kept_by_no_cache_and_no_page_holds_what_the_policy_would_stop(client, send):
    assert send(client).headers["Cache-Control"] == "no-store"
    for page in (client.get("/").text, client.get("/about").text, client.get("/x").text, send(client).text):
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)


def test_over_tls_the_cookie_is_secure_and_the_browser_is_told_to_stay(make_client):
    answer = make_client(WTF_CSRF_ENABLED=True).get("/", base_url="https://localhost")
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    # No neighbouring site can set a cookie by this name.
    assert cookie.startswith("__Host-xray_session=")
    cookie = make_client(WTF_CSRF_ENABLED=True).get("/").headers["Set-Cookie"]
    assert "Secure" not in cookie and "HttpOnly" in cookie, "on localhost"


@pytest.mark.parametrize(("proxies", "secure"), [(0, False), (1, True)])
def test_a_proxy_is_believed_only_when_it_is_announced(make_client, proxies, secure):
    headers = make_client(PROXIES=proxies).get("/", headers={"X-Forwarded-Proto": "https"}).headers
    assert ("Strict-Transport-Security" in headers) is secure


@pytest.mark.parametrize(("hosts", "believed"), [(None, False), ("localhost, films.example", True)])
def test_a_forwarded_host_is_believed_only_where_hosts_are_named(make_client, hosts, believed):
    page = make_client(PROXIES=1, TRUSTED_HOSTS=hosts).get("/api", headers={"X-Forwarded-Host": "films.example"}).text
    assert ("http://films.example/" in page) is believed
