"""What is known in one run: the films that were found, what was said of their contents, which rows are written.

A database on the disk, not in memory, that nobody else sees and that is gone with the run: what is kept is the results,
and each run reads them anew.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from xray.archive.row import Content, Judged, Row, Said

TABLES = """
CREATE TABLE films (address TEXT PRIMARY KEY, sha256 TEXT, problem TEXT) WITHOUT ROWID;
CREATE INDEX films_by_content ON films (sha256);
CREATE TABLE said (sha256 TEXT, model TEXT, verdict TEXT, score REAL, threshold REAL, cautions TEXT, error TEXT,
    PRIMARY KEY (sha256, model)) WITHOUT ROWID;
CREATE TABLE written (address TEXT, sha256 TEXT, model TEXT, PRIMARY KEY (address, sha256, model)) WITHOUT ROWID;
CREATE TABLE asked (position INTEGER PRIMARY KEY, model TEXT);
"""
# A film has a row due for each model asked, unless it is written.
DUE = """
SELECT films.address, said.* FROM films JOIN said USING (sha256) JOIN asked USING (model)
WHERE {which} AND NOT EXISTS (SELECT 1 FROM written
    WHERE written.address = films.address AND written.sha256 = films.sha256 AND written.model = said.model)
ORDER BY films.address, asked.position
"""
FAILED = """
SELECT films.address, '', asked.model, '', NULL, NULL, '', films.problem FROM films, asked
WHERE {which} AND films.sha256 = '' AND NOT EXISTS (SELECT 1 FROM written
    WHERE written.address = films.address AND written.sha256 = '' AND written.model = asked.model)
ORDER BY films.address, asked.position
"""
MISSING = """
SELECT MIN(address), sha256, '' FROM films WHERE sha256 <> '' AND
    (SELECT COUNT(*) FROM said JOIN asked USING (model) WHERE said.sha256 = films.sha256) < (SELECT COUNT(*) FROM asked)
GROUP BY sha256
"""


class Ledger:
    """The films of one run and their rows."""

    def __init__(self, versions: Mapping[str, str], backbone: str) -> None:
        """Begin with nothing.

        Args:
            versions: of each model that is asked, in the order of its rows.
            backbone: the network that they stand on.
        """
        self._versions, self._backbone = versions, backbone
        # The empty name: a temporary file, which SQLite removes.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.executescript(TABLES)
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO asked (model) VALUES (?)", [(model,) for model in versions])

    def remember(self, rows: Iterable[Row]) -> None:
        """Take in the rows that earlier runs wrote; those of other versions or backbones say nothing."""
        for row in rows:
            if row.backbone == self._backbone and self._versions.get(row.model) == row.version:
                self._wrote(row)
                if row.sha256:
                    self._base.execute("INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, ?, ?, ?)", row[1:8])

    def knows(self, address: str) -> bool:
        """Tell whether an address has a row for each model asked, and none of them because it could not be read."""
        query = "SELECT COUNT(DISTINCT model) FROM written JOIN asked USING (model) WHERE address = ? AND sha256 <> ''"
        return bool(self._base.execute(query, (address,)).fetchone()[0] == len(self._versions))

    def found(self, content: Content) -> None:
        """Note a film; one that is listed twice is one."""
        self._base.execute("INSERT OR REPLACE INTO films VALUES (?, ?, ?)", content)

    def plan(self) -> int:
        """Note which contents not every model has spoken of, and return how many they are.

        Done again once these were judged, it finds those that could not be read under one name and have another.
        """
        self._base.execute("DROP TABLE IF EXISTS missing")
        self._base.execute("CREATE TABLE missing AS" + MISSING)
        return int(self._base.execute("SELECT COUNT(*) FROM missing").fetchone()[0])

    def missing(self) -> Iterator[Content]:
        """Yield each content of the plan once, under one of its addresses."""
        yield from (Content(*found) for found in self._base.execute("SELECT * FROM missing"))

    def judged(self, judged: Judged) -> list[Row]:
        """Note what was said of a content, and return the rows due: one for each of its addresses and models.

        Where it could not be judged, they are those of all its names; where it could not be read, of that name alone.
        """
        film = judged.film
        if film.problem:
            names = [film.address]
            if film.sha256:
                named = self._base.execute("SELECT address FROM films WHERE sha256 = ?", (film.sha256,))
                names = [address for (address,) in named]
            failed: list[Row] = []
            for name in names:
                self.found(Content(name, "", film.problem))
                failed += self._due(FAILED.format(which="films.address = ?"), name)
            return failed
        self._base.executemany("INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, ?, ?, ?)", judged.said)
        return list(self._due(DUE.format(which="films.sha256 = ?"), film.sha256))

    def known(self) -> Iterator[Row]:
        """Yield the rows due of films whose content is known already, under another name or from another run."""
        yield from self._due(DUE.format(which="films.sha256 <> ''"))

    def failed(self) -> Iterator[Row]:
        """Yield the rows due of films that could not be read."""
        yield from self._due(FAILED.format(which="TRUE"))

    def count_failed(self) -> int:
        """Count the films of this run that have no verdict."""
        query = """SELECT COUNT(*) FROM films WHERE sha256 = ''
            OR EXISTS (SELECT 1 FROM said WHERE said.sha256 = films.sha256 AND error <> '')"""
        return int(self._base.execute(query).fetchone()[0])

    def _due(self, query: str, *values: str) -> Iterator[Row]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for address, *said in self._base.execute(query, values):
            each = Said(*said)
            row = Row(address, *each, self._versions[each.model], self._backbone, now)
            self._wrote(row)
            yield row

    def _wrote(self, row: Row) -> None:
        self._base.execute("INSERT OR IGNORE INTO written VALUES (?, ?, ?)", (row.path, row.sha256, row.model))
