"""Tens of thousands of damaged films, read in child processes: no crash, no hang, no growing memory.

    python -m benchmarks.fuzz --inputs 50000 --seed 1

Input number N of a seed is the same in every run of the same corpus; what fails is kept in runs/fuzz/.
"""

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from benchmarks.fuzz_films import corpus
from benchmarks.mutations import mutated
from benchmarks.server import REPOSITORY

# Of processor time: other programs may hold the machine up.
SLOW_SECONDS = 2.0
# Of the clock: on a busy machine a child of low rank was seen to wait a minute for its turn.
HANG_SECONDS = 600.0
# Lets the allocator and the libraries settle before memory is compared.
SETTLED = 500
FAILURES = REPOSITORY / "runs" / "fuzz"
FINE = "read"


@dataclass
class Report:
    """What came of all inputs.

    Attributes:
        ends: how often each end was met: "read", or the name of the refusal.
        failures: the number of each input that failed, and how.
        slowest_s: processor time of the slowest input.
        settled_mb: resident memory of a child once it has settled, the largest.
        peak_mb: the most that any child held at any moment.
        end_mb: resident memory of a child at its end, the largest.
    """

    ends: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    settled_mb: float = 0.0
    peak_mb: float = 0.0
    end_mb: float = 0.0


def main() -> int:
    """Run the fuzzer; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="how many are tried (50,000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other inputs (1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (0)")
    given = parser.parse_args()
    films, began = corpus(), time.monotonic()
    print(f"seed {given.seed}, {len(films)} films to start from, {given.inputs} inputs from number {given.first}")
    report = Report()
    at, end = given.first, given.first + given.inputs
    while at < end:
        at = _child(given.seed, at, end, report)
    _print(report, time.monotonic() - began)
    for number, how in report.failures:
        name, data = made(films, given.seed, number)
        FAILURES.mkdir(parents=True, exist_ok=True)
        (FAILURES / f"{given.seed}-{number}-{name}").write_bytes(data)
        print(f"input {number} ({name}): {how}; kept in {FAILURES.relative_to(REPOSITORY)}/")
    return 1 if report.failures else 0


def made(films: list[tuple[str, bytes]], seed: int, number: int) -> tuple[str, bytes]:
    """Make the input of a number: the name of the film that it comes from, and its bytes."""
    random = Random(f"{seed} {number}")
    name, data = random.choice(films)
    return name, mutated(data, random.choice(films)[1], random)


def _child(seed: int, at: int, end: int, report: Report) -> int:
    """Let a child read inputs until it is through or dies; return the number that comes next."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_read_all, args=(there, seed, at, end))
    process.start()
    there.close()
    try:
        while here.poll(HANG_SECONDS):
            match here.recv():
                case int(number):
                    at = number
                case (str(how), float(seconds)):
                    report.slowest_s = max(report.slowest_s, seconds)
                    if ":" in how or seconds > SLOW_SECONDS:
                        report.failures.append((at, how if ":" in how else f"slow: {seconds:.1f} s"))
                    report.ends[how.partition(":")[0]] += 1
                case (float(settled), float(peak), float(last)):
                    report.settled_mb = max(report.settled_mb, settled)
                    report.peak_mb, report.end_mb = max(report.peak_mb, peak), max(report.end_mb, last)
                    return end
        how = f"hang: over {HANG_SECONDS:g} s"
        process.kill()
    except EOFError:
        process.join()
        how = f"crash: the process ended with {process.exitcode}"
    finally:
        process.join()
    report.failures.append((at, how))
    report.ends[how.partition(":")[0]] += 1
    return at + 1


def _read_all(pipe: Connection, seed: int, first: int, end: int) -> None:
    """Read inputs, telling each one's number before and what came of it after."""
    films = corpus()
    # libjpeg and libpng remark on every damage.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    settled = memory("VmRSS")
    for number in range(first, end):
        pipe.send(number)
        data = made(films, seed, number)[1]
        began = time.process_time()
        how = outcome(data)
        pipe.send((how, time.process_time() - began))
        if number == first + SETTLED:
            settled = memory("VmRSS")
    pipe.send((settled, memory("VmHWM"), memory("VmRSS")))


def outcome(data: bytes) -> str:
    """Read a file as the application does: "read", the refusal's name, or "bug: …" for what nobody foresaw."""
    from xray.errors import ImageError
    from xray.io import image

    try:
        grey = image.read(data)
        deep = image.read_deep(data)
    except ImageError as error:
        return type(error).__name__
    except BaseException as error:  # noqa: BLE001  # to be told, whatever it is
        return f"bug: {type(error).__name__}: {error}"
    return FINE if deep is None or deep.levels.shape == grey.shape else "bug: two sizes"


def memory(name: str) -> float:
    """Return a figure of this process' memory in MB, 0.0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def _print(report: Report, seconds: float) -> None:
    for how, number in report.ends.most_common():
        print(f"{number:8d}  {how}")
    print(f"slowest {report.slowest_s:.2f} s of processor time; all in {seconds:.0f} s")
    print(
        f"resident: {report.settled_mb:.0f} MB after {SETTLED} inputs, {report.end_mb:.0f} MB at the end, "
        f"{report.peak_mb:.0f} MB at most"
    )
    print(f"{len(report.failures)} failures")


if __name__ == "__main__":
    sys.exit(main())
