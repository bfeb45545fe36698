"""Who moves from SQLite to PostgreSQL keeps what was analysed."""

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import insert, select

from web.analyses.database import analyses, opened

ROOT = Path(__file__).resolve().parents[3]
ROWS = [
    {"id": f"{number:022}", "owner": f"owner-{number % 3}", "created_ms": 1_800_000_000_000 + number, "content": "{}"}
    for number in range(2500)
]


def carry(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**{name: os.environ[name] for name in os.environ if name != "DATABASE_URL"}, **environment}
    command = [sys.executable, "-m", "web.analyses.carry", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def rows(url: str) -> list[dict[str, object]]:
    engine = opened(url)
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(select(analyses).order_by(analyses.c.id)).mappings()]
    engine.dispose()
    return found


def test_rows_are_carried_once_and_what_is_there_stays(tmp_path, new_database):
    file = tmp_path / "analyses.sqlite3"
    for url, there in ((f"sqlite:///{file}", ROWS), (new_database, [{**ROWS[7], "content": '{"newer": 1}'}])):
        engine = opened(url)
        with engine.begin() as connection:
            connection.execute(insert(analyses), there)
        engine.dispose()
    first = carry(str(file), DATABASE_URL=new_database)
    assert (first.returncode, first.stdout) == (0, "carried 2499 analyses\n"), first.stderr
    again = carry(DATABASE_URL=new_database, XRAY_INSTANCE_DIR=str(tmp_path))
    assert again.stdout == "carried 0 analyses\n"
    assert rows(new_database) == [*ROWS[:7], {**ROWS[7], "content": '{"newer": 1}'}, *ROWS[8:]]
    assert rows(f"sqlite:///{file}") == ROWS


def test_what_cannot_be_carried_says_what_to_do(tmp_path):
    missing = carry(str(tmp_path / "none.sqlite3"), DATABASE_URL="postgresql://nowhere/x")
    assert missing.returncode == 2
    assert "none.sqlite3, which is none" in missing.stderr
    (tmp_path / "notes.txt").write_text("no database")
    assert (
        "notes.txt, which is none" in carry(str(tmp_path / "notes.txt"), DATABASE_URL="postgresql://nowhere/x").stderr
    )
    file = tmp_path / "analyses.sqlite3"
    opened(f"sqlite:///{file}").dispose()
    for itself in ("", f"sqlite:///{file}"):
        assert "Expected DATABASE_URL" in carry(str(file), DATABASE_URL=itself).stderr
    nowhere = carry(str(file), DATABASE_URL="postgresql://xray@127.0.0.1:1/x")
    assert nowhere.returncode == 1
    assert "DATABASE_URL: expected a database that can be written" in nowhere.stderr
    assert "Traceback" not in nowhere.stderr
