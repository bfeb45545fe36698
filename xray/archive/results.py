"""Table of results: one CSV file, or a folder of Parquet files. Both are appended to, never rewritten."""

import csv
import logging
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import IO, TextIO

from xray.archive.row import NUMBERS, REQUIRED, SCORES, DestinationError, Row
from xray.io import storage

try:
    import fcntl
except ImportError:  # Windows: see docs/scale.md
    fcntl = None  # type: ignore[assignment]

# A part is written when it has so many rows, or its first row is so old: a run that is killed loses no more.
ROWS_A_PART = 100_000
SECONDS_A_PART = 60.0
LINE_BREAKS = re.compile("[\\r\\n]+")
_log = logging.getLogger(__name__)


class CsvFile:
    """A CSV file with a row a line."""

    def __init__(self, path: str) -> None:
        """Start a table or go on with one; a last line that a killed run left half written is cut off.

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
        self._columns = len(Row._fields)
        if os.path.exists(self._path) and os.path.getsize(self._path):
            with open(self._path, "rb+") as file:
                head = file.readline().decode(errors="replace").strip().split(",")
                # A table of before goes on without what was added later.
                self._columns = len(head)
                if tuple(head) != Row._fields[: len(head)] or len(head) < len(REQUIRED):
                    raise DestinationError(
                        "Expected a table with the columns %(expected)s. Received another, %(path)s: name a new one.",
                        expected=",".join(Row._fields),
                        path=self._path,
                    )
                _cut_after_last_line(file)

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are there; lines that are no rows are logged, and their files are done again."""
        if not os.path.exists(self._path):
            return
        skipped = 0
        with open(self._path, encoding="utf-8", errors="replace", newline="\n") as file:
            for line in islice(file, 1, None):
                try:
                    row = Row(*next(csv.reader([line])))  # type: ignore[arg-type]  # its numbers follow
                    numbers = {name: float(cell) if (cell := getattr(row, name)) else None for name in NUMBERS}
                except (TypeError, ValueError, csv.Error):
                    skipped += 1
                    continue
                yield row._replace(**numbers)  # type: ignore[arg-type]  # NUMBERS are fields
        if skipped:
            _log.warning("%d lines of %s are no rows and were passed over.", skipped, self._path)

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
            scores = {name: f"{score:.4f}" for name in SCORES if (score := getattr(row, name)) is not None}
            cells = row._replace(**scores)  # type: ignore[arg-type]  # as they are written
            fields = ["" if each is None else str(each) for each in cells[: self._columns]]
            # No field may hold a line break: a table that was cut short is repaired by line.
            if LINE_BREAKS.search("".join(fields)):
                fields = [LINE_BREAKS.sub(" ", each) for each in fields]
            writer.writerow(fields)
        self._file.flush()

    def close(self) -> None:
        """Write what was added; a table without any row is not left behind."""
        if self._file:
            self._file.close()
            if self._blank:
                os.unlink(self._path)


class ParquetFolder:
    """A folder with a folder for each backbone, which holds Parquet files; each is written atomically."""

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


Results = CsvFile | ParquetFolder


def to(destination: str) -> Results:
    """Return the results at a destination: a CSV file by its ending, else a Parquet folder.

    Raises:
        DestinationError: there is something else.
    """
    return (CsvFile if destination.lower().endswith(".csv") else ParquetFolder)(destination)


def _cut_after_last_line(file: IO[bytes]) -> None:
    """Cut a file after its last line break; no field holds one (see CsvFile.add)."""
    end = size = file.seek(0, os.SEEK_END)
    while end:
        file.seek(end - 1)
        if file.read(1) == b"\n":
            break
        end -= 1
    if end < size:
        file.truncate(end)


@contextmanager
def locked(destination: str) -> Iterator[None]:
    """Keep other runs from a destination on this machine, or on a shared disk that supports locks.

    The system releases the lock however this process ends; its empty file stays. Object stores have none.

    Raises:
        DestinationError: another run holds it.
    """
    if fcntl is None or storage.is_url(destination):
        yield
        return
    path = os.path.realpath(storage.local(destination))
    folder, name = os.path.split(path) if path.lower().endswith(".csv") else (path, "results")
    os.makedirs(folder, exist_ok=True)
    # Those who read a folder of Parquet files, or of radiographs, leave out what begins with a dot.
    with open(os.path.join(folder, f".{name}.lock"), "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DestinationError(
                "Expected a destination that no other run writes to. Received %(destination)s, to which one does: "
                "wait for its end, or name another.",
                destination=destination,
            ) from error
        except OSError:
            _log.warning("The disk of %s supports no locks: see that no other run writes there.", destination)
        yield


def check_writable(*folders: str) -> None:
    """Write a file into each folder and delete it, so that no million files are read in vain.

    CSV files are left out: they are opened before any file is read.

    Raises:
        DestinationError: one of them cannot be written to.
    """
    for folder in folders:
        if folder and not folder.lower().endswith(".csv"):
            address = f"{folder.rstrip('/')}/.writable"
            try:
                storage.write(address, b"\n")
            except OSError as error:
                raise DestinationError(
                    "Expected a folder that can be written to. Received %(folder)s: %(error)s.",
                    folder=folder,
                    error=error,
                ) from error
            with suppress(OSError):  # where nothing may be deleted, it stays
                storage.remove(address)
