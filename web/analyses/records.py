"""Repository of the stored analyses: one row of the database each, newest first."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Select, delete, func, insert, select

from web.analyses.database import analyses, open_database, reading, writing
from web.analyses.record import ID, Record, copies_in

log = logging.getLogger(__name__)

# Expired analyses that are looked at in one step.
PRUNED_AT_ONCE = 20
# Rows per fetch where all are asked for: each is some kilobytes.
ROWS_PER_FETCH = 100
DAY_MS = 86_400_000

# Analyses to delete: the annotated copies of each, by its id.
Filed = Mapping[str, Sequence[str]]

_rows = select(analyses.c.id, analyses.c.content)
_number = select(func.count()).select_from(analyses)


@dataclass(frozen=True)
class Records:
    """The analyses in a database; any number of threads and processes may use it.

    Every method raises DatabaseError where the database fails.

    Attributes:
        engine: The database.
        keep_days: An older analysis is not shown, even if it is still stored.
    """

    engine: Engine
    keep_days: int

    @classmethod
    def open(cls, url: str, *, keep_days: int) -> "Records":
        """Open a database by its URL; see `web.analyses.database.open_database`."""
        return cls(open_database(url), keep_days)

    def ask(self) -> None:
        """Check that the database answers."""
        with reading(self.engine) as connection:
            connection.execute(_rows.limit(1)).first()

    def add(self, record: Record) -> None:
        """Store one analysis."""
        row = {
            "id": record.id,
            "owner": record.owner,
            "created_ms": _milliseconds(record.created),
            "content": record.to_json(),
        }
        with writing(self.engine) as connection:
            connection.execute(insert(analyses).values(row))

    def get(self, id: str, owner: str) -> Record | None:
        """Return an owner's analysis; None if there is none, or it is somebody else's."""
        # PostgreSQL refuses some strings that cannot be an id anyway.
        if not ID.fullmatch(id):
            return None
        found = list(self._found(self._shown(_rows, owner).where(analyses.c.id == id)))
        return found[0] if found else None

    def of(self, owner: str, *, limit: int | None = None, offset: int = 0) -> list[Record]:
        """Return an owner's analyses, newest first.

        Args:
            owner: The owner's token.
            limit: The most to return; None for all.
            offset: How many of the newest to skip.

        Returns:
            The analyses; one that cannot be read is left out, with a warning in the log.
        """
        return list(self._found(self._newest_first(owner).offset(offset).limit(limit)))

    def each(self, owner: str) -> Iterator[Record]:
        """Yield all of an owner's analyses, newest first, a few at a time."""
        return self._found(self._newest_first(owner))

    def count(self, owner: str) -> int:
        """Return how many analyses an owner has."""
        with reading(self.engine) as connection:
            return int(connection.execute(self._shown(_number, owner)).scalar_one())

    def filed(self, owner: str) -> Filed:
        """Return all that is stored for an owner, including what is expired or cannot be read."""
        return self._filed(_rows.where(analyses.c.owner == owner))

    def expired(self, now: datetime, *, count: int, but: str = "") -> Filed:
        """Return the oldest analyses that are expired; if none is, some of those above the limit of analyses.

        Those above the limit are the oldest of the owner who has most, so that nobody's large batch deletes the
        analyses of everybody else.

        Args:
            now: The time.
            count: The limit of analyses.
            but: The id of an analysis that is never returned.

        Returns:
            At most PRUNED_AT_ONCE analyses.
        """
        oldest = _rows.where(analyses.c.id != but).order_by(analyses.c.created_ms).limit(PRUNED_AT_ONCE)
        aged = self._filed(oldest.where(analyses.c.created_ms < self._since(now)))
        if aged:
            return aged
        with reading(self.engine) as connection:
            surplus = int(connection.execute(_number).scalar_one()) - count
            if surplus <= 0:
                return {}
            by_owner = select(analyses.c.owner).group_by(analyses.c.owner)
            most = connection.execute(by_owner.order_by(func.count().desc()).limit(1)).scalar_one_or_none()
        return self._filed(oldest.where(analyses.c.owner == most).limit(min(surplus, PRUNED_AT_ONCE)))

    @contextmanager
    def removing(self, ids: Sequence[str], *, unless_others_do: bool = False) -> Iterator[Sequence[str]]:
        """Delete analyses when the block succeeds; one that does not exist is no error.

        Args:
            ids: The analyses.
            unless_others_do: Whether to leave out those that another process is deleting now (PostgreSQL only).

        Yields:
            The ids that are deleted.
        """
        with writing(self.engine) as connection:
            if unless_others_do and connection.dialect.name == "postgresql":
                free = select(analyses.c.id).where(analyses.c.id.in_(ids)).with_for_update(skip_locked=True)
                ids = connection.execute(free).scalars().all()
            connection.execute(delete(analyses).where(analyses.c.id.in_(ids)))
            yield ids

    def _newest_first(self, owner: str) -> Select[Any]:
        return self._shown(_rows, owner).order_by(analyses.c.created_ms.desc(), analyses.c.id)

    def _shown(self, query: Select[Any], owner: str) -> Select[Any]:
        return query.where(analyses.c.owner == owner, analyses.c.created_ms >= self._since(datetime.now(UTC)))

    def _since(self, now: datetime) -> int:
        return _milliseconds(now) - self.keep_days * DAY_MS

    def _found(self, query: Select[Any]) -> Iterator[Record]:
        with reading(self.engine) as connection:
            for id, content in connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH)):
                try:
                    yield Record.from_json(content)
                except ValueError as error:
                    log.warning("The analysis %s… was left out: %s", id[:6], error)

    def _filed(self, query: Select[Any]) -> Filed:
        with reading(self.engine) as connection:
            rows = connection.execute(query.execution_options(yield_per=ROWS_PER_FETCH))
            return {id: copies_in(content) for id, content in rows}


def _milliseconds(when: datetime) -> int:
    return round(when.astimezone(UTC).timestamp() * 1000)
