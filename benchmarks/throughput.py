"""How many films a worker reads for many visitors: `python -m benchmarks.throughput`.

Eight visitors send films of full size as fast as they get answers, to ours and to the reference way in turn, a few
seconds each; meanwhile it is watched what the one worker holds.
"""

import argparse
import itertools
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import pictures
from benchmarks import reference as saved
from benchmarks.figure import Figure, circumstances, table
from benchmarks.server import Server, Visitor, serving, serving_the_reference

CLIENTS = 8
LOOK_SECONDS = 0.1


class Side:
    """One of the two, with its visitors and what was counted."""

    def __init__(self, server: Server, model: str, films: list[pictures.Picture]) -> None:
        """Let eight visitors come."""
        self.server, self.answers, self.seconds, self.resident = server, 0, 0.0, 0.0
        self._visitors = [Visitor(server.url) for _ in range(CLIENTS)]
        self._model, self._films = model, films

    def load(self, seconds: float) -> None:
        """Let all visitors send films for some seconds; those under way are waited for, and count."""
        start = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as threads, self._watched():
            counts = [
                threads.submit(self._send, visitor, start + seconds, i) for i, visitor in enumerate(self._visitors)
            ]
            self.answers += sum(count.result() for count in counts)
        self.seconds += time.perf_counter() - start

    def _send(self, visitor: Visitor, until: float, first: int) -> int:
        films = itertools.islice(itertools.cycle(self._films), first * len(self._films) // CLIENTS, None)
        sent = 0
        while time.perf_counter() < until:
            film = next(films)
            visitor.answer(visitor.request(film.data, self._model, film.name))
            sent += 1
        return sent

    def _watched(self) -> "_Watch":
        return _Watch(self)


class _Watch:
    """Looks again and again at what the worker holds, and keeps the most."""

    def __init__(self, side: Side) -> None:
        self._side, self._done = side, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self._side.resident = max(self._side.resident, self._side.server.resident_mb()[0])


def measure(reference: Path, *, seconds: float = 10.0) -> list[Figure]:
    """Measure both sides, in turn.

    Args:
        reference: made by `benchmarks.reference.save`.
        seconds: of each of the two turns of each side.
    """
    films = pictures.full_size()
    with serving() as server, serving_the_reference(reference) as other:
        ours, theirs = Side(server, "covid_normal", films), Side(other, "", films)
        for side in (ours, theirs):
            side.load(2.0)
            side.answers, side.seconds = 0, 0.0
        for side in _turns(ours, theirs):
            side.load(seconds)
    rate, their_rate = ours.answers / ours.seconds, theirs.answers / theirs.seconds
    n = f"n = {ours.answers} and {theirs.answers}"
    return [
        Figure(f"requests a second, eight clients ({n})", rate, their_rate, "/s", "at least 8 times", least=8),
        Figure(
            "resident memory of that worker under that load, the most of all looks",
            *(ours.resident, theirs.resident, "MB", "at most 1/5, under 160 MB"), most=1 / 5, limit=160,
        ),
    ]  # fmt: skip


def _turns(ours: Side, theirs: Side) -> Iterator[Side]:
    yield from (ours, theirs, theirs, ours)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn (default: 10)")
    asked = parser.parse_args()
    print(circumstances())
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(saved.save(Path(folder)), seconds=asked.seconds)))


if __name__ == "__main__":
    main()
