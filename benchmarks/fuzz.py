"""Tens of thousands of damaged files, read in a child process: no crash, no hang, no growing memory.

    python -m benchmarks.fuzz --inputs 50000 --seed 1

Input number N of a seed is the same in every run with the same XRAY_DATA; what fails is kept in runs/fuzz/.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.films import REPOSITORY
from benchmarks.fuzz_inputs import corpus, mutated, structured

# Of processor time: other programs may hold the machine up.
SLOW_SECONDS = 2.0
# Of the clock: on a busy machine a child of low rank was seen to wait a minute for its turn.
HANG_SECONDS = 600.0
# Lets the allocator and the libraries settle before memory is compared.
SETTLED = 500
# The share of inputs that are JPEG 2000 codestreams of any structure: damage alone hardly makes one.
STRUCTURED = 0.4
FAILURES = REPOSITORY / "runs" / "fuzz"
SHOWN = 20
FINE = "read"


class Tried(NamedTuple):
    """What came of one input: "read", a refusal's name, or "bug: …"; processor time; the child's memory."""

    end: str
    seconds: float = 0.0
    resident_mb: float = 0.0
    peak_mb: float = 0.0


def main() -> int:
    """Run the fuzzer; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="how many are tried (50,000)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other inputs (1)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input (0)")
    asked = parser.parse_args()
    print(f"seed {asked.seed}, {len(corpus())} files to start from, {asked.inputs} inputs from number {asked.first}")
    began, ends, failures = time.monotonic(), Counter[str](), {}
    slowest = settled = peak = resident = 0.0
    executor = _child()
    for number in range(asked.first, asked.first + asked.inputs):
        tried, executor = _tried(executor, asked.seed, number)
        ends[tried.end.partition(":")[0]] += 1
        slowest, peak, resident = max(slowest, tried.seconds), max(peak, tried.peak_mb), tried.resident_mb
        settled = resident if number <= asked.first + SETTLED else settled
        if ":" in tried.end or tried.seconds > SLOW_SECONDS:
            failures[number] = tried.end if ":" in tried.end else f"slow: {tried.seconds:.1f} s"
    executor.shutdown()
    print("\n".join(f"{count:8d}  {end}" for end, count in ends.most_common()))
    print(f"slowest {slowest:.2f} s of processor time; all in {time.monotonic() - began:.0f} s")
    print(f"resident: {settled:.0f} MB after {SETTLED} inputs, {resident:.0f} MB at the end, {peak:.0f} MB at most")
    for number, end in list(failures.items())[:SHOWN]:
        print(f"input {number}: {end}; kept as {_keep(asked.seed, number)}")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


def made(seed: int, number: int) -> tuple[str, bytes]:
    """Make the input of a number.

    Args:
        seed: of the whole run.
        number: of the input.

    Returns:
        The name of the file that it comes from, and its bytes.
    """
    chance = Random(f"{seed} {number}")
    if chance.random() < STRUCTURED:
        return "structured-2000.dcm", structured(chance)
    name, data = chance.choice(corpus())
    return name, mutated(data, chance.choice(corpus())[1], chance)


def _child() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_silence)


def _silence() -> None:
    """Hide what libjpeg and libpng remark on every damage."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _tried(executor: ProcessPoolExecutor, seed: int, number: int) -> tuple[Tried, ProcessPoolExecutor]:
    """Let the child read one input; return what came of it, and the child or, if that is gone, a new one."""
    future = executor.submit(attempt, seed, number)
    try:
        return future.result(HANG_SECONDS), executor
    except TimeoutError:
        for process in list(executor._processes.values()):
            process.kill()
        end = f"hang: over {HANG_SECONDS:g} s"
    except BrokenProcessPool:
        end = "crash: the process ended"
    executor.shutdown(cancel_futures=True)
    return Tried(end), _child()


def attempt(seed: int, number: int) -> Tried:
    """Make an input and read it as the application does; see `made`."""
    data = made(seed, number)[1]
    began = time.process_time()
    return Tried(outcome(data), time.process_time() - began, memory("VmRSS"), memory("VmHWM"))


def outcome(data: bytes) -> str:
    """Read a file: "read", the refusal's name, or "bug: …" for an error that is no refusal."""
    from xray.errors import ImageError
    from xray.io import image

    try:
        found = image.load(data, deep=True)
    except ImageError as error:
        return type(error).__name__
    except BaseException as error:  # noqa: BLE001  # to be reported, whatever it is
        return f"bug: {type(error).__name__}: {error}"
    return FINE if found.deep is None or found.deep.levels.shape == found.image.shape else "bug: two sizes"


def memory(name: str) -> float:
    """Return a figure of this process's /proc status in MiB, 0.0 where the system has none."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)


def _keep(seed: int, number: int) -> Path:
    name, data = made(seed, number)
    FAILURES.mkdir(parents=True, exist_ok=True)
    path = FAILURES / f"{seed}-{number}-{name}"
    path.write_bytes(data)
    return path.relative_to(REPOSITORY)


if __name__ == "__main__":
    sys.exit(main())
