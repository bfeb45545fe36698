"""What does the work: here on this machine; on a cluster, see xray/archive/cluster.py."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

from xray.archive.judge import Judge, Task, content
from xray.archive.row import Content, Judged
from xray.errors import XrayError

# Films that are under way for each worker: enough that none waits, and few enough that memory stays flat.
AHEAD = 4
# Without a film judged in between. Then it is not the machine that kills them, but one of these films.
MOST_DEATHS = 3


class WorkerError(XrayError):
    """The workers die again and again."""


class Engine(Protocol):
    """Reads and judges films, several at a time."""

    def contents(self, addresses: Iterable[str]) -> Iterator[Content]:
        """Read each film for its SHA-256."""

    def judged(self, films: Iterable[Content], task: Task) -> Iterator[Judged]:
        """Judge each film once."""


class Local:
    """The cores of this machine.

    Threads read, as they wait for disks and let the interpreter's lock go while they hash. Processes judge: a film
    holds that lock for a tenth of its time (py-spy, 526 of 4,998 samples), so that threads end at ten cores.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Use so many processes; without a number, one for each core that we may use."""
        self._workers = workers or _cores()

    def contents(self, addresses: Iterable[str]) -> Iterator[Content]:
        """Read each film for its SHA-256; see Engine."""
        with ThreadPoolExecutor(self._workers) as threads:
            ahead: deque[Future[Content]] = deque()
            for address in addresses:
                ahead.append(threads.submit(content, address))
                if len(ahead) > AHEAD * self._workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def judged(self, films: Iterable[Content], task: Task) -> Iterator[Judged]:
        """Judge each film once, the films of a worker that was killed anew; see Engine.

        Raises:
            WorkerError: they are killed again and again.
        """
        waiting, begun, deaths = iter(films), deque[Content](), 0
        while True:
            try:
                for each in self._until_one_dies(waiting, begun, task):
                    deaths = 0
                    yield each
                return
            except BrokenProcessPool as error:
                deaths += 1
                if deaths >= MOST_DEATHS:
                    raise WorkerError(
                        "Expected workers that live. Received %(count)s deaths in a row, at one of these films: "
                        "%(films)s. Look at the memory that is left; --workers takes fewer.",
                        count=deaths,
                        films=" ".join(film.address for film in begun),
                    ) from error

    def _until_one_dies(self, waiting: Iterator[Content], begun: deque[Content], task: Task) -> Iterator[Judged]:
        """Judge the films that were begun and then those that wait; `begun` holds what has no answer yet."""
        # Not forked: this process has threads.
        new = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self._workers, mp_context=new, initializer=_begin, initargs=(task,))
        try:
            ahead = deque([pool.submit(_judge, film) for film in begun])
            for film in waiting:
                begun.append(film)
                ahead.append(pool.submit(_judge, film))
                if len(ahead) > AHEAD * self._workers:
                    yield _next(ahead, begun)
            while ahead:
                yield _next(ahead, begun)
        finally:
            pool.shutdown(cancel_futures=True)


def _next(ahead: deque[Future[Judged]], begun: deque[Content]) -> Judged:
    """Wait for the first answer; only then is its film done."""
    answer = ahead[0].result()
    ahead.popleft()
    begun.popleft()
    return answer


_judges: list[Judge] = []


def _begin(task: Task) -> None:
    """Load a worker's networks; an interrupt is the main process's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _judges[:] = [Judge(task)]


def _judge(film: Content) -> Judged:
    return _judges[0].judge(film)


def _cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
