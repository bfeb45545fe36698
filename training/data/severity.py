"""Radiologists' severity scores of some COVID radiographs: arXiv:2005.11856, CC BY-SA."""

import csv
from pathlib import Path

from xray.errors import DatasetError

TABLE = Path("cohen") / "severity.csv"  # in the data root; its first lines are comments
COLUMNS = ("filename", "geographic_mean", "opacity_mean")


def extents(folder: Path) -> dict[str, float]:
    """Return the geographic extent score, 0 to 8, of each scored radiograph by its file name.

    Raises:
        DatasetError: no such table, or other columns.
    """
    path = folder / TABLE
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        return {row["filename"]: float(row["geographic_mean"]) for row in csv.DictReader(lines)}
    except (OSError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise DatasetError(
            f"Expected a table with {', '.join(COLUMNS)} at {path}. Received: {error!r}. It comes with the COVID-19 "
            "image data collection: annotations/covid-severity-scores.csv."
        ) from error
