"""Local engine: each file is analysed once, however its worker ends."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xray.archive import local_engine, worker
from xray.archive.local_engine import Local, WorkerError
from xray.archive.row import File
from xray.archive.worker import Task, hashed

ROOT = Path(__file__).resolve().parents[3]
TASK = Task(("covid_normal",), "vgg16_cxr")


def test_a_worker_that_is_killed_loses_and_doubles_nothing(films: Path) -> None:
    found = [hashed(str(path)) for path in sorted(films.rglob("*.png"))] * 3
    outcomes = Local(1).outcomes(iter(found), TASK)
    done = [next(outcomes)]
    (process,) = multiprocessing.active_children()
    os.kill(process.pid or 0, signal.SIGKILL)
    done += outcomes
    assert [each.file for each in done] == found
    assert all(each.results[0].verdict for each in done)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc, as Linux has it")
def test_workers_end_with_the_one_that_started_them_however_it_ends(films: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import multiprocessing, time
from xray.archive.local_engine import Local
from xray.archive.worker import Task, hashed
if __name__ == "__main__":
    found = [hashed({str(films / "a.png")!r})] * 20
    outcomes = Local(2).outcomes(iter(found), Task(("covid_normal",), "vgg16_cxr"))
    next(outcomes)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    time.sleep(60)
""",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, program], env=environment, stdout=subprocess.PIPE, text=True) as main:
        assert main.stdout
        workers = [int(pid) for pid in main.stdout.readline().split()]
        main.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


class Deadly:
    """Work that ends whoever unpacks it, as where a film takes more memory than there is."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


class Name(str):
    """The name of a film that is as deadly."""

    __reduce__ = Deadly.__reduce__  # type: ignore[assignment]


def deadly(path: Path) -> File:
    """A film that kills whoever is given it: its name does, once it is unpacked."""
    name: str = Name(path)  # type: ignore[assignment]
    return File(name, "0" * 64, "")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_film_that_kills_its_worker_is_said_to_and_the_others_are_judged(films: Path, workers: int) -> None:
    good = [hashed(str(path)) for path in sorted(films.rglob("*.png"))] * 3
    found = [*good[:4], deadly(films / "deadly.png"), *good[4:]]
    outcomes = list(Local(workers).outcomes(iter(found), TASK))
    assert [each.file.address for each in outcomes] == [file.address for file in found]
    assert [each.file.problem for each in outcomes] == [""] * 4 + [worker.DEADLY] + [""] * (len(good) - 4)
    assert all(each.results[0].verdict for each in outcomes if not each.file.problem)


def test_where_no_film_is_judged_the_films_are_not_to_blame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_engine, "MOST_DEADLY", 3)
    films = [deadly(tmp_path / f"{number}.png") for number in range(9)]
    with pytest.raises(WorkerError, match=r"Received 3.*2\.png"):
        list(Local(1).outcomes(iter(films), TASK))
