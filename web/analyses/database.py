"""The database of analyses: its schema, its connections and its migrations; SQLite by default, or PostgreSQL."""

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from web.analyses.folders import StoreError
from web.settings import INSTALL_CLOUD, SettingError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
# The version of databases that are older than the migrations.
FIRST_VERSION = "0001"

# How long SQLite waits while another process writes.
BUSY_S = 10
# Connections per process, and more of them under load: small hosted databases allow 20 in all.
POOL_SIZE, POOL_OVERFLOW = 3, 3
CONNECT_TIMEOUT_S = 5
# Two statements that wait for a lock must end before hosts cut off a request at 30 s.
STATEMENT_TIMEOUT_S, LOCK_TIMEOUT_S = 10, 5
POSTGRES_DISK_FULL = "53100"
# Key of the advisory lock that migrations hold. Any number that no other program uses: ASCII "xray".
MIGRATION_LOCK = 0x78726179

schema = MetaData()
analyses = Table(
    "analyses",
    schema,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),  # since 1970 in UTC: every database sorts it alike
    Column("content", Text, nullable=False),  # web.analyses.records.Record as JSON
    Column("sender", String(4), nullable=False, server_default=""),  # web.security.rate_limit.sender_group
    Index("analyses_by_owner", "owner", "created_ms"),
    Index("analyses_by_time", "created_ms"),
)
shares = Table(
    "shares",
    schema,
    Column("hash", String(64), primary_key=True),  # of a link's token; see web.analyses.shares
    Column("analysis", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Index("shares_by_analysis", "analysis"),
)
departures = Table(
    "departures",
    schema,
    Column("id", String(64), primary_key=True),  # of a session that has left; see web.views.password
    Column("left_ms", BigInteger, nullable=False),
)


class DatabaseError(StoreError):
    """The database cannot be reached, is locked or full, or cannot be written; nothing was changed."""

    def __init__(self, error: SQLAlchemyError) -> None:
        """Keep the driver's message: SQLAlchemy's own would show names of files and owners."""
        cause = getattr(error, "orig", None) or error
        full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        full = full or getattr(cause, "sqlstate", getattr(cause, "pgcode", None)) == POSTGRES_DISK_FULL
        super().__init__(OSError(errno.ENOSPC if full else errno.EIO, str(cause).strip()))
        if not full:
            self.status = 503


def database_url(config: Mapping[str, object]) -> str:
    """Return the URL of the configured database: by default a SQLite file in the instance folder."""
    file = Path(str(config["INSTANCE_DIR"])) / "analyses.sqlite3"
    return str(config["DATABASE_URL"] or f"sqlite:///{file.resolve()}")


def open_database(url: str) -> Engine:
    """Open a database and migrate it to the newest version.

    Args:
        url: Its URL, such as sqlite:////folder/xray.sqlite3.

    Raises:
        SettingError: Not a URL, no such database, no driver for it, or a database of a newer version.
    """
    try:
        engine = make_engine(url)
        try:
            _migrate(engine)
        except BaseException:
            engine.dispose()
            raise
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SettingError(
            f"DATABASE_URL: expected a database that can be written. Received: {reason}. Correct it, install its "
            f"driver (PostgreSQL: {INSTALL_CLOUD}), or remove it to use a file in the instance folder."
        ) from error
    if engine.dialect.name == "postgresql":
        # Not before: a migration may take as long as it needs.
        event.listen(engine, "begin", _set_timeouts)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection to read with.

    Raises:
        DatabaseError: The database did not answer.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(error) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction: it is rolled back if anything is raised.

    Raises:
        DatabaseError: The change was not made.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(error) from error


def make_engine(url: str) -> Engine:
    """Make an engine for a URL; nothing is connected yet."""
    # Heroku still writes postgres://, which SQLAlchemy no longer accepts.
    address = make_url(url.replace("postgres://", "postgresql://", 1))
    if address.get_backend_name() == "postgresql":
        return _postgres(address)
    if address.get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True)
    if address.database and address.database != ":memory:":
        _make_private(Path(address.database))
    engine = create_engine(address, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _write_ahead)
    return engine


def _make_private(file: Path) -> None:
    """Make a SQLite file that only this user can read, in a folder of the same kind; its companions get its mode."""
    if not file.parent.exists():
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        file.parent.mkdir(mode=0o700, exist_ok=True)
    if os.access(file.parent, os.W_OK):
        file.touch(mode=0o600)
        file.chmod(0o600)


def _postgres(address: URL) -> Engine:
    address = address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address
    # libpq's own settings; what the URL says takes precedence.
    timeouts = {
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        "tcp_user_timeout": str(2 * CONNECT_TIMEOUT_S * 1000),  # gives up a connection that nobody acknowledges
    }
    return create_engine(
        address.update_query_dict({**timeouts, **address.query}),
        pool_pre_ping=True,  # a server may close an idle connection
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=2 * CONNECT_TIMEOUT_S,
    )


def _write_ahead(connection: DBAPIConnection, _: object) -> None:
    """Switch SQLite to write-ahead logging: readers do not wait for a writer, and a killed process damages nothing."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _set_timeouts(connection: Connection) -> None:
    """Limit the statements of a transaction.

    Not by options of the connection: poolers such as PgBouncer refuse those, or mix them up among their clients.
    """
    limits = {"statement_timeout": STATEMENT_TIMEOUT_S, "lock_timeout": LOCK_TIMEOUT_S}
    calls = (f"set_config('{name}', '{round(1000 * seconds)}', true)" for name, seconds in limits.items())
    connection.exec_driver_sql(f"select {', '.join(calls)}").close()


def _migrate(engine: Engine) -> None:
    """Migrate a database to the newest version; of several processes that start at once, one does it.

    Alembic takes 14 MB and is imported only where there is something to migrate.
    """
    with engine.connect() as connection:
        if _version(connection) == _newest_version():
            return
    try:
        _upgrade(engine)
    except DBAPIError:
        # Another process was making the same database; this one finds it made.
        _upgrade(engine)


def _upgrade(engine: Engine) -> None:
    with engine.connect() as connection:
        _lock(connection)
        version = _version(connection)
        if version is None and not inspect(connection).has_table(analyses.name):
            _create(connection)
        elif version != _newest_version():
            _run_migrations(connection, version)
        connection.commit()


def _create(connection: Connection) -> None:
    """Create the tables of the newest version, without Alembic: hosts that wipe their disk do it at every start.

    Source:
        "Building an Up to Date Database from Scratch", Alembic's cookbook.
    """
    schema.create_all(connection)
    connection.execute(text("create table alembic_version (version_num varchar(32) not null primary key)"))
    connection.execute(text("insert into alembic_version values (:version)"), {"version": _newest_version()})


def _run_migrations(connection: Connection, version: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        if version is None:
            command.stamp(config, FIRST_VERSION)
        command.upgrade(config, "head")
    except CommandError as error:
        raise SettingError(
            f"DATABASE_URL: expected a database of version {_newest_version()} or earlier. Received version "
            f"{version}. Run the version of this application that made it, or name another database."
        ) from error


def _lock(connection: Connection) -> None:
    """Let only one process migrate; the lock ends with the transaction."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("begin immediate")
    elif connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})


def _version(connection: Connection) -> str | None:
    """Return the version that Alembic wrote down; None for an empty database, and for one older than migrations."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = connection.execute(text("select version_num from alembic_version")).scalar()
    return None if version is None else str(version)


def _newest_version() -> str:
    return max(path.stem.removeprefix("version_") for path in (MIGRATIONS / "versions").glob("version_*.py"))
