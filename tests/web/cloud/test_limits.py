"""A PostgreSQL that does not answer: visitors are told so in time, and served again when it does."""

import os
import signal
import time
from threading import Timer

import pytest
from sqlalchemy import text

from web.analyses import limits, versions
from web.analyses.database import DatabaseError, reading
from web.analyses.records import Records
from web.services import services

# Of the shortest limit.
SHORT_S = 1.0
# Before hosts give up, with something over for a busy machine.
IN_TIME_S = 20


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(limits, "LOCK_S", SHORT_S)
    monkeypatch.setattr(limits, "STATEMENT_S", 2 * SHORT_S)
    monkeypatch.setattr(limits, "SILENCE_S", 3 * SHORT_S)
    monkeypatch.setattr("web.analyses.database.REACH_S", 2)


@pytest.fixture
def app(make_app, new_database):
    made = make_app(DATABASE_URL=new_database)
    yield made
    with made.app_context():
        services().desk.records.engine.dispose()


@pytest.fixture
def stand_still(new_database, postgres):
    """Stop the server, and all that it does for this database; afterwards it goes on."""
    import psycopg

    stopped = []

    def stop() -> None:
        with psycopg.connect(new_database, autocommit=True) as connection:
            ours = "datname = current_database() and pid <> pg_backend_pid()"
            found = connection.execute(f"select pid from pg_stat_activity where {ours}").fetchall()
        stopped.extend([*(each[0] for each in found), postgres.process.pid])
        for each in stopped:
            os.kill(each, signal.SIGSTOP)

    def go_on() -> None:
        while stopped:
            os.kill(stopped.pop(), signal.SIGCONT)

    yield stop, go_on
    go_on()


def are_told_so(client, send) -> None:
    """Expect a clear page, and soon, of a visitor who looks and of one who brings a film."""
    for ask in (lambda: client.get("/analyses/"), lambda: send(client)):
        begun = time.monotonic()
        answer = ask()
        assert answer.status_code == 503 and "cannot be reached just now" in answer.text
        assert time.monotonic() - begun < IN_TIME_S
    assert client.get("/readyz").status_code == 503 and client.get("/healthz").status_code == 200


def test_whoever_meets_a_lock_is_told_so_and_served_when_it_is_gone(app, send, new_database):
    import psycopg

    client = app.test_client()
    send(client)
    with psycopg.connect(new_database) as other:
        other.execute("lock table analyses in access exclusive mode")
        are_told_so(client, send)
    assert send(client).status_code == 200 and client.get("/readyz").status_code == 200


def test_a_server_that_stands_still_is_not_waited_for(app, send, stand_still):
    stop, go_on = stand_still
    client = app.test_client()
    send(client)
    stop()
    are_told_so(client, send)
    go_on()
    assert send(client).status_code == 200 and client.get("/readyz").status_code == 200


def test_a_statement_without_end_is_ended_and_the_next_one_is_answered(new_database):
    records = Records.open(new_database, keep_days=30)
    with pytest.raises(DatabaseError, match="statement timeout"), reading(records.engine) as connection:
        connection.execute(text("select pg_sleep(60)"))
    assert records.count("me") == 0
    records.engine.dispose()


def test_a_start_waits_for_another_s_migration_as_long_as_it_takes(new_database):
    import psycopg

    other = psycopg.connect(new_database)
    other.execute("select pg_advisory_xact_lock(%s)", [versions.LOCK])
    begun, release = time.monotonic(), Timer(6 * SHORT_S, other.close)
    release.start()
    records = Records.open(new_database, keep_days=30)
    assert time.monotonic() - begun > 5 * SHORT_S and records.count("me") == 0
    release.join()
    records.engine.dispose()
