"""Where the rows of an archive go: one CSV file, or a folder of Parquet files. Both are added to, never rewritten."""

import csv
import logging
import math
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import IO, Protocol, TextIO

from xray.archive.row import Row
from xray.errors import XrayError
from xray.io import storage

# A part is written when it has so many rows or its first one is so old: a run that is killed loses no more.
ROWS_A_PART = 100_000
SECONDS_A_PART = 60.0
NUMBERS = ("score", "threshold")
LINE_BREAKS = re.compile("[\\r\\n]+")
_log = logging.getLogger(__name__)


class DestinationError(XrayError):
    """What was named as the place of the results cannot be added to."""


class Results(Protocol):
    """Rows that are there, and rows to come."""

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are there."""

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""

    def close(self) -> None:
        """See that all that was added is written."""


def to(destination: str) -> Results:
    """Return the results at a destination: a CSV file by its ending, else a Parquet folder.

    Raises:
        DestinationError: there is something else.
    """
    if destination.lower().endswith(".csv"):
        return CsvFile(destination)
    return ParquetFolder(destination)


class CsvFile:
    """One table with a line a row."""

    def __init__(self, path: str) -> None:
        """Begin the table, or go on with one; a last line that a killed run left half written is taken away.

        Raises:
            DestinationError: a file with other columns, or one that is not on this machine.
        """
        if storage.is_url(path):
            raise DestinationError(
                "Expected a CSV file on this machine, or a Parquet folder anywhere. Received %(path)s.", path=path
            )
        self._path = storage.local(path)
        self._file: TextIO | None = None
        self._blank = True
        if os.path.exists(path) and os.path.getsize(path):
            self._check()
            with open(path, "rb+") as file:
                _cut_after_last_line(file)

    def _check(self) -> None:
        with open(self._path, encoding="utf-8", errors="replace", newline="") as file:
            if file.readline().rstrip("\r\n") != ",".join(Row._fields):
                raise DestinationError(
                    "Expected a table with the columns %(expected)s. Received another, %(path)s: name a new one.",
                    expected=",".join(Row._fields),
                    path=self._path,
                )

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are there; what is none is passed over, and said: its film is judged again."""
        if not os.path.exists(self._path):
            return
        passed = 0
        with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
            for line in islice(file, 1, None):
                try:
                    row = Row._make(next(csv.reader([line])))
                    score, threshold = (_or_none(float(each or "nan")) for each in (row.score, row.threshold))
                except (TypeError, ValueError, csv.Error):
                    passed += 1
                    continue
                yield row._replace(score=score, threshold=threshold)
        if passed:
            _log.warning("%d lines of %s are no rows and were passed over.", passed, self._path)

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        if self._file is None:
            os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
            self._file = open(self._path, "a", encoding="utf-8", errors="backslashreplace", newline="")
            self._blank = not self._file.tell()
        writer = csv.writer(self._file, lineterminator="\n")
        for row in rows:
            if self._blank:
                writer.writerow(Row._fields)
                self._blank = False
            score, threshold = ("" if each is None else f"{each:.4f}" for each in (row.score, row.threshold))
            fields: Sequence[str] = row._replace(score=score, threshold=threshold)  # type: ignore[arg-type, assignment]
            # No field may hold a line break: by these a table that was cut short is mended.
            if LINE_BREAKS.search("".join(fields)):
                fields = [LINE_BREAKS.sub(" ", each) for each in fields]
            writer.writerow(fields)
        self._file.flush()

    def close(self) -> None:
        """See that all that was added is written."""
        if self._file:
            self._file.close()


class ParquetFolder:
    """A folder with a folder for each backbone, and in it parts, each whole from the moment that it is there."""

    def __init__(self, address: str) -> None:
        """Use a folder, which need not be there yet; a path or a URL."""
        self._address = address.rstrip("/")
        self._waiting: list[Row] = []
        self._since = 0.0

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are there."""
        from xray.archive import parquet

        if storage.exists(self._address):
            yield from parquet.rows(self._address)

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows, and write a part when it is time."""
        for row in rows:
            self._since = self._since if self._waiting else time.monotonic()
            self._waiting.append(row)
            if len(self._waiting) >= ROWS_A_PART or time.monotonic() - self._since > SECONDS_A_PART:
                self.close()

    def close(self) -> None:
        """Write what waits."""
        from xray.archive import parquet

        if self._waiting:
            folder = f"{self._address}/backbone={self._waiting[0].backbone}"
            storage.write(f"{folder}/part-{uuid.uuid4().hex}.parquet", parquet.encoded(self._waiting))
            self._waiting = []


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def _cut_after_last_line(file: IO[bytes]) -> None:
    """Cut a file after its last line break; no field holds one (see sources.absolute)."""
    end = size = file.seek(0, os.SEEK_END)
    while end:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            break
        end -= 1
    if end < size:
        file.truncate(end)
