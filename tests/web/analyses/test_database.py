"""A database that does not do what it is asked."""

import pytest

from web.analyses.database import DatabaseError
from web.analyses.records import Records
from web.settings import SettingError


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


def test_only_this_user_reads_the_database(tmp_path, make_record):
    records = Records.open(f"sqlite:///{tmp_path}/instance/x.sqlite3", keep_days=1)
    records.add(make_record())
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "instance").iterdir()} == {0o600}
    records.engine.dispose()
