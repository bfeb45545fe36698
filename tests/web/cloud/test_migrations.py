"""Databases of every age, in SQLite and in PostgreSQL."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import inspect, text

from web.analyses import database
from web.analyses.database import DatabaseError
from web.analyses.records import Records
from web.settings import SettingError

ROOT = Path(__file__).resolve().parents[3]
NEWEST = database._newest_version()
NEXT = f'''"""Something that a later version may want."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9000", "{NEWEST}"


def upgrade():
    op.add_column("analyses", sa.Column("mood", sa.String(8), server_default="calm", nullable=False))
    {{more}}
'''


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
def first_edition(url, make_record):
    """A database as the application made it before there were migrations, with one analysis."""
    engine = database.make_engine(url)
    database.analyses.create(engine)
    record = make_record()
    Records(engine, 30).add(record)
    with engine.begin() as connection:
        connection.execute(text("alter table analyses drop column sender"))
    engine.dispose()
    return record


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Make the code one version newer."""
    folder = tmp_path / "migrations"

    def write(more: str = "") -> None:
        copytree(database.MIGRATIONS, folder)
        (folder / "versions" / "version_9000.py").write_text(NEXT.format(more=more), encoding="utf-8")
        monkeypatch.setattr(database, "MIGRATIONS", folder)

    return write


def state(records: Records) -> tuple[str, set[str]]:
    with records.engine.connect() as connection:
        columns = {each["name"] for each in inspect(connection).get_columns("analyses")}
        return connection.execute(text("select version_num from alembic_version")).scalar_one(), columns


@pytest.mark.parametrize("start", ["first_edition", "new"])
def test_a_newer_version_migrates_at_its_start_and_keeps_the_rows(start, request, open_records, newer, make_record):
    record = make_record() if start == "new" else request.getfixturevalue("first_edition")
    if start == "new":
        open_records().add(record)
    newer()
    records = open_records()
    version, columns = state(records)
    assert version == "9000" and "mood" in columns and records.of("me") == [record]
    assert open_records().of("me") == [record]


def test_a_migration_that_fails_half_way_changes_nothing(first_edition, open_records, newer, monkeypatch):
    before = database.MIGRATIONS
    newer("op.execute('select nonsense from nowhere')")
    with pytest.raises(SettingError, match="nowhere"):
        open_records()
    monkeypatch.setattr(database, "MIGRATIONS", before)
    records = open_records()
    assert "mood" not in state(records)[1] and records.of("me") == [first_edition]


def test_a_database_of_a_newer_version_is_not_touched(open_records):
    records = open_records()
    with records.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(SettingError, match=r"Received version 9999\. Run the version") as caught:
        open_records()
    assert "\n" not in str(caught.value) and state(records)[0] == "9999"


def test_of_many_that_start_at_once_one_migrates(url, newer, first_edition):
    newer()

    def start(_: int) -> list[object]:
        records = Records.open(url, keep_days=30)
        try:
            return records.of("me")
        finally:
            records.engine.dispose()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == [[first_edition]] * 6


def test_the_migrations_make_the_tables_that_the_code_states(url):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"DATABASE_URL": url}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    engine = database.make_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), database.schema) == []
    engine.dispose()


def test_a_database_out_of_reach_says_so_and_comes_back(new_database, make_record, postgres):
    import psycopg

    records, record = Records.open(new_database, keep_days=30), make_record()
    records.add(record)
    with psycopg.connect(new_database, autocommit=True) as connection:
        # As a server does that is restarted: whoever is connected is sent away.
        sent_away = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        connection.execute(f"{sent_away} and datname = current_database()")
    assert records.get(record.id, "me") == record, "a broken connection is replaced"
    gone = Records(database.make_engine(new_database.replace(str(postgres.port), "9")), keep_days=30)
    with pytest.raises(DatabaseError) as caught:
        gone.add(record)
    assert caught.value.status == 503
    for each in (records, gone):
        each.engine.dispose()
