"""Speed and memory beside the reference way: `python -m benchmarks` (`make bench`).

Measures both sides in turn with the same radiographs, which takes about six minutes on an idle machine, and prints the
tables of BENCHMARKS.md.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, distribution
from itertools import cycle, islice, takewhile
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks import reference_app
from benchmarks.figure import Figure, circumstances, markdown, median_and_p95, table
from benchmarks.server import (
    REPOSITORY,
    Film,
    Server,
    ServingError,
    Visitor,
    described,
    full_size,
    serving,
    serving_the_reference,
)

MODEL = "covid_normal"
WARM = 3
CLIENTS = 8
LOOK_SECONDS = 0.1
GIVE_UP_SECONDS = 120
STAGE_SECONDS = re.compile(
    r'^xray_(?:stage|request)_seconds_sum\{(?:stage|endpoint)="([\w.]+)".*\} (\S+)$', re.MULTILINE
)
# What the reference way installs.
REFERENCE = (
    "flask", "gunicorn", "tensorflow-cpu", "keras", "opencv-python-headless", "numpy", "imutils", "scikit-learn",
    "matplotlib",
)  # fmt: skip


def main() -> int:
    """Measure and print; return 1 if a target was missed or something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: figures that only show that it works")
    quick = parser.parse_args().quick
    films = full_size()
    print(circumstances(), f"Films: {described(films)}.", sep="\n", end="\n\n", flush=True)
    figures: list[Figure] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        model = reference_app.save(Path(folder))
        ways: list[Callable[[], list[Figure]]] = [
            lambda: _latency(model, films[:12] if quick else films),
            lambda: _throughput(model, films, seconds=4 if quick else 10),
            lambda: _startup(model, films[0], rounds=2 if quick else 5),
            _environment,
            lambda: _command_line(films, count=100 if quick else 1000),
        ]
        for way in ways:
            try:
                found = way()
            except (ServingError, OSError, subprocess.CalledProcessError) as error:
                failed.append(f"not measured: {error}")
                continue
            figures += found
            print(*(" | ".join(figure.cells()) for figure in found), sep="\n", file=sys.stderr, flush=True)
    print(table(figures), stages(films), sep="\n\n")
    missed = [f"missed: {figure.name}" for figure in figures if figure.met is False]
    print("", *missed, *failed, sep="\n", file=sys.stderr)
    return 1 if failed or missed else 0


def _latency(reference: Path, films: Sequence[Film]) -> list[Figure]:
    """Measure how long one visitor waits: from the form sent to the page read, the annotated copy saved."""
    with serving() as ours, serving_the_reference(reference) as theirs:
        visitor, other = Visitor(ours.url), Visitor(theirs.url)
        ways = {"one": (visitor, MODEL), "theirs": (other, ""), "both": (visitor, "both")}
        waited: dict[str, list[float]] = {way: [] for way in ways}
        for number, film in enumerate([*films[:WARM], *films]):
            for way, (who, model) in ways.items():
                request = who.request(film.data, model, film.name)
                start = time.perf_counter()
                who.answer(request)
                if number >= WARM:
                    waited[way].append(1000 * (time.perf_counter() - start))
    (median, p95), (their_median, their_p95), (both, _) = map(median_and_p95, waited.values())
    n, met = f"n = {len(films)}", both <= their_median / 6
    return [
        Figure(f"`POST /query`, one client, one model, median ({n})", median, their_median, "ms"),
        Figure(f"the same, 95th percentile ({n})", p95, their_p95, "ms"),
        Figure(f"the same with models 1 and 2, median ({n})", both, their_median, "ms", "at most 1/6", met),
    ]


def _throughput(reference: Path, films: Sequence[Film], *, seconds: float) -> list[Figure]:
    """Measure how many requests of eight clients one worker answers, and what it holds meanwhile.

    Args:
        reference: made by `reference_app.save`.
        films: sent by each client, each beginning with another.
        seconds: of each of the two turns of each side.
    """
    with serving() as ours, serving_the_reference(reference) as theirs:
        sides = ((ours, MODEL), (theirs, ""))
        for side in sides:
            _load(*side, films, 2.0)
        turns = [_load(*sides[side], films, seconds) for side in (0, 1, 1, 0)]
    mine, others = (turns[0], turns[3]), (turns[1], turns[2])
    answers, their_answers = (sum(load.answers for load in each) for each in (mine, others))
    rate, their_rate = (
        count / sum(load.seconds for load in each) for count, each in ((answers, mine), (their_answers, others))
    )
    resident, their_resident = (max(load.resident_mb for load in each) for each in (mine, others))
    name = f"requests a second, eight clients (n = {answers} and {their_answers})"
    held = "resident memory of that worker under that load, the most of all looks"
    return [
        Figure(name, rate, their_rate, "/s", "at least 10 times", rate >= 10 * their_rate),
        Figure(held, resident, their_resident, "MB", "at most 1/5", resident <= their_resident / 5),
    ]


class Load(NamedTuple):
    """What a server did under load: answers, the seconds that they took, and the most that its worker held."""

    answers: int
    seconds: float
    resident_mb: float


def _load(server: Server, model: str, films: Sequence[Film], seconds: float) -> Load:
    """Let eight visitors send radiographs for some seconds."""
    visitors = [Visitor(server.url) for _ in range(CLIENTS)]
    start = time.perf_counter()

    def send(number: int) -> int:
        mine = islice(cycle(films), number * len(films) // CLIENTS, None)
        sent = takewhile(lambda _: time.perf_counter() <= start + seconds, mine)
        return sum(1 for film in sent if visitors[number].send(film, model))

    most = 0.0
    with ThreadPoolExecutor(CLIENTS) as threads:
        counts = [threads.submit(send, number) for number in range(CLIENTS)]
        while not all(count.done() for count in counts):
            most = max(most, server.resident_mb()[0])
            time.sleep(LOOK_SECONDS)
    return Load(sum(count.result() for count in counts), time.perf_counter() - start, most)


def _startup(reference: Path, film: Film, *, rounds: int) -> list[Figure]:
    """Measure from the start of gunicorn's process to the first page with a verdict."""
    seconds: dict[str, list[float]] = {MODEL: [], "": []}
    for _ in range(rounds):
        for model, taken in seconds.items():
            with serving(wait=False) if model else serving_the_reference(reference, wait=False) as server:
                _first(server).send(film, model)
                taken.append(time.monotonic() - server.started)
    ours, theirs = map(statistics.median, seconds.values())
    name = f"process start to first verdict, median (n = {rounds})"
    return [Figure(name, ours, theirs, "s", "at most 1/6, under 0.8 s", ours < min(0.8, theirs / 6))]


def _first(server: Server) -> Visitor:
    """Return the first visitor, who tries again until the port answers."""
    while True:
        try:
            return Visitor(server.url)
        except urllib.error.URLError:
            if time.monotonic() > server.started + GIVE_UP_SECONDS:
                raise
            time.sleep(0.005)


def _environment() -> list[Figure]:
    """Add up the installed files of requirements.txt and of the reference way, without compiled bytecode."""
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [Requirement(line.rstrip(" \\")) for line in lines if re.match("[a-z]", line)]
    ours = sum(_size_mb(each.name) for each in listed if not each.marker or each.marker.evaluate())
    theirs = sum(map(_size_mb, _needed(REFERENCE)))
    name = "unpacked serving environment, without bytecode"
    return [Figure(name, ours, theirs, "MB", "under 320 MB", ours < 320)]


def _needed(names: Iterable[str]) -> set[str]:
    """Name these packages and all that they need, as far as they are installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        try:
            asked = [Requirement(each) for each in distribution(name).requires or ()]
        except PackageNotFoundError:
            continue
        if name not in found:
            waiting += [each.name for each in asked if not each.marker or each.marker.evaluate({"extra": ""})]
        found.add(name)
    return found


def _size_mb(name: str) -> float:
    files = [file for file in distribution(name).files or () if "__pycache__" not in file.parts]
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def _command_line(films: Sequence[Film], *, count: int) -> list[Figure]:
    """Measure `python -m xray` on a folder of so many films."""
    with tempfile.TemporaryDirectory() as folder:
        for number, film in enumerate(islice(cycle(films), count)):
            (Path(folder) / f"{number:05}{Path(film.name).suffix}").write_bytes(film.data)
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "xray", folder], cwd=REPOSITORY, capture_output=True, check=False)
        seconds = time.perf_counter() - start
    name = f"a folder by the command line, both models (n = {count})"
    return [Figure(name, count / seconds, None, "/s", "over 45 a second", count / seconds > 45)]


def stages(films: Sequence[Film]) -> str:
    """Write a Markdown table of the mean time of each stage of a request, as the application counts it at /metrics.

    What is left of a request is "the rest": Flask, the form, the page.
    """
    with serving({"XRAY_METRICS": "true"}) as server:
        visitor = Visitor(server.url)
        seen: list[dict[str, float]] = []
        for part in (films[:WARM], films):
            for film in part:
                visitor.send(film, MODEL)
            with urllib.request.urlopen(f"{server.url}/metrics") as answer:
                seen.append({name: float(seconds) for name, seconds in STAGE_SECONDS.findall(answer.read().decode())})
    before, after = seen
    took = {name: 1000 * (after[name] - before.get(name, 0)) / len(films) for name in after}
    # A stage has no dot in its name, an endpoint has one; only films were sent between the two looks.
    whole = max(ms for name, ms in took.items() if "." in name)
    found = {name: ms for name, ms in took.items() if "." not in name}
    found |= {"the rest": whole - sum(found.values()), "all": whole}
    return markdown((f"stage (n = {len(films)})", "mean"), [(name, f"{ms:.1f} ms") for name, ms in found.items()])


if __name__ == "__main__":
    sys.exit(main())
