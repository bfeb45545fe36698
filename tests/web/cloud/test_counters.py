"""Rate limits that several instances count together in Redis."""

import io
import signal

import pytest

from web.security import rate_limit
from web.security.rate_limit import GUESSES
from web.settings import SettingError


@pytest.fixture
def make_instance(make_app, counter):
    """Make instances that count together: two radiographs in two minutes, unless settings say otherwise."""
    made = []

    def make(url=counter, **settings):
        made.append(make_app(REDIS_URL=url, **({"RATE_LIMIT": 1, "BATCH_COUNT": 1} | settings)))
        return made[-1]

    yield make
    for app in made:
        app.extensions["rate_limiter"].storage.storage.close()
        app.extensions["xray"].analyses.records.engine.dispose()


def send(app, address="1.2.3.4"):
    form = {"file": (io.BytesIO(b"x"), "x.png")}
    return app.test_client().post("/preview", data=form, environ_base={"REMOTE_ADDR": address}).status_code


def test_instances_count_together(make_instance):
    one, two = make_instance(), make_instance()
    assert [send(each) for each in (one, two, one, two)] == [400, 400, 429, 429]
    assert send(two, "1.2.3.5") == 400


def test_guesses_are_counted_together_and_who_knows_the_password_begins_anew_everywhere(make_instance):
    apps = [make_instance(PASSWORD="right") for _ in range(2)]
    enter = lambda app, word: app.test_client().post("/password", data={"password": word}).status_code  # noqa: E731
    assert [enter(app, "x") for app in apps] == [403, 403]
    assert enter(apps[0], "right") == 303
    statuses = [enter(app, "x") for app in apps * GUESSES]
    assert statuses[:GUESSES] == [403] * GUESSES and 429 in statuses


def test_redis_is_told_no_address_and_forgets_in_time(make_instance, counter):
    from redis import Redis

    send(make_instance(), "192.0.2.77")
    with Redis.from_url(counter) as client:
        (key,) = client.keys()
        assert b"radiographs" in key and b"192" not in key and len(key) > 40
        assert 1 <= client.ttl(key) <= 120


def test_while_redis_is_silent_each_counts_for_itself_and_the_log_says_so(make_instance, redis, monkeypatch, caplog):
    monkeypatch.setattr(rate_limit, "REDIS_TIMEOUT_S", 0.2)
    app = make_instance()
    send(app)
    redis.process.send_signal(signal.SIGSTOP)
    try:
        assert [send(app) for _ in range(4)] == [400, 400, 429, 429]
        assert caplog.text.count("Rate limit storage unreachable") == 1
    finally:
        redis.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("url", ["nonsense", "http://localhost", "redis://localhost:port"])
def test_an_address_that_cannot_be_used_stops_the_start(make_app, url):
    with pytest.raises(SettingError, match="XRAY_REDIS_URL: expected an address") as caught:
        make_app(REDIS_URL=url)
    assert url not in str(caught.value), "it may hold a password"


@pytest.mark.parametrize(("dyno", "checked"), [("web.1", False), (None, True)])
def test_certificates_are_checked_except_where_the_host_signs_its_own(make_instance, monkeypatch, dyno, checked):
    import ssl

    monkeypatch.delenv("DYNO", raising=False)
    if dyno:
        monkeypatch.setenv("DYNO", dyno)
    client = make_instance("rediss://:word@localhost:6380").extensions["rate_limiter"].storage.storage
    assert (client.connection_pool.make_connection().cert_reqs == ssl.CERT_REQUIRED) == checked
