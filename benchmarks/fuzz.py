"""Tens of thousands of damaged files, read in a child process: no crash, no hang, no growing memory.

    python -m benchmarks.fuzz --inputs 50000 --seed 1

Input number N of a seed is the same in every run with the same XRAY_DATA; what fails is kept in runs/fuzz/.
"""

import argparse
import os
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

import numpy as np
from pydicom import uid

from benchmarks.server import REPOSITORY

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
# Real radiographs in their own size, the first of each folder.
FILMS_OF_A_FOLDER = 2
# Numbers at which arithmetic overflows, and sizes that ask for memory.
NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 4096, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1)
TEXTS = (b"nan", b"inf", b"-inf", b"1e308", b"-1", b"0", b"", b"1\\2\\3", b"9" * 16, b"MONOCHROME1", b"\xff" * 16)
ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
# Headers are this long, as a rule: damage in pixels is seldom interesting.
HEADER = 1024


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
    path = FAILURES / f"{seed}-{number}-{name.replace(' ', '-')}"
    path.write_bytes(data)
    return path.relative_to(REPOSITORY)


@cache
def corpus() -> tuple[tuple[str, bytes], ...]:
    """Return the name and content of each undamaged file, in the same order every time."""
    # The tests of the decoders write one small file of every kind: damage is found in headers and in what they lead to.
    from tests.xray.io.files import TRANSFER_SYNTAXES, dicom_file
    from tests.xray.io.test_dicom import PIPELINE, VALUES
    from tests.xray.io.test_formats import KINDS

    files = {name: data for name, (data, _) in KINDS.items()} | TRANSFER_SYNTAXES
    files |= {name: dicom_file(VALUES, **elements) for name, (elements, _) in PIPELINE.items()}
    return (*files.items(), *_real())


def _real() -> Iterator[tuple[str, bytes]]:
    """Yield some radiographs of XRAY_DATA as they were published; nothing without that folder."""
    if not (folder := os.environ.get("XRAY_DATA")):
        return
    for pattern in ("cohen/covid/*", "kermany/*/*", "nih/*/*", "radiography/*/*", "dicom/*"):
        for path in sorted(Path(folder).glob(pattern))[:FILMS_OF_A_FOLDER]:
            if path.is_file():
                yield path.name, path.read_bytes()


def structured(chance: Random) -> bytes:
    """Make a DICOM file of a JPEG 2000 whose headers ask for any structure, in whole segments."""
    from tests.hostile.dicom_files import dicom
    from tests.hostile.jpeg_2000_files import anything

    grey = np.zeros((128, 112), np.uint8)
    return dicom(grey, uid.JPEG2000, anything(chance, *grey.shape))


def mutated(data: bytes, other: bytes, chance: Random) -> bytes:
    """Damage a file in one to four ways.

    Args:
        data: the file.
        other: another one, to take pieces from.
        chance: decides how.

    Returns:
        The damaged file; of a PNG mostly with right checksums, or else each would be refused for these alone.
    """
    target = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 4))):
        chance.choice(MUTATIONS)(target, chance, other)
    return _with_checksums(bytes(target)) if chance.random() < 0.8 else bytes(target)


def _place(target: bytes | bytearray, chance: Random, room: int = 1) -> int:
    end = max(0, len(target) - room)
    return chance.randint(0, min(end, HEADER) if chance.random() < 0.6 else end)


def _flip_bits(target: bytearray, chance: Random, _: bytes) -> None:
    for _flip in range(chance.randint(1, 16) if target else 0):
        target[_place(target, chance)] ^= 1 << chance.randrange(8)


def _write_number(target: bytearray, chance: Random, _: bytes) -> None:
    size = chance.choice((1, 2, 4))
    number = chance.choice(NUMBERS) & (256**size - 1)
    at = _place(target, chance, size)
    target[at : at + size] = number.to_bytes(size, chance.choice(ORDERS))


def _write_text(target: bytearray, chance: Random, _: bytes) -> None:
    text, at = chance.choice(TEXTS), _place(target, chance, 16)
    target[at : at + len(text)] = text


def _cut_end(target: bytearray, chance: Random, _: bytes) -> None:
    del target[_place(target, chance) :]


def _remove(target: bytearray, chance: Random, _: bytes) -> None:
    at = _place(target, chance)
    del target[at : at + chance.choice((1, 2, 4, 16, 256))]


def _repeat(target: bytearray, chance: Random, _: bytes) -> None:
    at, size = _place(target, chance), chance.choice((1, 2, 8, 64, 512))
    target[at:at] = target[at : at + size] * chance.choice((1, 2, 16, 200))


def _splice(target: bytearray, chance: Random, other: bytes) -> None:
    source, at = _place(other, chance), _place(target, chance)
    piece = other[source : source + chance.choice((4, 32, 256, 4096))]
    target[at : at + (len(piece) if chance.random() < 0.5 else 0)] = piece


def _swap(target: bytearray, chance: Random, _: bytes) -> None:
    size = chance.choice((1, 2, 4, 8, 32))
    one, two = sorted((_place(target, chance, size), _place(target, chance, size)))
    if one + size <= two:
        target[one : one + size], target[two : two + size] = target[two : two + size], target[one : one + size]


MUTATIONS: tuple[Callable[[bytearray, Random, bytes], None], ...] = (
    _flip_bits, _flip_bits, _write_number, _write_number, _write_text, _cut_end, _remove, _repeat, _splice, _swap,
)  # fmt: skip


def _with_checksums(data: bytes) -> bytes:
    """Write the right checksum behind every chunk of a PNG that can be walked."""
    if not data.startswith(b"\x89PNG"):
        return data
    target, at = bytearray(data), 8
    while at + 12 <= len(target):
        end = at + 12 + int(struct.unpack_from(">I", target, at)[0])
        if end > len(target):
            break
        struct.pack_into(">I", target, end - 4, zlib.crc32(target[at + 4 : end - 4]))
        at = end
    return bytes(target)


if __name__ == "__main__":
    sys.exit(main())
