"""A PostgreSQL that is busy: visitors are told so in time, and served again when it is free."""

import time

import pytest

from web.analyses import database
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
