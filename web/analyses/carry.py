"""Carry the rows of analyses from SQLite to the database of DATABASE_URL: `python -m web.analyses.carry [FILE]`.

Pictures are no rows: see docs/shared_store.md. What is there already stays as it is, so that it may be run again. A
file of an earlier version is first brought up to date.
"""

import argparse
import os
import sys
from pathlib import Path

from sqlalchemy import Engine, insert, select

from web.analyses.database import DatabaseError, analyses, opened, reading, writing
from web.settings import DEFAULTS, SettingError

AT_ONCE = 1000
SQLITE = b"SQLite format 3\0"  # how its files begin


def carry(source: Engine, destination: Engine) -> int:
    """Copy the rows that are not there yet, all or none, and return how many they were.

    Raises:
        DatabaseError: one of the two cannot be reached, read or written.
    """
    carried = 0
    with reading(source) as old, writing(destination) as new:
        there = set(new.execute(select(analyses.c.id)).scalars())
        for rows in old.execute(select(analyses)).mappings().partitions(AT_ONCE):
            missing = [dict(row) for row in rows if row["id"] not in there]
            if missing:
                new.execute(insert(analyses), missing)
            carried += len(missing)
    return carried


def main() -> int:
    """Read the command line and the setting, and carry."""
    home = os.environ.get("XRAY_INSTANCE_DIR", str(DEFAULTS["INSTANCE_DIR"]))
    parser = argparse.ArgumentParser(prog="python -m web.analyses.carry", description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=Path(home, "analyses.sqlite3"),
                        help="of SQLite (default: analyses.sqlite3 in the instance folder)")  # fmt: skip
    file = parser.parse_args().file.resolve()
    destination = os.environ.get("XRAY_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not _is_sqlite(file):
        parser.error(f"Expected a file of SQLite. Received: {file}, which is none.")
    if not destination or Path(destination.removeprefix("sqlite:///")).resolve() == file:
        parser.error(
            f"Expected DATABASE_URL, such as postgresql://user:password@host/name. Received: {destination or 'none'}."
        )
    try:
        count = carry(opened(f"sqlite:///{file}"), opened(destination))
    except (DatabaseError, SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"carried {count} analyses")
    return 0


def _is_sqlite(file: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        return content.read(len(SQLITE)) == SQLITE


if __name__ == "__main__":
    sys.exit(main())
