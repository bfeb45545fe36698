"""Two runs on one destination would write each row twice: the second is refused until the first ends."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xray.archive import results
from xray.archive.command import main

ROOT = Path(__file__).resolve().parents[3]
pytest.importorskip("fcntl")


@pytest.fixture(params=["rows.csv", "rows"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
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


def test_a_second_run_is_refused_until_the_first_is_killed(
    other: subprocess.Popen[str], destination: Path, films: Path, engine: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
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


def test_a_line_that_the_first_run_is_writing_is_left_alone(films: Path, tmp_path: Path) -> None:
    """Before it is locked nothing takes it for one that was cut short."""
    path = tmp_path / "rows.csv"
    half = (",".join(results.Row._fields) + "\n/films/a.png,00").encode()
    path.write_bytes(half)
    with results.locked(str(path)):
        assert main([str(films), str(path)]) == 2
    assert path.read_bytes() == half


def test_a_run_that_wrote_nothing_leaves_no_table(destination: Path) -> None:
    with results.locked(str(destination)):
        to = results.to(str(destination))
        to.add(())
        to.close()
    assert not list(destination.parent.glob("*.csv"))
    with results.locked(str(destination)):
        pass


def test_a_disk_without_locks_is_written_to_with_a_warning(
    destination: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(results.fcntl, "flock", none)
    with results.locked(str(destination)), results.locked(str(destination)):
        assert destination.parent.is_dir() and "no locks" in caplog.text
