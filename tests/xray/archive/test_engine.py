"""The processes of one machine: each film judged once, in whatever way its worker ends."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from xray.archive import engine
from xray.archive.engine import Local, WorkerError
from xray.archive.judge import Task, content
from xray.archive.row import Content

TASK = Task(("covid_normal",), "vgg16_cxr")


def test_a_worker_that_is_killed_loses_and_doubles_nothing(films: Path) -> None:
    found = [content(str(path)) for path in sorted(films.rglob("*.png"))] * 3
    judged = Local(1).judged(iter(found), TASK)
    done = [next(judged)]
    (worker,) = multiprocessing.active_children()
    os.kill(worker.pid or 0, signal.SIGKILL)
    done += judged
    assert [each.film for each in done] == found
    assert all(each.said[0].verdict for each in done)


class Deadly:
    """Work that ends whoever unpacks it, as where a film takes more memory than there is."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_workers_that_die_again_and_again_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_judge", Deadly())
    with pytest.raises(WorkerError, match=r"3 deaths.*one\.png"):
        list(Local(1).judged(iter([Content("one.png", "0" * 64, "")]), TASK))


def test_films_are_taken_no_further_ahead_than_they_are_needed() -> None:
    taken = 0

    def addresses() -> Iterator[str]:
        nonlocal taken
        for taken in range(1, 10_001):
            yield f"/nowhere/{taken}.png"

    found = Local(2).contents(addresses())
    next(found)
    assert taken <= 2 * engine.AHEAD + 1
    found.close()
