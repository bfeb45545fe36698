"""How many interpreters and threads serve best, on one core and on two: `python -m benchmarks.sizing` (Linux).

Serves the application with each pair of settings, bound to so many cores, and prints how long one visitor waits, how
many films eight get read, and what the worker holds meanwhile. The visitors, on the same machine, use all its cores.
"""

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import pictures
from benchmarks.figure import circumstances, markdown, middle
from benchmarks.server import Visitor, serving
from benchmarks.throughput import Side

# Cores, interpreters, threads of each.
SIZES = ((1, 1, 1), (1, 1, 2), (2, 1, 1), (2, 1, 2), (2, 2, 1), (2, 2, 2))
COLUMNS = ("cores", "`XRAY_POOL_SIZE`", "`XRAY_THREADS`", "one visitor", "eight visitors", "resident")
MODEL = "covid_normal"
WARM = 3


def measure(cores: int, pool: int, threads: int, *, seconds: float) -> list[str]:
    """Measure one pair of settings, and return its row.

    Args:
        cores: that the server may use.
        pool: interpreters of each network.
        threads: of each interpreter.
        seconds: for which eight visitors send films.
    """
    films = pictures.full_size()
    with ExitStack() as stack:
        with bound(cores):
            server = stack.enter_context(serving({"XRAY_POOL_SIZE": str(pool), "XRAY_THREADS": str(threads)}))
        visitor, waited = Visitor(server.url), []
        for film in films[: WARM + len(films) // 2]:
            request = visitor.request(film.data, MODEL, film.name)
            start = time.perf_counter()
            visitor.answer(request)
            waited.append(1000 * (time.perf_counter() - start))
        side = Side(server, MODEL, films)
        side.load(seconds)
    rate = side.answers / side.seconds
    return [
        *map(str, (cores, pool, threads)),
        f"{middle(waited[WARM:])[0]:.0f} ms",
        f"{rate:.1f} /s",
        f"{side.resident:.0f} MB",
    ]


@contextmanager
def bound(cores: int) -> Iterator[None]:
    """Let what is started meanwhile use the first cores only."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_of_them)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="with eight visitors, each pair (default: 10)")
    asked = parser.parse_args()
    print(circumstances())
    print(markdown(COLUMNS, [measure(*size, seconds=asked.seconds) for size in SIZES]))


if __name__ == "__main__":
    main()
