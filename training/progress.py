"""Progress of long loops: a bar on a terminal, elsewhere a line now and then, both with the time left."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

EVERY_SECONDS = 10

T = TypeVar("T")


def progress(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield items and say on standard error how far they are.

    Args:
        items: of a loop.
        what: is done, in a word.
        total: how many items there are.
    """
    if sys.stderr.isatty():
        yield from tqdm(items, what, total)
        return
    start = said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - said >= EVERY_SECONDS and done < total:
            said = now
            left = (now - start) / done * (total - done)
            print(f"{what}: {done} of {total}, about {_time(left)} left", file=sys.stderr, flush=True)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
