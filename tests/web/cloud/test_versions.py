"""Databases of every age, in SQLite and in PostgreSQL."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import inspect, text

from tests.web.cloud.programs import needs
from web.analyses import database, versions
from web.analyses.database import DatabaseError
from web.analyses.records import Records
from web.settings import SettingError

ROOT = Path(__file__).resolve().parents[3]
NEXT = '''"""Something that a later version may want."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("analyses", sa.Column("mood", sa.String(8), server_default="calm", nullable=False))
    {more}
'''


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/analyses.sqlite3"
    return request.getfixturevalue("new_database")


@pytest.fixture
def open_records(url):
    """Open the database as the application does."""
    opened = []

    def open_it() -> Records:
        opened.append(Records.open(url, keep_days=30))
        return opened[-1]

    yield open_it
    for records in opened:
        records.engine.dispose()


@pytest.fixture
def old(url, make_record):
    """A database as the application made it before it had versions, with one analysis."""
    engine = database._engine(url)
    database.schema.create_all(engine)
    record = make_record()
    Records(engine, 30).add(record)
    engine.dispose()
    return record


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Let the code be of a later version, with one migration more."""
    needs("alembic")
    folder = tmp_path / "migrations"
    copytree(versions.MIGRATIONS, folder)

    def write(more: str = "") -> None:
        (folder / "versions" / "version_0002.py").write_text(NEXT.format(more=more), encoding="utf-8")
        monkeypatch.setattr(versions, "MIGRATIONS", folder)
        monkeypatch.setattr(versions, "LATEST", "0002")

    return write


def state(records: Records) -> tuple[str, set[str]]:
    with records.engine.connect() as connection:
        columns = {each["name"] for each in inspect(connection).get_columns("analyses")}
        return connection.execute(text("select version_num from alembic_version")).scalar_one(), columns


def test_a_new_database_is_of_our_version(open_records, make_record):
    records, record = open_records(), make_record()
    records.add(record)
    assert state(records)[0] == versions.LATEST
    assert open_records().get(record.id, "me") == record, "a second start changes nothing"


def test_an_old_one_is_taken_over_with_all_that_is_in_it(old, open_records):
    records = open_records()
    assert state(records)[0] == versions.FIRST and records.of("me") == [old]


@pytest.mark.parametrize("start", ["old", "new"])
def test_a_later_version_changes_the_table_at_its_start_and_keeps_the_rows(
    start, request, open_records, newer, make_record
):
    record = request.getfixturevalue("old") if start == "old" else make_record()
    if start == "new":
        open_records().add(record)
    newer()
    records = open_records()
    version, columns = state(records)
    assert version == "0002" and "mood" in columns and records.of("me") == [record]
    assert open_records().of("me") == [record]


def test_a_change_that_fails_half_way_changes_nothing(old, open_records, newer, monkeypatch):
    newer("op.execute('select nonsense from nowhere')")
    with pytest.raises(SettingError, match="nowhere"):
        open_records()
    monkeypatch.setattr(versions, "LATEST", versions.FIRST)
    records = open_records()
    assert "mood" not in state(records)[1] and records.of("me") == [old]


def test_what_a_newer_version_made_is_not_touched(open_records):
    records = open_records()
    with records.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(SettingError, match=r"Received version 9999\. Run the version") as caught:
        open_records()
    assert "\n" not in str(caught.value) and state(records)[0] == "9999"


def test_many_that_start_at_once_make_one_table(url, newer, old):
    newer()

    def start(_: int) -> list[object]:
        records = Records.open(url, keep_days=30)
        try:
            return records.of("me")
        finally:
            records.engine.dispose()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == [[old]] * 6


def test_what_the_migrations_make_is_what_the_code_states(url):
    needs("alembic")
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(versions.MIGRATIONS)).get_current_head() == versions.LATEST
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    engine = database._engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), database.schema) == []
    engine.dispose()


def test_without_alembic_nothing_else_is_missed(old, open_records, monkeypatch):
    monkeypatch.setitem(sys.modules, "alembic", None)
    assert open_records().of("me") == [old]
    monkeypatch.setattr(versions, "LATEST", "0002")
    with pytest.raises(SettingError, match=r"pip install -r requirements\.txt"):
        open_records()


def test_the_table_does_in_postgres_what_it_does_in_sqlite(new_database):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/web/analyses/test_records.py"]
    settings = os.environ | {"XRAY_TEST_DATABASE_URL": new_database}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 2 * 17


def test_a_database_that_is_out_of_reach_says_so_and_comes_back(new_database, make_record, postgres):
    import psycopg

    records, record = Records.open(new_database, keep_days=30), make_record()
    records.add(record)
    with psycopg.connect(new_database, autocommit=True) as connection:
        # As a server does that is restarted: whoever is connected is sent away.
        sent_away = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        connection.execute(f"{sent_away} and datname = current_database()")
    assert records.get(record.id, "me") == record, "a connection that broke meanwhile is made anew"
    gone = Records(database._engine(new_database.replace(str(postgres.port), "9")), keep_days=30)
    with pytest.raises(DatabaseError) as caught:
        gone.add(record)
    assert caught.value.status == 503
    for each in (records, gone):
        each.engine.dispose()


def test_a_driver_that_is_missing_is_named_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingError, match=r"pip install -r requirements-cloud\.txt"):
        Records.open("postgres://localhost/x", keep_days=1)
