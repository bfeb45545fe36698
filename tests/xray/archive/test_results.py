"""Whenever a run is killed, what was written before is whole and what was not is not there."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xray.archive import results
from xray.archive.row import Row

ROOT = Path(__file__).resolve().parents[3]


def row(number: int) -> Row:
    return Row(
        f"/films/{number}.png", f"{number:064}", "covid_normal", "POSITIVE", 0.5742, 0.333, "child marks", "", "3.0.0",
        "vgg16_cxr", "2026-11-21T22:00:00+00:00",
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


def test_lines_that_are_no_rows_are_passed_over_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As an earlier version wrote of a name with a carriage return, and with a byte that is not UTF-8."""
    path = tmp_path / "rows.csv"
    to = results.to(str(path))
    to.add([row(1), row(2)])
    to.close()
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(2, lines[2].replace(b"/films/", b"/fil\rms/"))
    lines.insert(2, b"caf\xe9\n")
    path.write_bytes(b"".join(lines))
    assert list(results.to(str(path)).rows()) == [row(1), row(2)]
    assert "2 lines of" in caplog.text and str(path) in caplog.text


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
