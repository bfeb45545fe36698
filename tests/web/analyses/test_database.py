"""A database that does not do what it is asked."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from web.analyses import database
from web.analyses.database import DatabaseError
from web.analyses.records import Records
from web.settings import SettingError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/analyses.sqlite3"


@pytest.fixture
def records(url, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    found = Records.open(url, keep_days=30)
    yield found
    found.engine.dispose()


@pytest.mark.parametrize(
    "url",
    ["nonsense", "sqlite:////proc/nothing/x.sqlite3", "nosuchdatabase://localhost/x", "mssql+nodriver://localhost/x"],
)
def test_a_database_that_cannot_be_used_stops_start_up_with_one_line(url):
    with pytest.raises(SettingError, match="DATABASE_URL: expected a database that can be written") as caught:
        Records.open(url, keep_days=30)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_stops_start_up(tmp_path, url):
    (tmp_path / "analyses.sqlite3").write_text("not a database, but longer than the head of one would be" * 9)
    with pytest.raises(SettingError, match="not a database"):
        Records.open(url, keep_days=30)


def test_a_locked_database_says_so_and_keeps_nothing(tmp_path, records, make_record):
    with closing(sqlite3.connect(tmp_path / "analyses.sqlite3", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(DatabaseError, match="locked") as caught:
            records.add(make_record())
        assert caught.value.status == 503
        assert records.count("me") == 0, "whoever reads is not held up"
        other.execute("rollback")
    records.add(make_record())
    assert records.count("me") == 1


def test_a_full_disk_is_told_apart(records, make_record):
    with records.engine.begin() as connection:
        pages = connection.exec_driver_sql("pragma page_count").scalar_one()
    # A limit of the connection, so of every one that the pool gives.
    with records.engine.connect() as connection:
        connection.exec_driver_sql(f"pragma max_page_count={pages}")
    with pytest.raises(DatabaseError) as caught:
        for _ in range(9):
            records.add(make_record(outline="M1 2L3 4Z" * 9999))
    assert caught.value.status == 507


def test_a_database_that_cannot_be_written_says_so_and_can_still_be_read(records, make_record):
    record = make_record()
    records.add(record)
    with records.engine.connect() as connection:
        connection.exec_driver_sql("pragma query_only=1")
    with pytest.raises(DatabaseError, match="readonly") as caught:
        records.add(make_record())
    assert caught.value.status == 503
    assert records.get(record.id, "me") == record


def test_an_error_shows_the_log_no_names_of_files(records, make_record):
    record = make_record(name="Jane Doe.png")
    records.add(record)
    with pytest.raises(DatabaseError) as caught:
        records.add(record)
    assert "Jane" not in str(caught.value)


def test_the_postgres_words_for_a_full_disk_are_known():
    class DiskFull(Exception):
        sqlstate = "53100"

    assert DatabaseError(OperationalError("insert", {}, DiskFull())).status == 507
    assert DatabaseError(OperationalError("insert", {}, Exception("gone"))).status == 503


def test_workers_that_start_together_share_one_new_database(url):
    code = f"from web.analyses.records import Records; Records.open({url!r}, keep_days=1).count('me')"
    workers = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert [worker.communicate(timeout=120)[1] for worker in workers] == [""] * 4


def test_herokus_name_for_postgres_is_understood():
    assert database.make_engine("sqlite://").url.get_backend_name() == "sqlite"
    try:
        engine = database.make_engine("postgres://me@localhost/x")
    except ImportError as error:
        assert "psycopg" in str(error)
    else:
        assert engine.url.get_backend_name() == "postgresql"
