"""An archive by the local engine and by Ray, on one core and on all: `python -m benchmarks.archive` (Linux).

Fills a folder with films of full size, each many times, and lets `python -m xray archive` judge it with both models. A
few bytes behind its end make each copy another content, or else one verdict would do for all. Prints films a second,
the processor time of a film in all processes together, and what they hold at the end of the first third and at most
from there on.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.figure import circumstances, markdown
from benchmarks.server import REPOSITORY, full_size

COUNT = 1000
ENGINES = ("local", "ray")
COLUMNS = (
    *("engine", "cores", "films", "of them judged", "films a second", "with start-up", "CPU a film"),
    *("memory, first third", "later"),
)
TICKS = os.sysconf("SC_CLK_TCK")


class Use(NamedTuple):
    """What a process and all below it use: processor seconds by process, and memory together in MB."""

    seconds: dict[int, float]
    megabytes: float


def _fill(folder: Path, count: int, *, same: bool) -> None:
    """Put so many films into a folder; copies that are the same content are links to one file, judged once."""
    films = full_size()
    for number in range(count):
        film = films[number % len(films)]
        first = folder / f"{number % len(films):06}{Path(film.name).suffix}"
        path = folder / f"{number:06}{Path(film.name).suffix}"
        if same and path != first:
            path.hardlink_to(first)
        else:
            path.write_bytes(film.data + (b"" if same else number.to_bytes(4, "big")))


def measure(engine: str, cores: int, count: int, *, same: bool = False) -> list[str]:
    """Judge one folder, and return its row."""
    with tempfile.TemporaryDirectory() as folder, bound(cores):
        films = Path(folder) / "films"
        films.mkdir()
        _fill(films, count, same=same)
        command = [sys.executable, "-m", "xray", "archive", str(films), f"{folder}/out", "--engine", engine]
        start = time.perf_counter()
        # All below it is found by this mark, Ray's own processes too, which leave their parent.
        mark = f"{os.getpid()}-{start}"
        environment = {**os.environ, "XRAY_BENCHMARK": mark}
        with open(f"{folder}/said", "w+", encoding="utf-8") as said:
            process = subprocess.Popen(
                [*command, "--workers", str(cores)], cwd=REPOSITORY, stderr=said, env=environment
            )
            seconds, memory = watch(process, mark)
            said.seek(0)
            last = re.findall(r"judged ([\d,]+) of [\d,]+ films, ([\d.]+) a second", said.read())[-1]
        wall = time.perf_counter() - start
    third = len(memory) // 3
    rates = last[1], f"{count / wall:.1f}", f"{1000 * seconds / count:.0f} ms"
    most = (f"{max(part):.0f} MB" for part in (memory[:third], memory[third:]))
    return [engine, str(cores), str(count), last[0], *rates, *most]


def watch(process: subprocess.Popen[bytes], mark: str) -> tuple[float, list[float]]:
    """Return the processor seconds of a run, and its memory every half second."""
    seconds: dict[int, float] = {}
    memory = []
    while process.poll() is None:
        now = use(mark)
        seconds |= now.seconds
        memory.append(now.megabytes)
        time.sleep(0.5)
    return sum(seconds.values()), memory


def use(mark: str) -> Use:
    """Look at all processes with a mark in their environment."""
    seconds, kilobytes = {}, 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() not in (folder / "environ").read_bytes():
                continue
            times = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            seconds[int(folder.name)] = (int(times[11]) + int(times[12])) / TICKS
            # The proportional share: what several processes map counts once.
            kilobytes += int(re.findall(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)[0])
        except (OSError, IndexError):
            continue
    return Use(seconds, kilobytes / 1000)


@contextmanager
def bound(cores: int) -> Iterator[None]:
    """Let what is started meanwhile use the first cores only."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.archive", description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=COUNT, help=f"in the folder (default: {COUNT})")
    parser.add_argument("--same", action="store_true", help="copies are links to one content, which is judged once")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="default: both")
    parser.add_argument("--cores", type=int, action="append", help="default: 1, and 2")
    asked = parser.parse_args()
    print(circumstances())
    sizes = [(engine, cores) for cores in asked.cores or (1, 2) for engine in asked.engine or ENGINES]
    print(markdown(COLUMNS, [measure(*size, asked.films, same=asked.same) for size in sizes]), flush=True)


if __name__ == "__main__":
    main()
