"""The pictures that are sent: the articles' 48 held-out films at full size where they are at hand, else the average."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.radiograph import film, png
from training.config import data_root

REPOSITORY = Path(__file__).resolve().parent.parent
AVERAGES = 8


class Picture(NamedTuple):
    """A file: its name and its content."""

    name: str
    data: bytes


def full_size() -> list[Picture]:
    """Return the films of full size, in an order that mixes their classes."""
    found = sorted((data_root() / "rovai_validation").glob("*/*.jp*g"), key=lambda path: path.name)
    if found:
        return [Picture(path.name, path.read_bytes()) for path in found]
    return [Picture(f"average_{seed}.png", png(film(seed=seed))) for seed in range(AVERAGES)]


def said(pictures: list[Picture]) -> str:
    """Say what they are."""
    kind = "enlarged averages" if pictures[0].name.startswith("average") else "of the articles' held-out films"
    size = sum(len(picture.data) for picture in pictures) / len(pictures) / 1e6
    return f"{len(pictures)} {kind}, {size:.1f} MB each on average"
