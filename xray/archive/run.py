"""One run: read the earlier rows, analyse what is missing, write its rows."""

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TextIO, TypeVar

from xray.archive.ledger import Ledger
from xray.archive.local_engine import Engine
from xray.archive.results import Results
from xray.archive.worker import Task

T = TypeVar("T")

# Between two reports: on a terminal one line is rewritten; elsewhere, such as in a cluster's log, a line now and then.
SECONDS = {True: 0.5, False: 30.0}


def run(
    addresses: Iterable[str], results: Results, engine: Engine, task: Task, of: Mapping[str, str], out: TextIO,
    *, trust_names: bool = False,
) -> int:  # fmt: skip
    """Analyse the files that have no rows yet; return how many of all have no verdict.

    Args:
        addresses: of the files.
        results: where the rows go.
        engine: what does the work.
        task: what is wanted of each radiograph.
        of: the version of each row's model.
        out: where progress is reported.
        trust_names: whether files whose address has its rows are not even read.
    """
    ledger = Ledger(of, task.backbone)
    try:
        results.add(())  # opens them: whether that can be done is not to be found out once all files were read
        ledger.remember(results.rows())
        new = (address for address in addresses if not (trust_names and ledger.knows(address)))
        for file in _reported(engine.hashed(new), "read", out):
            ledger.add(file)
        count = ledger.plan()
        results.add(ledger.failed())
        results.add(ledger.known())
        while True:
            for outcome in _reported(engine.outcomes(ledger.missing(), task), "judged", out, count):
                results.add(ledger.rows(outcome))
            # A content that could not be read under one address may have another. Each round takes an address away.
            count = ledger.plan()
            if not count:
                break
    finally:
        results.close()
    return ledger.count_failed()


def _reported(items: Iterable[T], doing: str, out: TextIO, total: int | None = None) -> Iterator[T]:
    """Yield items, one for each file, and report how many are done, how fast, and the time that is left.

    Where it is known how many will come, it is their `total`.
    """
    terminal, start, done = out.isatty(), time.monotonic(), 0
    shown = start

    def report(now: float, *, last: bool) -> None:
        rate = done / max(now - start, 1e-9)
        line = f"{doing} {done:,}" + (f" of {total:,}" if total is not None else "") + f" films, {rate:.1f} a second"
        if last:
            line += f", in {timedelta(seconds=round(now - start))}"
        elif total:
            line += f", {timedelta(seconds=round((total - done) / rate))} left"
        out.write(("\r\033[K" if terminal else "") + line + ("\n" if last or not terminal else ""))
        out.flush()

    for item in items:
        yield item
        done += 1
        if (now := time.monotonic()) - shown >= SECONDS[terminal]:
            shown = now
            report(now, last=False)
    report(time.monotonic(), last=True)
