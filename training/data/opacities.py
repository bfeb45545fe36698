"""What radiologists said of opacities: boxes around them, their places in a crop, and scores of their extent."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.crops import Crops
from training.data.manifest import Row
from xray.errors import DatasetError

BOXES = Path("siim") / "opacity_boxes.csv"  # in the data root: path, left, top, width, height as shares of the image
# In the data root too; its first lines are comments. Radiologists' scores: arXiv:2005.11856, CC BY-SA.
SCORES = Path("cohen") / "severity.csv"
SCORE_COLUMNS = ("filename", "geographic_mean", "opacity_mean")
STRIDE = 16  # px of the input for each place of block5_conv3, and so of the map
FREE = "normal"  # the label of radiographs without any opacity

Boxes = Mapping[str, list[tuple[float, float, float, float]]]


def read(folder: Path) -> Boxes:
    """Return the boxes of each radiograph by its path: left, top, right and bottom as shares of width and height.

    Returns:
        None for any where there is no table.
    """
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    table = folder / BOXES
    if not table.is_file():
        return found
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            left, top, width, height = (float(row[name]) for name in ("left", "top", "width", "height"))
            found[row["path"]].append((left, top, left + width, top + height))
    return found


def known(rows: Sequence[Row], boxes: Boxes) -> NDArray[np.bool_]:
    """Return for which radiographs it is known where they are opaque: they have boxes, or no finding at all."""
    return np.array([row.path in boxes or row.label == FREE for row in rows], bool)


def mask(data: Crops, position: int, boxes: Boxes) -> NDArray[np.uint8]:
    """Return where a crop is opaque: 255 inside the radiologists' boxes, else 0; shape (side, side)."""
    side = data.images.shape[1]
    top, bottom, left, right = data.boxes[position]
    opaque = np.zeros((side, side), np.uint8)
    for x0, y0, x1, y1 in boxes.get(data.rows[position].path, ()):
        columns = np.rint((np.array([x0, x1]) - left) / (right - left) * side).astype(int).clip(0, side)
        lines = np.rint((np.array([y0, y1]) - top) / (bottom - top) * side).astype(int).clip(0, side)
        opaque[lines[0] : lines[1], columns[0] : columns[1]] = 255
    return opaque


def extents(folder: Path) -> dict[str, float]:
    """Return the geographic extent score, 0 to 8, of each scored radiograph by its file name.

    Raises:
        DatasetError: no such table, or other columns.
    """
    path = folder / SCORES
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        return {row["filename"]: float(row["geographic_mean"]) for row in csv.DictReader(lines)}
    except (OSError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise DatasetError(
            f"Expected a table with {', '.join(SCORE_COLUMNS)} at {path}. Received: {error!r}. It comes with the "
            "COVID-19 image data collection: annotations/covid-severity-scores.csv."
        ) from error
