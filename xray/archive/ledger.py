"""Ledger of one run: the files that were found, the results of their contents, and the rows that are written.

A temporary database on disk, as millions of files do not fit in memory. What is kept is the table of results, which
each run reads again.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from xray.archive.row import NUMBERS, File, Outcome, Result, Row

TABLES = """
CREATE TABLE files (address TEXT PRIMARY KEY, sha256 TEXT, problem TEXT) WITHOUT ROWID;
CREATE INDEX files_by_content ON files (sha256);
CREATE TABLE results ({columns}, PRIMARY KEY (sha256, model)) WITHOUT ROWID;
CREATE TABLE written (address TEXT, sha256 TEXT, model TEXT, PRIMARY KEY (address, sha256, model)) WITHOUT ROWID;
CREATE TABLE asked (position INTEGER PRIMARY KEY, model TEXT);
""".format(columns=", ".join(f"{name} {'REAL' if name in NUMBERS else 'TEXT'}" for name in Result._fields))
# A file has a row due for each model asked, unless it is written.
DUE = """
SELECT files.address, results.* FROM files JOIN results USING (sha256) JOIN asked USING (model)
WHERE {which} AND NOT EXISTS (SELECT 1 FROM written
    WHERE written.address = files.address AND written.sha256 = files.sha256 AND written.model = results.model)
ORDER BY files.address, asked.position
"""
FAILED = """
SELECT files.address, '', asked.model, '', NULL, NULL, '', files.problem, NULL, NULL, NULL, '', NULL, NULL
FROM files, asked
WHERE {which} AND files.sha256 = '' AND NOT EXISTS (SELECT 1 FROM written
    WHERE written.address = files.address AND written.sha256 = '' AND written.model = asked.model)
ORDER BY files.address, asked.position
"""
MISSING = """
SELECT MIN(address), sha256, '' FROM files WHERE sha256 <> '' AND
    (SELECT COUNT(*) FROM results JOIN asked USING (model) WHERE results.sha256 = files.sha256)
    < (SELECT COUNT(*) FROM asked)
GROUP BY sha256
"""
ADD_RESULT = f"INSERT OR IGNORE INTO results VALUES ({', '.join('?' * len(Result._fields))})"


class Ledger:
    """The files of one run and their rows."""

    def __init__(self, versions: Mapping[str, str], backbone: str) -> None:
        """Begin with nothing."""
        self._versions, self._backbone = versions, backbone
        # The empty name: a temporary file, which SQLite removes.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.executescript(TABLES)
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO asked (model) VALUES (?)", [(model,) for model in versions])

    def remember(self, rows: Iterable[Row]) -> None:
        """Take in the rows of earlier runs; those of other versions or backbones do not count."""
        for row in rows:
            if row.backbone == self._backbone and self._versions.get(row.model) == row.version:
                self._wrote(row)
                if row.sha256:
                    self._base.execute(ADD_RESULT, [getattr(row, name) for name in Result._fields])

    def knows(self, address: str) -> bool:
        """Tell whether an address has a row for each model asked, and none of them because it could not be read."""
        query = "SELECT COUNT(DISTINCT model) FROM written JOIN asked USING (model) WHERE address = ? AND sha256 <> ''"
        return bool(self._base.execute(query, (address,)).fetchone()[0] == len(self._versions))

    def add(self, file: File) -> None:
        """Add a file; one that is listed twice is one."""
        self._base.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", file)

    def plan(self) -> int:
        """Note the contents that lack a model's result, and return how many they are.

        Done again once these were analysed, it finds those that could not be read at one address and have another.
        """
        self._base.execute("DROP TABLE IF EXISTS missing")
        self._base.execute("CREATE TABLE missing AS" + MISSING)
        return int(self._base.execute("SELECT COUNT(*) FROM missing").fetchone()[0])

    def missing(self) -> Iterator[File]:
        """Yield each content of the plan once, at one of its addresses."""
        yield from (File(*found) for found in self._base.execute("SELECT * FROM missing"))

    def rows(self, outcome: Outcome) -> list[Row]:
        """Note the outcome of a content, and return the rows due: one for each of its addresses and models.

        Where it could not be analysed, they are those of all its addresses; where it could not be read, of that alone.
        """
        file = outcome.file
        if not file.problem:
            self._base.executemany(ADD_RESULT, outcome.results)
            return list(self._due(DUE.format(which="files.sha256 = ?"), file.sha256))
        addresses = [file.address]
        if file.sha256:
            same = self._base.execute("SELECT address FROM files WHERE sha256 = ?", (file.sha256,))
            addresses = [address for (address,) in same]
        failed: list[Row] = []
        for address in addresses:
            self.add(File(address, "", file.problem))
            failed += self._due(FAILED.format(which="files.address = ?"), address)
        return failed

    def known(self) -> Iterator[Row]:
        """Yield the rows due of files whose content has results already, at another address or from another run."""
        yield from self._due(DUE.format(which="files.sha256 <> ''"))

    def failed(self) -> Iterator[Row]:
        """Yield the rows due of files that could not be read."""
        yield from self._due(FAILED.format(which="TRUE"))

    def count_failed(self) -> int:
        """Count the files of this run that have no verdict."""
        query = """SELECT COUNT(*) FROM files WHERE sha256 = ''
            OR EXISTS (SELECT 1 FROM results WHERE results.sha256 = files.sha256 AND error <> '')"""
        return int(self._base.execute(query).fetchone()[0])

    def _due(self, query: str, *values: str) -> Iterator[Row]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for address, *values_of_result in self._base.execute(query, values):
            result = Result(*values_of_result)
            version = self._versions[result.model]
            row = Row(path=address, version=version, backbone=self._backbone, time=now, **result._asdict())
            self._wrote(row)
            yield row

    def _wrote(self, row: Row) -> None:
        self._base.execute("INSERT OR IGNORE INTO written VALUES (?, ?, ?)", (row.path, row.sha256, row.model))
