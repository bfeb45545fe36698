"""The radiographs that are sent: the articles' 48 held-out films at full size if XRAY_DATA has them, else averages."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parent.parent
# Made of many normal radiographs by training/studies/average.py. A drawing would be refused.
AVERAGE = REPOSITORY / "static" / "examples" / "average_normal.png"
AVERAGES = 8


class Film(NamedTuple):
    """A file: its name and its content."""

    name: str
    data: bytes


def full_size() -> list[Film]:
    """Return the radiographs of full size, in an order that mixes their classes."""
    # Not above: whoever only needs an average may have no packages of training.
    from training.config import data_root

    found = sorted((data_root() / "rovai_validation").glob("*/*.jp*g"), key=lambda path: path.name)
    if found:
        return [Film(path.name, path.read_bytes()) for path in found]
    return [Film(f"average_{seed}.png", png(average(seed=seed))) for seed in range(AVERAGES)]


def average(side: int = 2236, *, seed: int = 0) -> NDArray[np.uint8]:
    """Enlarge the average radiograph, which is nobody's, and give it a radiograph's grain.

    Args:
        side: height and width in pixels; the default makes 5 megapixels.
        seed: decides the grain.

    Returns:
        uint8, shape (side, side).
    """
    small = cv2.imread(str(AVERAGE), cv2.IMREAD_GRAYSCALE)
    if small is None:
        raise FileNotFoundError(AVERAGE)
    large = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC))
    grain = np.random.default_rng(seed).normal(0, 4, large.shape).astype(np.float32)
    return np.asarray(np.clip(large + grain, 0, 255), np.uint8)


def png(image: NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG."""
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def described(films: list[Film]) -> str:
    """Say how many they are, of what kind and size."""
    kind = "enlarged averages" if films[0].name.startswith("average") else "of the articles' held-out films"
    size = sum(len(film.data) for film in films) / len(films) / 1e6
    return f"{len(films)} {kind}, {size:.1f} MB each on average"
