"""What instances count together in Redis."""

import io
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.web.cloud.programs import free_port, needs
from web.security import shared_attempts
from web.security.attempts import AT_ONCE
from web.security.shared_attempts import counted
from web.settings import SettingError


@pytest.fixture
def make_counter(make_app, counter):
    """Make instances that count together."""
    made = []

    def make(url=counter, **rates):
        app = make_app(REDIS_URL=url)
        made.append(app)
        return counted(app, "tries", **({"at_once": 3, "per_second": 1.0} | rates))

    yield make
    for app in made:
        app.extensions["redis"].close()
        app.extensions["xray"].desk.records.engine.dispose()


def test_instances_count_together(make_counter):
    one, two = make_counter(), make_counter()
    assert [each.take("1.2.3.4") for each in (one, two, one)] == [0, 0, 0]
    assert one.take("1.2.3.4") == two.take("1.2.3.4") == 1
    assert two.take("1.2.3.5") == 0 and two.take("") == 0


def test_the_bucket_leaks_at_its_rate(make_counter):
    from time import sleep

    slow, fast = make_counter(at_once=1, per_second=0.01), make_counter(at_once=1, per_second=20.0)
    assert slow.take("a") == 0 and 98 <= slow.take("a") <= 100
    fast.take("b")
    sleep(0.2)
    assert fast.take("b") == 0


def test_who_knew_the_password_begins_anew_everywhere(make_counter):
    one, two = make_counter(), make_counter()
    for _ in range(5):
        one.take("1.2.3.4")
    two.forgive("1.2.3.4")
    assert one.take("1.2.3.4") == 0


def test_threads_of_many_instances_get_no_more(make_counter):
    counters = [make_counter(at_once=20, per_second=0.001) for _ in range(3)]
    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(lambda number: counters[number % 3].take("1.2.3.4"), range(120)))
    assert waits.count(0) == 20


def test_redis_is_told_no_address_and_forgets_soon(make_counter, counter):
    from redis import Redis

    make_counter().take("192.0.2.77")
    with Redis.from_url(counter) as client:
        (key,) = client.keys()
        assert key.startswith(b"xray:tries:") and b"192" not in key and len(key) > 40
        assert 1 <= client.ttl(key) <= 2


def test_while_redis_is_silent_each_counts_for_itself(make_counter, redis, monkeypatch, caplog):
    monkeypatch.setattr(shared_attempts, "ANSWER_S", 0.2)
    monkeypatch.setattr(shared_attempts, "SILENT_S", 0.5)
    one = make_counter(at_once=2, per_second=0.01)
    one.take("1.2.3.4")
    redis.process.send_signal(signal.SIGSTOP)
    try:
        with caplog.at_level(logging.WARNING):
            assert [one.take("1.2.3.4") > 0 for _ in range(4)] == [False, False, True, True]
        assert caplog.text.count("counts for itself") <= 2
    finally:
        redis.process.send_signal(signal.SIGCONT)
    monkeypatch.setattr(one, "_ask_again", 0.0)
    assert one.take("1.2.3.4") in (0, 1, *range(90, 101))


def test_without_a_redis_at_the_start_the_application_starts(make_app, send):
    client = make_app(REDIS_URL=f"redis://127.0.0.1:{free_port()}").test_client()
    assert send(client).status_code == 200


def test_films_and_passwords_are_counted_together(make_app, counter):
    settings = {"REDIS_URL": counter, "RATE_LIMIT": 1, "BATCH_COUNT": 3, "PASSWORD": "right"}
    apps = [make_app(**settings) for _ in range(2)]
    guesses = [app.test_client().post("/password", data={"password": "x"}).status_code for app in apps * AT_ONCE]
    assert guesses.count(403) in (AT_ONCE, AT_ONCE + 1, AT_ONCE + 2) and guesses[-1] == 429
    clients = []
    for app in apps:
        clients.append(app.test_client())
        entered = {"password": "right"}
        answer = clients[-1].post("/password", data=entered, environ_base={"REMOTE_ADDR": "192.0.2.9"})
        assert answer.status_code == 303
    films = [client.post("/preview", data={"file": (io.BytesIO(b"x"), "x.png")}).status_code for client in clients * 3]
    assert films == [400] * 4 + [429] * 2


@pytest.mark.parametrize("url", ["nonsense", "http://localhost", "redis://localhost:port"])
def test_an_address_that_cannot_be_used_stops_the_start(make_app, url):
    with pytest.raises(SettingError, match="XRAY_REDIS_URL: expected an address") as caught:
        make_app(REDIS_URL=url)
    assert url not in str(caught.value), "it may hold a password"


@pytest.mark.parametrize(("dyno", "checked"), [("web.1", False), (None, True)])
def test_certificates_are_checked_except_where_the_host_signs_its_own(monkeypatch, dyno, checked):
    import ssl

    needs("redis")
    monkeypatch.delenv("DYNO", raising=False)
    if dyno:
        monkeypatch.setenv("DYNO", dyno)
    connection = shared_attempts._client("rediss://:word@localhost:6380").connection_pool.make_connection()
    assert (connection.cert_reqs == ssl.CERT_REQUIRED) == checked


def test_without_redis_the_command_that_installs_it_is_named(make_app, monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SettingError, match=r"pip install -r requirements-cloud\.txt"):
        make_app(REDIS_URL="redis://localhost")
