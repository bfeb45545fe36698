"""The stored analyses: what is kept of one for pages, reports and programs, and the table with a row for each."""

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Select, delete, func, insert, select, update

from web.analyses.database import analyses, departures, open_database, reading, shares, writing
from xray.combined import Combined, combine
from xray.finding import Finding, finding_of, found_by
from xray.networks.heads import Judgement, Verdict
from xray.opacity import Measures
from xray.quality.cautions import Caution

log = logging.getLogger(__name__)

# The id of an analysis: 128 random bits, as secrets.token_urlsafe(16) writes them.
ID = re.compile(r"[A-Za-z0-9_-]{22}")
# Of the share that evenly spread heat would have in the lungs. Measured on 60 test radiographs with version 4 of the
# networks: below it lie 1 of 33 POSITIVE answers, and 40 of 85 others, as what speaks for normal lies anywhere.
DOUBTFUL_HEAT = 0.9
# Expired analyses that are looked at in one step.
PRUNED_AT_ONCE = 20
# Rows per fetch where all are asked for: each is some kilobytes.
ROWS_PER_FETCH = 100
DAY_MS = 86_400_000

# Analyses to delete: the annotated copies of each, by its id.
Filed = Mapping[str, Sequence[str]]

_rows = select(analyses.c.id, analyses.c.content)
_number = select(func.count()).select_from(analyses)


@dataclass(frozen=True, kw_only=True)
class ModelResult(Judgement):
    """The result of one model; see `xray.prediction.Prediction`.

    Attributes:
        version: of the model.
        explained: the label whose evidence the heat map shows.
        heat_in_lungs: share of the heat inside the lungs, in [0, 1]; None where there is no heat.
        even_heat: the share that evenly spread heat would have there.
        copy: file name of the annotated copy.
    """

    version: str
    explained: str
    heat_in_lungs: float | None
    even_heat: float
    copy: str

    @property
    def finding(self) -> str | None:
        """What the model found; None where its labels do not exclude each other. See `xray.finding`."""
        return finding_of([self])

    @property
    def annotated(self) -> str:
        """The name under which its annotated copy is sent; see `web.analyses.storage.COPY_NAME`."""
        return f"annotated-{self.model}{'.png' if self.copy.endswith('.png') else '.jpg'}"

    @property
    def heat_beside_lungs(self) -> bool:
        """Whether clearly less heat of a disease lies in the lungs than if spread evenly: a reason for doubt."""
        if self.heat_in_lungs is None or self.finding in (Finding.NORMAL, Finding.UNDECIDED):
            return False
        return self.heat_in_lungs < DOUBTFUL_HEAT * self.even_heat


@dataclass(frozen=True)
class Record:
    """One analysis of one radiograph, as it is stored.

    A field that is added here later needs a default, as stored rows lack it.

    Attributes:
        id: its address; see ID.
        owner: who may open it; see `web.security.visitors`. Empty in what a guest is shown.
        created: when, in UTC.
        name: of the file, safe to display.
        choice: the model that was asked for, "both" or "all".
        width: of the image in pixels.
        height: of the image in pixels.
        box: the part that the networks saw: top, bottom, left, right, in pixels.
        outline: of the lungs, as the data of an SVG path in pixels of the image.
        cautions: why the verdicts deserve more doubt than their scores say.
        results: one for each model asked.
        deep: whether the radiograph has more than 8 bits, and its levels are stored too.
        window_low: the level that is shown black; see `xray.io.pixels.GreyLevels`.
        window_high: the level that is shown white.
        curve: the greys between the two, where they do not rise linearly.
        turn: degrees clockwise by which the image was turned first, as asked.
        tilt: degrees by which the film is turned clockwise from upright.
        opacity: what was measured on the opacity map; None where none was made.
        text: lines of burnt-in text that are not covered: top, bottom, left, right, in pixels.
        example: the name of the example that it is, see `web.examples`; empty for a file that was sent.
    """

    id: str
    owner: str
    created: datetime
    name: str
    choice: str
    width: int
    height: int
    box: tuple[int, int, int, int]
    outline: str
    cautions: tuple[str, ...]
    results: tuple[ModelResult, ...]
    deep: bool = False
    window_low: float = 0.0
    window_high: float = 255.0
    curve: tuple[int, ...] = ()
    turn: int = 0
    tilt: int = 0
    opacity: Measures | None = None
    text: tuple[tuple[int, int, int, int], ...] = ()
    example: str = ""

    @property
    def combined(self) -> Combined | None:
        """The result of both models together; None where not both were asked."""
        return combine(self.results)

    @property
    def verdict(self) -> Verdict:
        """The verdict of both models together where both were asked, else of the first."""
        return self.combined.verdict if self.combined else self.results[0].verdict

    @property
    def finding(self) -> str | None:
        """The finding of both models together where both were asked, else of the first; see `xray.finding`."""
        return finding_of(self.results)

    @property
    def found(self) -> tuple[str, ...]:
        """The finding, or each label that a model of labels that do not exclude each other found."""
        return found_by(self.results)

    @property
    def is_own(self) -> bool:
        """Whether only models of a user's own were asked."""
        return all(result.is_own for result in self.results)

    @property
    def inverted(self) -> bool:
        """Whether the image came as a negative and was inverted."""
        return str(Caution.INVERTED) in self.cautions

    @property
    def copies(self) -> tuple[str, ...]:
        """The file names of its annotated copies."""
        return tuple(result.copy for result in self.results)

    def shared(self) -> dict[str, Any]:
        """Return what may leave the app, in the order of a page: all but the owner, with the findings."""
        plain = {name: value for name, value in self._plain().items() if name != "owner"}
        for result, said in zip(plain["results"], self.results, strict=True):
            result["finding"] = said.finding
        combined = msgspec.to_builtins(self.combined)
        return plain | {"finding": self.finding, "found": list(self.found), "combined": combined}

    def for_guest(self) -> "Record":
        """Return what a share link shows: without its owner and all that holds the name of the file."""
        return replace(self, owner="", name="", results=tuple(replace(each, copy="") for each in self.results))

    def to_json(self) -> str:
        """Return all of it as JSON, in ASCII: databases differ in which other letters they take."""
        return json.dumps(self._plain())

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain | {"created": self.created.isoformat()}

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read what `to_json` wrote, in this or a later version: unknown keys are ignored.

        Raises:
            ValueError: it is damaged, or a required field is missing.
        """
        try:
            record = msgspec.convert(json.loads(text), cls)
        except msgspec.ValidationError as error:
            raise ValueError(f"Expected an analysis as JSON. Received one that cannot be read: {error}.") from error
        if not record.results:
            raise ValueError("Expected the result of at least one model. Received an analysis without.")
        return replace(record, created=record.created.astimezone(UTC))


def copies_in(text: str) -> tuple[str, ...]:
    """Return the annotated copies that a stored analysis names, even where the rest of it is damaged."""
    try:
        return tuple(str(each["copy"]) for each in json.loads(text)["results"])
    except (KeyError, TypeError, ValueError):
        return ()


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

    def add(self, record: Record, sender: str = "") -> None:
        """Store one analysis.

        Args:
            record: The analysis.
            sender: The group of its sender, who may have many owners' tokens; see `expired`.
        """
        row = {
            "id": record.id,
            "owner": record.owner,
            "created_ms": milliseconds(record.created),
            "content": record.to_json(),
            "sender": sender,
        }
        with writing(self.engine) as connection:
            connection.execute(insert(analyses).values(row))

    def update(self, record: Record) -> bool:
        """Store an analysis anew; one that is gone stays gone. Tell whether it is there."""
        row = update(analyses).where(analyses.c.id == record.id, analyses.c.owner == record.owner)
        with writing(self.engine) as connection:
            return connection.execute(row.values(content=record.to_json())).rowcount > 0

    def get(self, id: str, owner: str) -> Record | None:
        """Return an owner's analysis; None if there is none, or it is somebody else's."""
        # PostgreSQL refuses some strings that cannot be an id anyway.
        if not ID.fullmatch(id):
            return None
        found = list(self._found(self._shown(_rows, owner).where(analyses.c.id == id)))
        return found[0] if found else None

    def of(self, owner: str, *, limit: int | None = None, offset: int = 0) -> list[Record]:
        """Return an owner's analyses, newest first.

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

        Those above the limit are the oldest of the sender who has most, and of its owner who has most, so that nobody's
        large batch deletes the analyses of everybody else, not even with a new cookie for each.

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
            theirs: list[ColumnElement[bool]] = []
            surplus = int(connection.execute(_number).scalar_one()) - count
            if surplus <= 0:
                return {}
            for column in (analyses.c.sender, analyses.c.owner):
                most = select(column).where(*theirs).group_by(column)
                # Of owners who have as many, the one whose oldest is the oldest.
                most = most.order_by(func.count().desc(), func.min(analyses.c.created_ms)).limit(1)
                theirs.append(column == connection.execute(most).scalar_one_or_none())
        return self._filed(oldest.where(*theirs).limit(min(surplus, PRUNED_AT_ONCE)))

    def leave(self, session: str, lifetime: timedelta) -> None:
        """Note that a session was left, and forget those whose cookies have expired since."""
        now = datetime.now(UTC)
        with writing(self.engine) as connection:
            connection.execute(delete(departures).where(departures.c.left_ms < milliseconds(now - lifetime)))
            connection.execute(delete(departures).where(departures.c.id == session))
            connection.execute(insert(departures).values(id=session, left_ms=milliseconds(now)))

    def has_left(self, session: str) -> bool:
        """Tell whether a session was left."""
        with reading(self.engine) as connection:
            return connection.execute(select(departures.c.id).where(departures.c.id == session)).first() is not None

    @contextmanager
    def removing(self, ids: Sequence[str], *, unless_others_do: bool = False) -> Iterator[Sequence[str]]:
        """Delete analyses and their share links when the block succeeds; one that does not exist is no error.

        `unless_others_do` leaves out those that another process is deleting now (PostgreSQL only).

        Yields:
            The ids that are deleted.
        """
        with writing(self.engine) as connection:
            if unless_others_do and connection.dialect.name == "postgresql":
                free = select(analyses.c.id).where(analyses.c.id.in_(ids)).with_for_update(skip_locked=True)
                ids = connection.execute(free).scalars().all()
            connection.execute(delete(shares).where(shares.c.analysis.in_(ids)))
            connection.execute(delete(analyses).where(analyses.c.id.in_(ids)))
            yield ids

    def _newest_first(self, owner: str) -> Select[Any]:
        return self._shown(_rows, owner).order_by(analyses.c.created_ms.desc(), analyses.c.id)

    def _shown(self, query: Select[Any], owner: str) -> Select[Any]:
        return query.where(analyses.c.owner == owner, analyses.c.created_ms >= self._since(datetime.now(UTC)))

    def _since(self, now: datetime) -> int:
        return milliseconds(now) - self.keep_days * DAY_MS

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


def milliseconds(when: datetime) -> int:
    """Return a time as the tables hold it: milliseconds since 1970 in UTC."""
    return round(when.astimezone(UTC).timestamp() * 1000)
