"""Where the time of one film goes: `python -m benchmarks.stages`.

Sends radiographs of full size to the application, one after the other, and reads the stages that it counts itself at
/metrics. What is left of the requests is "the rest": Flask, the form, the page.
"""

import argparse
import re
import urllib.request
from collections.abc import Sequence

from benchmarks.figure import circumstances, markdown
from benchmarks.films import Film, full_size
from benchmarks.server import Visitor, serving

MODEL = "covid_normal"
WARM = 3
SECONDS = re.compile(r'^xray_(?:stage|request)_seconds_sum\{(?:stage|endpoint)="([\w.]+)".*\} (\S+)$', re.MULTILINE)


def measure(films: Sequence[Film]) -> dict[str, float]:
    """Return the mean milliseconds of each stage, of "the rest" and of "all"."""
    with serving({"XRAY_METRICS": "true"}) as server:
        visitor = Visitor(server.url)
        seen: list[dict[str, float]] = []
        for part in (films[:WARM], films):
            for film in part:
                visitor.send(film, MODEL)
            with urllib.request.urlopen(f"{server.url}/metrics") as answer:
                seen.append({name: float(seconds) for name, seconds in SECONDS.findall(answer.read().decode())})
    before, after = seen
    took = {name: 1000 * (after[name] - before.get(name, 0)) / len(films) for name in after}
    # A stage has no dot in its name, an endpoint has one; only films were sent between the two looks.
    whole = max(ms for name, ms in took.items() if "." in name)
    stages = {name: ms for name, ms in took.items() if "." not in name}
    return stages | {"the rest": whole - sum(stages.values()), "all": whole}


def report(films: Sequence[Film]) -> str:
    """Measure, and write the breakdown as a Markdown table."""
    rows = [(stage, f"{ms:.1f} ms") for stage, ms in measure(films).items()]
    return markdown((f"stage (n = {len(films)})", "mean"), rows)


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__.splitlines()[0]).parse_args()
    print(circumstances())
    print(report(full_size()))


if __name__ == "__main__":
    main()
