"""The table of analyses: who did which, newest first. SQLite, or any other database that SQLAlchemy knows."""

import errno
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from web.record import Record
from web.settings import SettingError
from web.store import StoreError

# Of expired analyses, as many are taken away after each new one: the list shrinks faster than it grows.
PRUNED_AT_ONCE = 20
BUSY_S = 10  # that SQLite waits for another process that writes

_schema = MetaData()
_analyses = Table(
    "analyses",
    _schema,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),  # since 1970 in UTC: every database sorts it alike
    Column("content", Text, nullable=False),  # web.record.Record as JSON
    Index("analyses_by_owner", "owner", "created_ms"),
    Index("analyses_by_time", "created_ms"),
)


class Records:
    """The analyses in a database; any number of threads and processes may use it."""

    def __init__(self, engine: Engine) -> None:
        """Use a database, making the table where it is missing."""
        self._engine = engine
        try:
            _schema.create_all(engine)
        except DBAPIError:
            # Two workers may start at once: whoever comes second finds the table.
            _schema.create_all(engine)

    @classmethod
    def open(cls, url: str) -> "Records":
        """Open a database by its address, such as sqlite:////folder/xray.sqlite3.

        Raises:
            SettingError: not an address, no such database, or no driver for it.
        """
        try:
            return cls(_engine(url))
        except (ArgumentError, SQLAlchemyError, ImportError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise SettingError(
                f"DATABASE_URL: expected a database that can be written. Received: {reason}. Correct it, or remove "
                "it to use a file in the instance folder."
            ) from error

    def add(self, record: Record) -> None:
        """Keep one analysis.

        Raises:
            StoreError: the database cannot be written.
        """
        row = {
            "id": record.id,
            "owner": record.owner,
            "created_ms": _milliseconds(record.created),
            "content": record.to_json(),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(_analyses).values(row))
        except SQLAlchemyError as error:
            full = "full" in str(error)  # SQLite's own word for a disk without room
            raise StoreError(OSError(errno.ENOSPC if full else errno.EIO, str(error))) from error

    def get(self, id: str, owner: str) -> Record | None:
        """Return an owner's analysis; None where there is none, or it is somebody else's."""
        query = select(_analyses.c.content).where(_analyses.c.id == id, _analyses.c.owner == owner)
        with self._engine.connect() as connection:
            content = connection.execute(query).scalar()
        return Record.from_json(content) if content else None

    def of(self, owner: str, *, limit: int | None = None, offset: int = 0) -> list[Record]:
        """Return an owner's analyses, newest first."""
        query = (
            select(_analyses.c.content)
            .where(_analyses.c.owner == owner)
            .order_by(_analyses.c.created_ms.desc(), _analyses.c.id)
            .offset(offset)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [Record.from_json(content) for content in connection.execute(query).scalars()]

    def count(self, owner: str) -> int:
        """Return how many analyses an owner has."""
        query = select(func.count()).select_from(_analyses).where(_analyses.c.owner == owner)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def known(self, ids: Sequence[str]) -> set[str]:
        """Return those of some addresses that are analyses here."""
        query = select(_analyses.c.id).where(_analyses.c.id.in_(ids))
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def expired(self, now: datetime, *, days: int, count: int) -> list[Record]:
        """Return the oldest analyses that are older than so many days, or more than so many in all.

        At most PRUNED_AT_ONCE of them.
        """
        oldest = select(_analyses.c.content).order_by(_analyses.c.created_ms).limit(PRUNED_AT_ONCE)
        before = _milliseconds(now - timedelta(days=days))
        with self._engine.connect() as connection:
            total = int(connection.execute(select(func.count()).select_from(_analyses)).scalar_one())
            aged = list(connection.execute(oldest.where(_analyses.c.created_ms < before)).scalars())
            surplus = min(total - count, PRUNED_AT_ONCE)
            if surplus > len(aged):
                aged = list(connection.execute(oldest.limit(surplus)).scalars())
        return [Record.from_json(content) for content in aged]

    def remove(self, ids: Iterable[str]) -> None:
        """Forget some analyses; one that is not there is no error."""
        with self._engine.begin() as connection:
            connection.execute(delete(_analyses).where(_analyses.c.id.in_(list(ids))))


def _engine(url: str) -> Engine:
    # Heroku still writes postgres://, a name that SQLAlchemy gave up.
    address = make_url(url.replace("postgres://", "postgresql://", 1))
    if address.get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True)
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(address, connect_args={"timeout": BUSY_S})
    event.listen(engine, "connect", _write_ahead)
    return engine


def _write_ahead(connection: DBAPIConnection, _: object) -> None:
    """Let readers read while one writes; a killed process leaves the database whole."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _milliseconds(when: datetime) -> int:
    return round(when.astimezone(UTC).timestamp() * 1000)
