"""One run: what is there is read, what is missing is judged, and its rows are written."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TextIO, TypeVar

from xray.archive.analyses import Task
from xray.archive.ledger import Ledger
from xray.archive.local_engine import Engine
from xray.archive.progress import Progress
from xray.archive.results import Results
from xray.combined import MODELS, NAME
from xray.registry import Registry

T = TypeVar("T")


def versions(registry: Registry, asked: Iterable[str]) -> dict[str, str]:
    """Return the version of each model asked, and of both together where both are."""
    found = {name: registry.heads[name].facts.version for name in asked}
    if set(MODELS) <= found.keys():
        found[NAME] = "+".join(found[name] for name in MODELS)
    return found


def run(
    addresses: Iterable[str], results: Results, engine: Engine, task: Task, of: Mapping[str, str], out: TextIO,
    *, trust_names: bool = False,
) -> int:  # fmt: skip
    """Judge the films that have no rows yet; return how many of all have no verdict.

    Args:
        addresses: of the films.
        results: where the rows go.
        engine: what does the work.
        task: what is wanted of each film.
        of: the version of each model.
        out: where it is said how far the run is.
        trust_names: whether a film is not even read whose address has its rows.
    """
    ledger = Ledger(of, task.backbone)
    try:
        results.add(())  # opens them: whether that can be done is not to be found out once all films were read
        ledger.remember(results.rows())
        new = (address for address in addresses if not (trust_names and ledger.knows(address)))
        for content in _counted(engine.contents(new), Progress("read", out)):
            ledger.found(content)
        count = ledger.plan()
        results.add(ledger.failed())
        results.add(ledger.known())
        while True:
            for judged in _counted(engine.judged(ledger.missing(), task), Progress("judged", out, count)):
                results.add(ledger.judged(judged))
            # A content that could not be read under one name has perhaps another. Each time round takes a name away.
            count = ledger.plan()
            if not count:
                break
    finally:
        results.close()
    return ledger.count_failed()


def _counted(items: Iterator[T], progress: Progress) -> Iterator[T]:
    for item in items:
        yield item
        progress.step()
    progress.end()
