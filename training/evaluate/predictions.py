"""The table of scores that a run leaves for its evaluation: predictions.csv."""

import csv
from collections.abc import Sequence
from pathlib import Path

from training.data.manifest import Row
from training.metrics.discrimination import Floats

FACTS = (
    "path",
    "sha256",
    "source",
    "patient_id",
    "group",
    "view",
    "sex",
    "age_years",
    "label",
    "split",
    "upstream_split",
)
COLUMNS = (*FACTS, "y_true", "y_score")


def write_predictions(path: Path, rows: Sequence[Row], positive: str, y_score: Floats) -> None:
    """Write one row a radiograph.

    Args:
        path: of the CSV file.
        rows: the radiographs, of the two labels that the model tells apart.
        positive: the label that the score is for.
        y_score: shape (n,), in [0, 1]; written with 6 decimals.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row, score in zip(rows, y_score, strict=True):
            writer.writerow([*(getattr(row, name) for name in FACTS), int(row.label == positive), f"{score:.6f}"])
