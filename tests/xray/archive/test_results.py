"""Table of results: what was written is whole whenever a run is killed, and one run at a time writes it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from xray.archive import results
from xray.archive.command import main
from xray.archive.row import REQUIRED, Row

ROOT = Path(__file__).resolve().parents[3]


def row(number: int) -> Row:
    return Row(
        f"/films/{number}.png", f"{number:064}", "covid_normal", "POSITIVE", 0.5742, 0.333, "child marks", "", "3.0.0",
        "vgg16_cxr", "2026-11-21T22:00:00+00:00", 12.5, None, 3.25, "abnormal", 0.333, 0.5,
    )  # fmt: skip


BAD = row(2)._replace(verdict="", score=None, threshold=None, error='Expected a "film", received none.')


@pytest.mark.parametrize("name", ["rows.csv", "rows"])
def test_rows_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    if name == "rows":
        pytest.importorskip("pyarrow")
    for part in ([row(1), BAD], [row(3)]):
        to = results.to(str(tmp_path / name))
        to.add(part)
        to.close()
    assert sorted(results.to(str(tmp_path / name)).rows()) == [row(1), BAD, row(3)]


@pytest.mark.parametrize(
    "columns", [len(REQUIRED), len(REQUIRED) + 3], ids=["before the opacity map", "before findings"]
)
def test_an_older_table_goes_on(tmp_path: Path, columns: int) -> None:
    """A CSV file keeps its columns; a Parquet folder has parts with and without the later ones."""
    path, later = tmp_path / "rows.csv", Row._fields[columns:]
    old = row(1)._replace(**{name: Row._field_defaults[name] for name in later})
    path.write_text(",".join(Row._fields[:columns]) + "\n", encoding="utf-8")
    to = results.to(str(path))
    to.add([row(1)])
    to.close()
    assert list(results.to(str(path)).rows()) == [old]
    table = pytest.importorskip("pyarrow.parquet")
    folder = tmp_path / "rows"
    for part in (row(1), row(2)):
        to = results.to(str(folder))
        to.add([part])
        to.close()
        (written,) = set(folder.rglob("*.parquet")) - {folder / "backbone=vgg16_cxr/0.parquet"}
        if part == row(1):
            table.write_table(table.ParquetFile(written).read().drop_columns(later), written.with_name("0.parquet"))
            written.unlink()
    assert sorted(results.to(str(folder)).rows()) == [old, row(2)]


def test_a_line_that_is_half_written_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    to = results.to(str(path))
    to.add([row(1), row(2)])
    to.close()
    path.write_bytes(path.read_bytes()[:-20])
    again = results.to(str(path))
    assert list(again.rows()) == [row(1)]
    again.add([row(2)])
    again.close()
    assert list(results.to(str(path)).rows()) == [row(1), row(2)]


def test_a_line_break_in_a_field_makes_no_second_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    to = results.to(str(path))
    to.add([row(1)._replace(error="one\r\ntwo\rthree"), row(2)._replace(path="/caf\udce9.png")])
    to.close()
    assert len(path.read_bytes().splitlines()) == 3
    assert list(results.to(str(path)).rows()) == [
        row(1)._replace(error="one two three"), row(2)._replace(path="/caf\\udce9.png")
    ]  # fmt: skip


def test_a_part_is_whole_or_not_there(tmp_path: Path) -> None:
    """A process that does nothing but write parts is killed, and every part there is can be read."""
    pytest.importorskip("pyarrow")
    code = (
        "import sys; from xray.archive import results; sys.path.insert(0, 'tests/xray/archive')\n"
        "from test_results import row\n"
        "results.ROWS_A_PART = 20000\n"
        f"to = results.to({str(tmp_path / 'rows')!r})\n"
        "while True: to.add(row(number) for number in range(20000))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    while not list(tmp_path.rglob("part-*.parquet")):
        time.sleep(0.01)
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    parts = len(list(tmp_path.rglob("part-*.parquet")))
    assert sum(1 for _ in results.to(str(tmp_path / "rows")).rows()) == 20000 * parts


# ── One run at a time for one destination ──


@pytest.fixture(params=["rows.csv", "rows"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    pytest.importorskip("fcntl")
    if request.param == "rows":
        pytest.importorskip("pyarrow")
    return tmp_path / "結果\u3000" / request.param


@pytest.fixture
def other(destination: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the destination."""
    code = (
        "import sys, time; from xray.archive import results\n"
        "with results.locked(sys.argv[1]): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(destination)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_until_the_first_is_killed(other, destination, films, engine, monkeypatch, capsys):
    monkeypatch.setattr("xray.archive.command._engine", lambda *_: engine)
    # By another name of the same place.
    link = destination.parent.parent / "link"
    link.symlink_to(destination.parent)
    assert main([str(films), str(link / destination.name)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "no other run" in said and destination.name in said
    assert not engine.seen
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert main([str(films), str(destination)]) == 0
    assert len(list(results.to(str(destination)).rows())) == 9
