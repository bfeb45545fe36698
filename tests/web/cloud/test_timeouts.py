"""A PostgreSQL that is busy: visitors are told so in time, and served again when it is free."""

import time
from threading import Timer

import pytest
from sqlalchemy import text

from web.analyses import database
from web.analyses.database import DatabaseError, reading
from web.analyses.records import Records
from web.services import services

LOCK_S = 1.0
# Before hosts cut off a request, with something over for a busy machine.
IN_TIME_S = 20


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(database, "LOCK_TIMEOUT_S", LOCK_S)
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_S", 2 * LOCK_S)


def test_whoever_meets_a_lock_is_told_so_and_served_when_it_is_gone(make_app, send, new_database):
    import psycopg

    app = make_app(DATABASE_URL=new_database)
    client = app.test_client()
    send(client)
    with psycopg.connect(new_database) as other:
        other.execute("lock table analyses in access exclusive mode")
        for ask in (lambda: client.get("/analyses/"), lambda: send(client)):
            begun = time.monotonic()
            answer = ask()
            assert answer.status_code == 503 and "cannot be reached just now" in answer.text
            assert time.monotonic() - begun < IN_TIME_S
        assert client.get("/readyz").status_code == 503 and client.get("/healthz").status_code == 200
    assert send(client).status_code == 200 and client.get("/readyz").status_code == 200
    with app.app_context():
        services().analyses.records.engine.dispose()


def test_an_endless_statement_is_ended_and_the_next_one_is_answered(new_database):
    records = Records.open(new_database, keep_days=30)
    with pytest.raises(DatabaseError, match="statement timeout"), reading(records.engine) as connection:
        connection.execute(text("select pg_sleep(60)"))
    assert records.count("me") == 0
    records.engine.dispose()


def test_a_start_waits_for_another_migration_as_long_as_it_takes(new_database):
    import psycopg

    other = psycopg.connect(new_database)
    other.execute("select pg_advisory_xact_lock(%s)", [database.MIGRATION_LOCK])
    begun, release = time.monotonic(), Timer(4 * LOCK_S, other.close)
    release.start()
    records = Records.open(new_database, keep_days=30)
    assert time.monotonic() - begun > 3 * LOCK_S and records.count("me") == 0
    release.join()
    records.engine.dispose()
