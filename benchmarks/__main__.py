"""All measurements of BENCHMARKS.md, as Markdown: `python -m benchmarks` (`make bench`).

Measures both sides in turn, which takes about eight minutes on an idle machine; the soak is apart (`make soak`).
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import environment, folder, latency, pictures, reference, stages, startup, throughput, train_speed
from benchmarks.figure import Figure, circumstances, table
from benchmarks.server import ServingError


def main() -> int:
    """Measure what was asked for and print it; return 1 if a target was missed or something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: figures that only show that it works")
    asked = parser.parse_args()
    print(circumstances(), f"Films: {pictures.said(pictures.full_size())}.", sep="\n", end="\n\n", flush=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as passing:
        model = reference.save(Path(passing))
        ways: list[Callable[[], list[Figure]]] = [
            lambda: latency.measure(model, films=12 if asked.quick else None),
            lambda: throughput.measure(model, seconds=4 if asked.quick else 10),
            lambda: startup.measure(model, rounds=2 if asked.quick else startup.ROUNDS),
            environment.measure,
            lambda: train_speed.measure(films=20 if asked.quick else train_speed.FILMS),
            lambda: folder.measure(count=150 if asked.quick else folder.COUNT),
        ]
        failed = [problem for way in ways if (problem := _added(way, figures))]
    print(table(figures), stages.report(), sep="\n\n")
    missed = [figure.name for figure in figures if figure.met is False]
    print("", *(f"missed: {name}" for name in missed), *failed, sep="\n", file=sys.stderr)
    return 1 if failed or missed else 0


def _added(measure: Callable[[], list[Figure]], figures: list[Figure]) -> str:
    """Add what a measurement finds, and return what went wrong instead."""
    try:
        found = measure()
        figures += found
        print(*(" | ".join(figure.cells()) for figure in found), sep="\n", file=sys.stderr, flush=True)
    except (ServingError, OSError, subprocess.CalledProcessError) as error:
        return f"not measured: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
