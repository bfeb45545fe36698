"""Carry the rows of analyses from SQLite to the database of DATABASE_URL: `python -m web.analyses.carry [FILE]`.

Pictures are no rows: see docs/shared_store.md. What is there already stays as it is, so that it may be run again.
"""

import argparse
import os
import sys
from pathlib import Path

from sqlalchemy import Engine, insert, select

from web.analyses.database import DatabaseError, address, analyses, opened, reading, writing
from web.settings import SettingError

AT_ONCE = 1000


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
    home = address({"INSTANCE_DIR": os.environ.get("XRAY_INSTANCE_DIR", "instance"), "DATABASE_URL": ""})
    parser = argparse.ArgumentParser(prog="python -m web.analyses.carry", description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=Path(home.removeprefix("sqlite:///")),
                        help="of SQLite (default: analyses.sqlite3 in the instance folder)")  # fmt: skip
    asked = parser.parse_args()
    if not asked.file.is_file():
        parser.error(f"Expected a file of SQLite. Received: {asked.file}, where there is none.")
    if "DATABASE_URL" not in os.environ:
        parser.error("Expected DATABASE_URL, such as postgresql://user:password@host/name. Received: none.")
    try:
        count = carry(opened(f"sqlite:///{asked.file.resolve()}"), opened(os.environ["DATABASE_URL"]))
    except (DatabaseError, SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"carried {count} analyses")
    return 0


if __name__ == "__main__":
    sys.exit(main())
