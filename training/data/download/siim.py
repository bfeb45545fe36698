"""The SIIM-FISABIO-RSNA set, laid out as one table with a folder for each reading, and the radiologists' boxes."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from xray.errors import DatasetError

STUDIES, IMAGES, SIZES = "train_study_level.csv", "train_image_level.csv", "meta.csv"
READINGS = {
    "Negative for Pneumonia": "normal",
    "Typical Appearance": "covid",
    "Indeterminate Appearance": "indeterminate",
    "Atypical Appearance": "atypical",
}
LICENCE = (
    "SIIM-FISABIO-RSNA COVID-19 Detection challenge (Kaggle rules: non-commercial, research and education); pictures "
    "of BIMCV-COVID19 and MIDRC-RICORD-1C"
)
COLUMNS = (
    "path", "sha256", "label", "finding", "source", "original_filename", "patient_id", "view", "modality",
    "population", "licence", "native_width", "native_height",
)  # fmt: skip
BOX = 6  # of the published words: "opacity", its confidence, and the edges left, top, right, bottom


def lay_out(folder: Path) -> None:
    """Move the radiographs into a folder for each reading, and write manifest.csv and opacity_boxes.csv.

    A study is what comes nearest to a patient. Of a study with opacities, radiographs without a box are left out.

    Args:
        folder: with `train/`, the two tables of the competition, and `meta.csv` with the films' own sizes.

    Raises:
        DatasetError: a table has other columns than those that were published.
    """
    try:
        rows = list(_rows(folder))
    except KeyError as error:
        raise DatasetError(f"{folder}: expected the published tables. Received one without {error}.") from error
    with (folder / "opacity_boxes.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "left", "top", "width", "height"))
        for row, boxes in rows:
            writer.writerows((f"{folder.name}/{row['path']}", *(f"{edge:.4f}" for edge in box)) for box in boxes)
    for row, _ in rows:
        (folder / row["path"]).parent.mkdir(exist_ok=True)
        (folder / "train" / Path(row["path"]).name).rename(folder / row["path"])
    part = folder / "manifest.csv.part"
    with part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(row for row, _ in rows)
    part.rename(folder / "manifest.csv")


def _rows(folder: Path) -> Iterator[tuple[dict[str, str], list[tuple[float, ...]]]]:
    """Yield each radiograph that is taken, and its boxes: left, top, width and height as shares."""
    studies = {record["id"].removesuffix("_study"): record for record in _records(folder / STUDIES)}
    sizes = {record["image_id"]: (int(record["dim1"]), int(record["dim0"])) for record in _records(folder / SIZES)}
    images = _records(folder / IMAGES)
    several = Counter(record["StudyInstanceUID"] for record in images)
    for record in images:
        name, study = record["id"].removesuffix("_image"), record["StudyInstanceUID"]
        reading = next(each for each in READINGS if studies[study][each] == "1")
        label, (width, height) = READINGS[reading], sizes[name]
        boxes = _boxes(record["label"], width, height)
        if not (folder / "train" / f"{name}.jpg").is_file() or (label != "normal" and not boxes and several[study] > 1):
            continue
        values = (
            f"{label}/{name}.jpg", "", label, reading, "siim", f"{name}.dcm", f"siim-{study}", "", "X-ray", "adult",
            LICENCE, str(width), str(height),
        )  # fmt: skip
        yield dict(zip(COLUMNS, values, strict=True)), boxes


def _boxes(words: str, width: int, height: int) -> list[tuple[float, ...]]:
    parts = words.split()
    found: list[tuple[float, ...]] = []
    for place in range(0, len(parts), BOX):
        kind, _, *edges = parts[place : place + BOX]
        if kind == "opacity":
            left, top, right, bottom = map(float, edges)
            found.append((left / width, top / height, (right - left) / width, (bottom - top) / height))
    return found


def _records(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise DatasetError(f"Expected the published table {path}. Received none.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
