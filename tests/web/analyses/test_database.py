"""A database that does not do what it is asked."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from web.analyses.database import DatabaseError
from web.analyses.records import Records
from web.settings import SettingError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/analyses.sqlite3"


@pytest.fixture
def records(url):
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


@pytest.mark.parametrize(("limit", "status"), [("query_only=1", 503), ("max_page_count=1", 507)])
def test_a_database_that_is_full_or_read_only_is_told_apart_and_can_still_be_read(records, make_record, limit, status):
    record = make_record()
    records.add(record)
    # A limit of the connection, so of every one that the pool gives; no file becomes smaller than it is.
    with records.engine.connect() as connection:
        connection.exec_driver_sql(f"pragma {limit}")
    with pytest.raises(DatabaseError) as caught:
        for _ in range(9):
            records.add(make_record(outline="M1 2L3 4Z" * 9999))
    assert caught.value.status == status and records.get(record.id, "me") == record


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


def test_only_this_user_reads_the_database(tmp_path, make_record):
    records = Records.open(f"sqlite:///{tmp_path}/instance/x.sqlite3", keep_days=1)
    records.add(make_record())
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "instance").iterdir()} == {0o600}
    records.engine.dispose()
