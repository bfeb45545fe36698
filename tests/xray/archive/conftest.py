"""An archive of a few small films, and an engine that judges them in this process."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from xray.archive.analyses import Judge, Task, content
from xray.archive.row import Content, Judged


class Here:
    """Judges in this process, with networks that are loaded once for all tests, and counts."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.read, self.seen = judge, [], []

    def contents(self, addresses: Iterable[str]) -> Iterator[Content]:
        for address in addresses:
            self.read.append(address)
            yield content(address)

    def judged(self, films: Iterable[Content], task: Task) -> Iterator[Judged]:
        self.judge._task = task
        for film in films:
            self.seen.append(film.address)
            yield self.judge.judge(film)


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The networks that are served, loaded once."""
    return Judge(Task(("covid_normal", "covid_pneumo", "combined"), "vgg16_cxr"))


@pytest.fixture
def engine(judge: Judge) -> Here:
    """An engine that has judged nothing yet."""
    return Here(judge)


@pytest.fixture(scope="session")
def film(radiograph: Callable[..., np.ndarray]) -> Callable[[int], bytes]:
    """Return a film of a number as PNG, small and unlike those of other numbers."""
    drawn: dict[int, bytes] = {}

    def film(number: int) -> bytes:
        if number not in drawn:
            drawn[number] = cv2.imencode(".png", radiograph(256, 240, seed=number))[1].tobytes()
        return drawn[number]

    return film


@pytest.fixture
def films(tmp_path: Path, film: Callable[[int], bytes]) -> Path:
    """A folder with three films, one of them in a folder of its own, and what is none."""
    folder = tmp_path / "films"
    (folder / "deeper").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "deeper/c.png")):
        (folder / name).write_bytes(film(number))
    (folder / "notes.txt").write_text("no film", encoding="utf-8")
    (folder / ".hidden.png").write_bytes(film(9))
    return folder
