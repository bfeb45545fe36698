"""From the start of the process to the first verdict: `python -m benchmarks.startup`.

Starts gunicorn, ours and the reference way in turn, and sends a film as soon as the port answers; the clock stops when
the page with the verdict is there.
"""

import argparse
import statistics
import tempfile
import time
import urllib.error
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from benchmarks import pictures
from benchmarks import reference as saved
from benchmarks.figure import Figure, circumstances, table
from benchmarks.server import Server, Visitor, serving, serving_the_reference

GIVE_UP_SECONDS = 120
ROUNDS = 5


def measure(reference: Path, *, rounds: int = ROUNDS) -> list[Figure]:
    """Measure both sides, in turn.

    Args:
        reference: made by `benchmarks.reference.save`.
        rounds: how often each is started.
    """
    film = pictures.full_size()[0]
    ways: dict[str, tuple[Callable[[], AbstractContextManager[Server]], str]] = {
        "ours": (partial(serving, wait=False), "covid_normal"),
        "theirs": (partial(serving_the_reference, reference, wait=False), ""),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (start, model) in ways.items():
            with start() as server:
                visitor = _first(server)
                visitor.answer(visitor.request(film.data, model, film.name))
                seconds[way].append(time.monotonic() - server.started)
    ours, theirs = (statistics.median(seconds[way]) for way in ways)
    name = f"process start to first verdict, median (n = {rounds})"
    return [Figure(name, ours, theirs, "s", "at most 1/6, under 0.8 s", 1 / 6, limit=0.8)]


def _first(server: Server) -> Visitor:
    """Return the first visitor, who knocks until somebody opens."""
    while True:
        try:
            return Visitor(server.url)
        except urllib.error.URLError:
            if time.monotonic() > server.started + GIVE_UP_SECONDS:
                raise
            time.sleep(0.005)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"starts of each (default: {ROUNDS})")
    asked = parser.parse_args()
    print(circumstances())
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(saved.save(Path(folder)), rounds=asked.rounds)))


if __name__ == "__main__":
    main()
