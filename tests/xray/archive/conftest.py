"""An archive of a few small radiographs, and an engine in this process."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from xray.archive.row import File, Outcome
from xray.archive.worker import Task, Worker, hashed


class Here:
    """An engine in this process, with networks that are loaded once for all tests; it counts."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.read, self.seen = worker, [], []

    def hashed(self, addresses: Iterable[str]) -> Iterator[File]:
        for address in addresses:
            self.read.append(address)
            yield hashed(address)

    def outcomes(self, files: Iterable[File], task: Task) -> Iterator[Outcome]:
        self.worker._task = task
        for file in files:
            self.seen.append(file.address)
            yield self.worker.analyse(file)


@pytest.fixture(scope="session")
def worker() -> Worker:
    """The networks that are served, loaded once."""
    return Worker(Task(("covid_normal", "covid_pneumo", "combined"), "vgg16_cxr"))


@pytest.fixture
def engine(worker: Worker) -> Here:
    """An engine that has analysed nothing yet."""
    return Here(worker)


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
