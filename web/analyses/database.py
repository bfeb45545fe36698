"""The database behind the table of analyses: SQLite, or any other that SQLAlchemy knows."""

import errno
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
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from web.analyses.limits import limit
from web.analyses.store import StoreError
from web.analyses.versions import bring_up_to_date
from web.settings import SettingError

BUSY_S = 10  # that SQLite waits for another process that writes
# Of each process: small databases for hire allow 20 in all.
CONNECTIONS, MORE_CONNECTIONS = 3, 3
# Until a page says that the database is out of reach; a host gives up on a request at 30 s.
REACH_S = 5
POSTGRES_DISK_FULL = "53100"

schema = MetaData()
analyses = Table(
    "analyses",
    schema,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),  # since 1970 in UTC: every database sorts it alike
    Column("content", Text, nullable=False),  # web.record.Record as JSON
    Index("analyses_by_owner", "owner", "created_ms"),
    Index("analyses_by_time", "created_ms"),
)


class DatabaseError(StoreError):
    """The database cannot be reached, is locked or full, or cannot be written; nothing was changed."""

    def __init__(self, error: SQLAlchemyError) -> None:
        """Keep the driver's own words: SQLAlchemy's would show names of files and owners."""
        cause = getattr(error, "orig", None) or error
        full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        full = full or getattr(cause, "sqlstate", getattr(cause, "pgcode", None)) == POSTGRES_DISK_FULL
        super().__init__(OSError(errno.ENOSPC if full else errno.EIO, str(cause).strip()))
        if not full:
            self.status = 503


def address(config: Mapping[str, object]) -> str:
    """Return which database the settings name: by default a file in the instance folder."""
    file = Path(str(config["INSTANCE_DIR"])) / "analyses.sqlite3"
    return str(config["DATABASE_URL"] or f"sqlite:///{file.resolve()}")


def opened(url: str) -> Engine:
    """Open a database, making the table where it is missing and bringing it up to date where it is old.

    Args:
        url: its address, such as sqlite:////folder/xray.sqlite3.

    Raises:
        SettingError: not an address, no such database, no driver for it, or a table of a newer version.
    """
    try:
        return _up_to_date(_engine(url))
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SettingError(
            "DATABASE_URL: expected a database that can be written. Received: %(reason)s. Correct it, install its "
            "driver (PostgreSQL: pip install -r requirements-cloud.txt), or remove it to use a file in the instance "
            "folder.",
            reason=reason,
        ) from error


def _up_to_date(engine: Engine) -> Engine:
    try:
        try:
            bring_up_to_date(engine, schema, analyses.name)
        except DBAPIError:
            # Two workers may start at once: whoever comes second finds the table.
            bring_up_to_date(engine, schema, analyses.name)
    except BaseException:
        engine.dispose()
        raise
    limit(engine)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Read what stands in the database at this moment."""
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(error) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Change all or nothing: whatever is raised meanwhile takes the change back."""
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseError(error) from error


def _engine(url: str) -> Engine:
    # Heroku still writes postgres://, a name that SQLAlchemy gave up.
    address = make_url(url.replace("postgres://", "postgresql://", 1))
    if address.get_backend_name() != "sqlite":
        return _server(address)
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _write_ahead)
    return engine


def _server(address: URL) -> Engine:
    if address.get_backend_name() != "postgresql":
        return create_engine(address, pool_pre_ping=True)
    address = address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address
    # A server that went away in the middle of an answer is not waited for, either: libpq's own settings.
    reach = {"connect_timeout": REACH_S, "tcp_user_timeout": 2 * REACH_S * 1000}
    return create_engine(
        address.update_query_dict({**{name: str(value) for name, value in reach.items()}, **address.query}),
        pool_pre_ping=True,  # a server may close a connection that waits in the pool
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        pool_timeout=2 * REACH_S,
    )


def _write_ahead(connection: DBAPIConnection, _: object) -> None:
    """Let readers read while one writes; a killed process leaves the database whole."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
