"""What does the work: here on this machine; on a cluster, see xray/archive/ray_engine.py."""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import Protocol

from xray.archive import worker
from xray.archive.analyses import Task, content
from xray.archive.row import Content, Judged
from xray.errors import XrayError

# Films that are under way for each worker: enough that none waits, and few enough that memory stays flat.
AHEAD = 4
# Threads that read, at least: an object store lets each wait. Where each film was made to wait 50 ms, they read 297
# films a second, and two threads 39; from a warm disk 1,781 and 2,014, which is 0.06 ms a film. In a zip or tar, where
# each holds the list of all its files and reads a compressed tar from its beginning, there are as many as workers.
READERS = 16
IN_ARCHIVE = "::"
# Without a film judged in between. Then it is not the machine that kills them, but one of these films.
MOST_DEATHS = 3
# One after the other at which a worker died that had nothing else to do. Contents come in the order of their SHA-256,
# so that so many in a row are no folder of bad films: then it is the machine, and no film is to blame.
MOST_DEADLY = 10
DEADLY = "Expected a film that can be judged. Received: the worker died at it."


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
        waiting = iter(addresses)
        first = list(islice(waiting, 1))
        count = self._workers if any(IN_ARCHIVE in address for address in first) else max(READERS, self._workers)
        threads = ThreadPoolExecutor(count)
        try:
            ahead: deque[Future[Content]] = deque()
            for address in chain(first, waiting):
                ahead.append(threads.submit(content, address))
                if len(ahead) > AHEAD * count:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)

    def judged(self, films: Iterable[Content], task: Task) -> Iterator[Judged]:
        """Judge each film once, the films of a worker that was killed anew; see Engine.

        A film that kills whoever judges it is said to have a problem.

        Raises:
            WorkerError: it is not the films that kill them.
        """
        waiting, begun, deaths, deadly = iter(films), deque[Content](), 0, 0
        while True:
            try:
                for each in self._until_one_dies(waiting, begun, task):
                    deaths = deadly = 0
                    yield each
                return
            except BrokenProcessPool:
                deaths += 1
            if deaths < MOST_DEATHS:
                continue
            deaths = 0
            while begun:
                for each in self._alone(begun, task):
                    deadly = deadly + 1 if each.film.problem == DEADLY else 0
                    yield each
                    if deadly == MOST_DEADLY:
                        raise WorkerError(
                            "Expected workers that live. Received %(count)s that died in a row, each at another film, "
                            "the last at %(film)s. Look at the memory that is left.",
                            count=deadly,
                            film=each.film.address,
                        )

    def _until_one_dies(self, waiting: Iterator[Content], begun: deque[Content], task: Task) -> Iterator[Judged]:
        """Judge the films that were begun and then those that wait; `begun` holds what has no answer yet."""
        pool = _pool(self._workers, task)
        try:
            ahead = deque([pool.submit(worker.judge, film) for film in begun])
            for film in waiting:
                begun.append(film)
                ahead.append(pool.submit(worker.judge, film))
                if len(ahead) > AHEAD * self._workers:
                    yield _next(ahead, begun)
            while ahead:
                yield _next(ahead, begun)
        finally:
            pool.shutdown(cancel_futures=True)

    def _alone(self, begun: deque[Content], task: Task) -> Iterator[Judged]:
        """Give one worker one film at a time, up to and with the first that kills it."""
        pool = _pool(1, task)
        try:
            if not _lives(pool):
                raise WorkerError(
                    "Expected workers that live. Received one that died before it had a film. Look at the memory "
                    "that is left; --workers takes fewer."
                )
            while begun:
                try:
                    answer = pool.submit(worker.judge, begun[0]).result()
                except BrokenProcessPool:
                    yield Judged(begun.popleft()._replace(problem=DEADLY), [])
                    return
                begun.popleft()
                yield answer
        finally:
            pool.shutdown(cancel_futures=True)


def _pool(workers: int, task: Task) -> ProcessPoolExecutor:
    # Not forked: this process has threads.
    new = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=new, initializer=worker.begin, initargs=(task,))


def _lives(pool: ProcessPoolExecutor) -> bool:
    """Tell whether a worker loads its networks."""
    try:
        return pool.submit(worker.ready).result()
    except BrokenProcessPool:
        return False


def _next(ahead: deque[Future[Judged]], begun: deque[Content]) -> Judged:
    """Wait for the first answer; only then is its film done."""
    answer = ahead[0].result()
    ahead.popleft()
    begun.popleft()
    return answer


def _cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
