"""The 48 radiographs that the reference article kept for its own validation, and the folder that shows them."""

import csv
import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from training.data.manifest import Row

FOLDERS = {
    "covid": "covid_validation",
    "normal": "normal_validation",
    "pneumonia": "non_covid_pneumonia_validation",
}
COLUMNS = ("name", "sha256", "label", "patient", "source", "licence")
# The COVID radiographs of March 2020 that the article names and keeps from training.
MARCH_2020 = frozenset({
    "2966893D-5DDF-4B68-9E2B-4979D5956C8E", "6C94A287-C059-46A0-8600-AFB95F4727B7",
    "F2DE909F-E19C-4900-92F5-8F435B031AC6", "F4341CE7-73C9-45C6-99C8-8567A5484B63",
    "E63574A7-4188-4C8D-8D17-9D67A18A1AFA", "31BA3780-2323-493F-8AED-62081B9C383B",
    "7C69C012-7479-493F-8722-ABC29C60A2DD", "B2D20576-00B7-4519-A415-72DE29C90C34",
})  # fmt: skip
CHOSEN = 20  # normals, and pneumonias, that the article draws from the children's set


def mark(rows: Sequence[Row], listed: Iterable[str], seed: int) -> list[Row]:
    """Give the held-out radiographs the split `held_out`.

    They are those that their table marks, the article's eight by name, and the listed ones. Where no child
    is among these, 20 normal and 20 pneumonia radiographs of the published train part are chosen by the seed
    (one in ten of a smaller set).
    """
    names = MARCH_2020 | {Path(name).stem for name in listed}
    named = {row.path for row in rows if row.source in ("cohen", "kermany") and _stem(row) in names}
    children = [row for row in rows if row.source == "kermany"]
    if not any(row.split == "held_out" or row.path in named for row in children):
        for label in ("normal", "pneumonia"):
            choice = [row for row in children if row.label == label and row.upstream_split == "train"]
            choice.sort(key=lambda row: hashlib.sha256(f"{seed} {_stem(row)}".encode()).digest())
            named |= {row.path for row in choice[: min(CHOSEN, len(choice) // 10)]}
    return [replace(row, split="held_out") if row.path in named else row for row in rows]


def lay_out(marked: Sequence[Row], origins: Iterable[Path], root: Path, folder: Path) -> list[dict[str, str]]:
    """Copy the held-out radiographs into `folder`.

    A radiograph that is already there stays; else a file of that name among `origins` (full-size radiographs) is
    preferred to the manifest's own.

    Returns:
        One entry per radiograph, as `write_list` writes them.
    """
    at_hand = {path.stem: path for path in origins}
    entries = []
    for row in sorted(marked, key=lambda row: (row.label, _stem(row))):
        home = folder / FOLDERS[row.label]
        home.mkdir(parents=True, exist_ok=True)
        picture = next((path for path in sorted(home.iterdir()) if path.stem == _stem(row)), None)
        if picture is None:
            origin = at_hand.get(_stem(row), root / row.path)
            picture = Path(shutil.copyfile(origin, home / f"{_stem(row)}{origin.suffix}"))
        facts = (row.label, row.patient_id, row.source, row.licence)
        sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
        entries.append(dict(zip(COLUMNS, (f"{home.name}/{picture.name}", sha256, *facts), strict=True)))
    return entries


def pictures(*folders: Path) -> list[Path]:
    """List the held-out radiographs below the folders, once each: the first folder's before the next's."""
    found: dict[str, Path] = {}
    for folder in folders:
        for name in FOLDERS.values():
            for path in sorted((folder / name).glob("*.*")):
                found.setdefault(path.stem, path)
    return list(found.values())


def read_list(path: Path) -> list[dict[str, str]]:
    """Read the committed list of held-out radiographs; empty where there is none."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_list(entries: Iterable[dict[str, str]], path: Path) -> None:
    """Write the list of held-out radiographs, which is committed in their stead."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(entries)


def _stem(row: Row) -> str:
    return Path(row.original_filename).stem
