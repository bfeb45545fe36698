"""Which version of its table a database has, and how it comes to the one that this code knows.

A new database is made as the code knows it. One of an earlier version is brought up to date by Alembic, at the start
and without being asked: whoever serves five films a day runs no commands. See migrations/.
"""

from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, insert, inspect, select, text

from web.settings import SettingError

# The table as it was before versions were kept, and as web/analyses/database.py states it today.
FIRST = LATEST = "0001"
MIGRATIONS = Path(__file__).resolve().parent / "migrations"
# Any number that no other program takes: ASCII "xray".
LOCK = 0x78726179

# Alembic's own table, so that its commands know what we did.
_versions = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))


def bring_up_to_date(engine: Engine, schema: MetaData, table: str) -> None:
    """Make or change the tables where that is needed, all or nothing; others who start meanwhile wait.

    Args:
        engine: the database.
        schema: the tables as the code knows them.
        table: one that every version has.

    Raises:
        SettingError: a newer version of the application changed them, or Alembic is not installed.
        SQLAlchemyError: the database does not do what it is asked.

    Source:
        "Building an Up to Date Database from Scratch", Alembic's cookbook.
    """
    with engine.connect() as connection:
        if _version(connection) == LATEST:
            return
    with engine.connect() as connection:
        _wait_for_others(connection)
        version = _version(connection)
        if version is None:
            old = inspect(connection).has_table(table)
            version = FIRST if old else LATEST
            _versions.create(connection, checkfirst=True)
            connection.execute(insert(_versions).values(version_num=version))
            if not old:
                schema.create_all(connection)
        if version != LATEST:
            _upgrade(connection, version)
        connection.commit()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_versions.name):
        return None
    return connection.execute(select(_versions.c.version_num)).scalar()


def _wait_for_others(connection: Connection) -> None:
    """Begin to write before looking: of several instances that start at once, one makes the tables."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin immediate")
    elif connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def _upgrade(connection: Connection, version: str) -> None:
    try:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError
    except ImportError as error:
        raise SettingError(
            "The table of analyses is of an earlier version, and Alembic, which brings it up to date, is not "
            "installed. Install it with: pip install -r requirements.txt"
        ) from error
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SettingError(
            "DATABASE_URL: expected a table of analyses of version %(latest)s or earlier. Received version "
            "%(version)s. Run the version of this application that made it, or name another database.",
            latest=LATEST,
            version=version,
        ) from error
