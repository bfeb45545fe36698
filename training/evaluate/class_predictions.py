"""The table of a run with several classes: predictions.csv, a score for each."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.data.manifest import Row
from training.evaluate.predictions import FACTS
from training.metrics.discrimination import Floats
from xray.errors import DatasetError

SCORE = "score_"  # and the class


def write(path: Path, rows: Sequence[Row], y_true: NDArray[np.int64], y_score: Floats, classes: Sequence[str]) -> None:
    """Write one row a radiograph.

    Args:
        path: of the CSV file.
        rows: the radiographs.
        y_true: index of the class that each shows.
        y_score: shape (n, classes), in [0, 1]; written with 6 decimals.
        classes: their names.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*FACTS, "class", *(SCORE + name for name in classes)])
        for row, truth, scores in zip(rows, y_true, y_score, strict=True):
            facts = [getattr(row, name) for name in FACTS]
            writer.writerow([*facts, classes[truth], *(f"{score:.6f}" for score in scores)])


def read(path: Path, classes: Sequence[str]) -> pd.DataFrame:
    """Read what `write` wrote, with `y_true`, the index of each film's class.

    Raises:
        DatasetError: no such file, or other classes.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(FACTS, str), keep_default_na=False)
        scores(table, classes)
        return table.assign(y_true=[list(classes).index(name) for name in table["class"]])
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"Expected the scores of {', '.join(classes)} in {path}. Received: {error}. Run `python -m "
            "training.fit.classes` first."
        ) from error


def scores(table: pd.DataFrame, classes: Sequence[str]) -> Floats:
    """Return the scores of a table, shape (n, classes)."""
    return table[[SCORE + name for name in classes]].to_numpy(np.float64)
