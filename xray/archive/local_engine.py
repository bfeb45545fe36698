"""Local engine: threads read the files, and a process on each core analyses them. For a cluster, see ray_engine.py."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import chain, islice
from queue import SimpleQueue
from typing import Protocol, TypeVar

from xray.archive import worker
from xray.archive.row import File, Outcome
from xray.archive.worker import DEADLY, MOST_DEATHS, Task, hashed
from xray.errors import XrayError

Item = TypeVar("Item")
Found = TypeVar("Found")

# Files in hand for each worker: enough that none waits, and few enough that memory stays flat.
AHEAD = 4
# Threads that read, at least: an object store lets each wait. Where each file was made to wait 50 ms, they read 297
# files a second, and two threads 39; from a warm disk 1,781 and 2,014, which is 0.06 ms a file. In a zip or tar, where
# each holds the index and reads a compressed tar from its beginning, there are as many as workers.
READERS = 16
IN_ARCHIVE = "::"
# Deadly files in a row. Contents come in the order of their SHA-256, so that so many are no folder of bad files: then
# it is the machine, and no file is to blame.
MOST_DEADLY = 10
# Not forked: the main process has threads.
SPAWN = multiprocessing.get_context("spawn")


class WorkerError(XrayError):
    """The workers die again and again."""


class Engine(Protocol):
    """Interface of an engine, which reads and analyses several files at a time."""

    def hashed(self, addresses: Iterable[str]) -> Iterator[File]:
        """Read each file for its SHA-256."""

    def outcomes(self, files: Iterable[File], task: Task) -> Iterator[Outcome]:
        """Analyse each file once."""


class Local:
    """The cores of this machine.

    Threads read, as they wait for disks and release the interpreter's lock while they hash. Processes analyse: a
    radiograph holds that lock for a tenth of its time (py-spy, 526 of 4,998 samples): threads would end at ten cores.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Use so many processes; without a number, one for each core that this process may use."""
        self._workers = workers or _cores()

    def hashed(self, addresses: Iterable[str]) -> Iterator[File]:
        """Read each file for its SHA-256; see Engine."""
        waiting = iter(addresses)
        first = list(islice(waiting, 1))
        threads = self._workers if any(IN_ARCHIVE in each for each in first) else max(READERS, self._workers)
        yield from in_order(hashed, chain(first, waiting), threads)

    def outcomes(self, files: Iterable[File], task: Task) -> Iterator[Outcome]:
        """Analyse each file once; see Engine. Where a worker dies, its file is tried again, and then said to be deadly.

        Raises:
            WorkerError: it is not the files that the workers die of.
        """
        processes = [_Process(task) for _ in range(self._workers)]
        idle: SimpleQueue[_Process] = SimpleQueue()
        for each in processes:
            idle.put(each)

        def analyse(file: File) -> Outcome:
            process = idle.get()
            try:
                return process.analyse(file)
            finally:
                idle.put(process)

        deadly = 0
        try:
            with closing(in_order(analyse, files, self._workers)) as outcomes:
                for outcome in outcomes:
                    deadly = deadly + 1 if outcome.file.problem == DEADLY else 0
                    yield outcome
                    if deadly == MOST_DEADLY:
                        raise WorkerError(
                            "Expected workers that live. Received %(count)s that died in a row, each at another film, "
                            "the last at %(film)s. Look at the memory that is left.",
                            count=deadly,
                            film=outcome.file.address,
                        )
        finally:
            for each in processes:
                each.end()


class _Process:
    """A worker process, started when it is first needed and again after its death."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._process: multiprocessing.process.BaseProcess | None = None

    def analyse(self, file: File) -> Outcome:
        """Have a file analysed.

        Raises:
            WorkerError: the process dies before it has a file.
            Exception: the worker's own, such as a ModelError.
        """
        for _ in range(MOST_DEATHS):
            if self._process is None:
                self._start()
            try:
                self._pipe.send(file)
                answer = self._pipe.recv()
            except (EOFError, ConnectionError):
                self.end()
                continue
            if isinstance(answer, Exception):
                raise answer
            return Outcome(*answer)
        return Outcome(file._replace(problem=DEADLY), [])

    def _start(self) -> None:
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=worker.serve, args=(theirs, self._task), daemon=True)
        self._process.start()
        theirs.close()
        try:
            problem = self._pipe.recv()
        except EOFError as error:
            raise WorkerError(
                "Expected workers that live. Received one that died before it had a film. Look at the memory that is "
                "left; --workers takes fewer."
            ) from error
        if problem:
            raise problem

    def end(self) -> None:
        """Let the process end, and wait for it."""
        if self._process:
            self._pipe.close()
            self._process.join()
            self._process = None


def in_order(work: Callable[[Item], Found], items: Iterable[Item], threads: int) -> Generator[Found, None, None]:
    """Do some work in threads and yield what it found in the order of the items, never far ahead.

    Args:
        work: what is done with each item.
        items: taken as they are needed.
        threads: how many items at a time.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        ahead: deque[Future[Found]] = deque()
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) > AHEAD * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
