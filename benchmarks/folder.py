"""A folder by the command line: `python -m benchmarks.folder`.

Fills a folder with 1,000 films of full size (each under many names), lets `python -m xray` read it with both models, and
looks at what its process holds meanwhile.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import pictures
from benchmarks.figure import Figure, circumstances, table
from benchmarks.pictures import REPOSITORY
from benchmarks.server import resident_mb

COUNT = 1000
# From here on memory should no longer grow.
SETTLED = 100


def measure(*, count: int = COUNT) -> list[Figure]:
    """Read one folder.

    Args:
        count: of its pictures.
    """
    films = pictures.full_size()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            film = films[number % len(films)]
            (Path(folder) / f"{number:05}{Path(film.name).suffix}").write_bytes(film.data)
        command = [sys.executable, "-m", "xray", folder]
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None  # noqa: S101 - for the type checker
        settled, most, judged = 0.0, 0.0, set()
        for line in process.stdout:
            path = line.partition(",")[0]
            if path not in judged:
                judged.add(path)
                now = resident_mb(Path(f"/proc/{process.pid}/status").read_text(encoding="ascii"))[0]
                settled, most = (max(settled, now), most) if len(judged) <= SETTLED else (settled, max(most, now))
        process.wait()
        seconds = time.perf_counter() - start
    return [
        Figure(f"a folder by the command line, both models (n = {count})", *(count / seconds, None, "/s"),
               target="over 25 a second", floor=25),
        Figure(f"memory after {SETTLED} of them, the most", settled, None, "MB"),
        Figure("memory from there to the end, the most", *(most, None, "MB", "flat: at most 5 % more"),
               limit=1.05 * settled),
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folder", description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=COUNT, help=f"in the folder (default: {COUNT})")
    asked = parser.parse_args()
    print(circumstances())
    print(table(measure(count=asked.pictures)))


if __name__ == "__main__":
    main()
