"""What was measured: one line of the table in BENCHMARKS.md."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles

COLUMNS = ("figure", "ours", "the reference way", "ratio", "target", "met")


@dataclass(frozen=True)
class Figure:
    """One figure beside the reference way's.

    Attributes:
        name: what was measured, with n.
        ours: our figure.
        theirs: the reference way's in the same run; None where there is none.
        unit: of both.
        target: in words.
        met: whether the target was met; None where there is none.
    """

    name: str
    ours: float
    theirs: float | None
    unit: str
    target: str = ""
    met: bool | None = None

    def cells(self) -> list[str]:
        """Return the cells of its row."""
        ratio = self.ours / self.theirs if self.theirs else None
        written = "" if ratio is None else f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.1f} times"
        said = {None: "", True: "yes", False: "**no**"}[self.met]
        return [self.name, self._number(self.ours), self._number(self.theirs), written, self.target, said]

    def _number(self, value: float | None) -> str:
        return "–" if value is None else f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {self.unit}"


def table(figures: Iterable[Figure]) -> str:
    """Write figures as a Markdown table."""
    return markdown(COLUMNS, [figure.cells() for figure in figures])


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances() -> str:
    """Say where and when this was measured, and how busy the machine was with other things."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    python = platform.python_version()
    return f"{when}; commit {commit or 'unknown'}; {os.cpu_count()} cores ({_processor()}){load}; Python {python}."


def median_and_p95(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    cuts = quantiles(seconds, n=20, method="inclusive")
    return cuts[9], cuts[18]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
