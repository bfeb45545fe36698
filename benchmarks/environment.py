"""What an environment takes on the disk: `python -m benchmarks.environment`.

Adds up the files that each package installed, by its RECORD and without compiled bytecode, of requirements.txt and of
what the reference way needs; both from the environment that this runs in, where all of it is.
"""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

from packaging.markers import Marker
from packaging.requirements import Requirement

from benchmarks.figure import Figure, circumstances, markdown, table
from benchmarks.pictures import REPOSITORY

REFERENCE = (
    "flask", "gunicorn", "tensorflow-cpu", "keras", "opencv-python-headless", "numpy", "imutils", "scikit-learn",
    "matplotlib",
)  # fmt: skip


def measure() -> list[Figure]:
    """Add up both."""
    ours, theirs = sum(listed().values()), sum(needed(REFERENCE).values())
    name = "unpacked serving environment, without bytecode"
    return [Figure(name, ours, theirs, "MB", "at most 1/4, under 320 MB", 1 / 4, limit=320)]


def listed() -> dict[str, float]:
    """Return the sizes of what requirements.txt lists for this machine, in MB of 1,000,000 bytes, by name."""
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return _sizes(each.name for each in wanted if _here(each.marker))


def needed(names: Iterable[str]) -> dict[str, float]:
    """Return the sizes of packages with all that they need, in MB, by name."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = _plain(waiting.pop())
        if name in found:
            continue
        try:
            requirements = [Requirement(each) for each in distribution(name).requires or ()]
        except PackageNotFoundError:
            continue
        found.add(name)
        waiting += [each.name for each in requirements if _here(each.marker)]
    return _sizes(found)


def _sizes(names: Iterable[str]) -> dict[str, float]:
    return {name: _size_mb(name) for name in sorted({_plain(name) for name in names})}


def _size_mb(name: str) -> float:
    files = [file for file in distribution(name).files or () if "__pycache__" not in file.parts]
    paths = [file.locate() for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def _here(marker: Marker | None) -> bool:
    return marker is None or marker.evaluate({"extra": ""})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Print both sums, and ours package by package."""
    print(circumstances())
    print(table(measure()))
    print()
    rows = sorted(listed().items(), key=lambda item: -item[1])
    print(markdown(("package", "MB"), [(name, f"{size:.1f}") for name, size in rows if size >= 0.05]))


if __name__ == "__main__":
    main()
