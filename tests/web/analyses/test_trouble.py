"""My analyses when the database does not do what it is asked, or many ask at once."""

import sqlite3
from contextlib import closing

from sqlalchemy.exc import OperationalError

from web.services import services


def test_a_locked_database_gives_a_clear_page_and_keeps_nothing(
    make_client, send, copies, instance, monkeypatch, listed
):
    monkeypatch.setattr("web.analyses.database.BUSY_S", 0.1)
    client = make_client()
    send(client)
    (id,), _ = listed(client)
    before = {path for folder in (copies, instance / "analyses") for path in folder.rglob("*")}
    with closing(sqlite3.connect(instance / "analyses.sqlite3", isolation_level=None)) as other:
        other.execute("begin immediate")
        answers = [send(client), client.post(f"/analyses/{id}/delete"), client.post("/analyses/delete")]
        assert listed(client)[0] == [id], "whoever reads is served"
    for answer in answers:
        assert answer.status_code == 503 and "cannot be reached just now" in answer.text
    assert {path for folder in (copies, instance / "analyses") for path in folder.rglob("*")} == before


def test_a_broken_database_gives_a_clear_page(client, send, instance):
    send(client)
    with client.application.app_context():
        services().analyses.records.engine.dispose()
    for path in instance.glob("analyses.sqlite3*"):
        path.unlink()
    for path in ("/analyses/", "/analyses/" + "A" * 22, "/analyses/analyses.csv"):
        answer = client.get(path)
        assert answer.status_code == 503 and "cannot be reached just now" in answer.text
    assert send(client).status_code == 503


def test_a_full_disk_gives_a_clear_page(client, send, monkeypatch):
    def full(*_, **__):
        cause = sqlite3.OperationalError("database or disk is full")
        cause.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("insert", {}, cause)

    monkeypatch.setattr("sqlalchemy.engine.Connection.execute", full)
    answer = send(client)
    assert answer.status_code == 507 and "no room left on the disk" in answer.text
