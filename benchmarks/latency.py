"""How long one visitor waits: `python -m benchmarks.latency`.

Sends each film of full size to ours and to the reference way in turn, and waits for the page, with the annotated copy
saved. Ours is measured with one model, which is what the reference way has, and with both.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import pictures
from benchmarks import reference as saved
from benchmarks.figure import Figure, circumstances, middle, table
from benchmarks.server import Visitor, serving, serving_the_reference

WARM = 3


def measure(reference: Path, *, rounds: int = 1) -> list[Figure]:
    """Measure both sides, film by film.

    Args:
        reference: made by `benchmarks.reference.save`.
        rounds: how often each film is sent.
    """
    films = pictures.full_size()
    with serving() as ours, serving_the_reference(reference) as theirs:
        visitor, other = Visitor(ours.url), Visitor(theirs.url)
        ways = {"one": (visitor, "covid_normal"), "theirs": (other, ""), "both": (visitor, "both")}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number, film in enumerate([*films[:WARM], *films * rounds]):
            for way, (who, model) in ways.items():
                request = who.request(film.data, model, film.name)
                start = time.perf_counter()
                who.answer(request)
                if number >= WARM:
                    seconds[way].append(1000 * (time.perf_counter() - start))
    (median, p95), (both, _), (their_median, their_p95) = (middle(seconds[way]) for way in ("one", "both", "theirs"))
    n = f"n = {len(seconds['one'])}"
    return [
        Figure(f"`POST /query`, one client, one model, median ({n})", median, their_median, "ms", "at most 1/4", 1 / 4),
        Figure(f"the same, 95th percentile ({n})", p95, their_p95, "ms"),
        Figure(f"the same with both models, median ({n})", both, their_median, "ms"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1, help="how often each film is sent (default: 1)")
    asked = parser.parse_args()
    print(circumstances())
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(saved.save(Path(folder)), rounds=asked.rounds)))


if __name__ == "__main__":
    main()
