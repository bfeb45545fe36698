"""The folder layouts that `prepare` reads."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from training.data.collection import Collection, child, pictures, records
from training.data.manifest import LABELS, OPACITY, OTHER_LABELS
from xray.errors import ManifestError

Left = Mapping[tuple[str, str, str, str], int]  # (source, view, class, reason): number of radiographs
FRONTAL = {"PA", "AP", "AP Supine", ""}  # blank: its publisher describes the whole set as frontal
TABLE_COLUMNS = {"path", "sha256", "label", "source", "patient_id", "view", "modality"}
TABLE_FACTS = {
    "sha256", "label", "finding", "source", "original_filename", "patient_id", "view", "sex", "age_years",
    "population", "upstream_split", "licence", "native_width", "native_height",
}  # fmt: skip
RADIOGRAPHY = {  # folder: class, source
    "COVID": ("covid", "radiography-covid"),
    "Normal": ("normal", "radiography-rsna"),
    "Viral Pneumonia": ("pneumonia", "radiography-viral"),
    "Lung_Opacity": (OPACITY, "radiography-opacity"),
}


def collect(folder: Path, found: Collection) -> None:
    """Read every layout that a folder holds into `found`.

    Raises:
        ManifestError: the folder is missing or holds no known layout.
    """
    readers = [reader for recognised, reader in LAYOUTS if recognised(folder)]
    if not readers:
        absent = "a file" if folder.is_file() else "no such folder"
        inside = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else [absent]
        raise ManifestError(
            f"{folder}: expected 10_Covid_Images/ or 20_Chest_Xray/ (the articles' layout), chest_xray/ with "
            "train/NORMAL/ (Kaggle's), COVID/ (COVID-19 Radiography Database) or manifest.csv; received: "
            f"{', '.join(inside[:8]) or 'an empty folder'}; "
            "name the folder that holds one of them with --source DIR"
        )
    for reader in readers:
        reader(folder, found)


def read_table(folder: Path, found: Collection) -> None:
    """A folder with a manifest.csv of its own: the project's development data."""
    for record in records(folder / "manifest.csv", TABLE_COLUMNS):
        source, view, label = record["source"], record["view"], record["label"]
        picture = folder / record["path"]
        if label not in (*LABELS, *OTHER_LABELS):
            found.leave(source, view, label, "not a frontal radiograph")
        elif view not in FRONTAL or record["modality"] != "X-ray":
            found.leave(source, view, label, "not a frontal radiograph")
        elif not picture.is_file():
            found.leave(source, view, label, "file missing")
        else:
            facts = {key: record[key].strip() for key in TABLE_FACTS & record.keys()}
            mask = folder / record["mask"] if record.get("mask") else None
            split = "held_out" if record.get("rovai_validation") == "1" else ""
            found.take(picture, mask, split=split, **facts)


def read_cohen(folder: Path, found: Collection) -> None:
    """COVID-19 image data collection, filtered as the articles do: COVID-19, X-ray, view PA."""
    home = _cohen_home(folder)
    for record in records(home / "metadata.csv", {"patientid", "finding", "view", "modality", "filename"}):
        picture = home / "images" / record["filename"]
        reason = _why_not(record) or ("" if picture.is_file() else "file missing")
        if reason:
            found.leave("cohen", record["view"], record["finding"], reason)
            continue
        age = record.get("age", "")
        found.take(
            picture,
            label="covid",
            finding=record["finding"],
            source="cohen",
            patient_id=f"cohen-{record['patientid']}",
            view=record["view"],
            sex=record.get("sex", ""),
            age_years=age,
            population=_population(age),
            licence=record.get("license", "").strip(),
        )


def read_kermany(folder: Path, found: Collection) -> None:
    """Chest X-ray images of children: folders {train,test}/{NORMAL,PNEUMONIA}."""
    home = _kermany_home(folder)
    for part in ("train", "val", "test"):
        for label in ("normal", "pneumonia"):
            for picture in pictures(child(child(home, part), label), partial(found.leave, "kermany", "AP", label)):
                patient = kermany_patient(picture.name)
                if not patient:
                    found.leave("kermany", "AP", label, "no patient in the file name")
                    continue
                cause = re.search("virus|bacteria", picture.name)
                found.take(
                    picture,
                    label=label,
                    finding="No Finding" if label == "normal" else cause[0] if cause else "pneumonia",
                    source="kermany",
                    patient_id=patient,
                    view="AP",
                    population="paediatric",
                    upstream_split=part,
                    licence="CC BY 4.0",
                )


def read_radiography(folder: Path, found: Collection) -> None:
    """COVID-19 Radiography Database: CLASS/images and CLASS/masks, or the radiographs in CLASS itself."""
    folder = _radiography_home(folder)
    for name, (label, source) in RADIOGRAPHY.items():
        leave = partial(found.leave, source, "", label)
        for picture in pictures(folder / name / "images", leave) or pictures(folder / name, leave):
            number = re.search(r"\d+", picture.stem)
            if label == OPACITY and not found.opacity:
                found.leave(source, "", name, "lung opacity is none of the three classes")
                continue
            found.take(
                picture,
                folder / name / "masks" / picture.name,
                label=label,
                finding={"covid": "COVID-19", "normal": "No Finding"}.get(label, name),
                source=source,
                patient_id=f"radiography-{label}-{number[0] if number else picture.stem}",
                licence="see the publisher",
            )


def kermany_patient(file_name: str) -> str:
    """The patient in a file name of the children's set, or blank (person17_virus_48, IM-0393-0001)."""
    person = re.match(r"person(\d+)_", file_name)
    if person:
        return f"kermany-p{person[1]}"
    normal = re.match(r"(NORMAL2-)?IM-\d+", file_name)
    return f"kermany-{normal[0]}" if normal else ""


LAYOUTS: tuple[tuple[Callable[[Path], bool], Callable[[Path, Collection], None]], ...] = (
    (lambda folder: (folder / "manifest.csv").is_file(), read_table),
    (lambda folder: _cohen_home(folder).is_dir(), read_cohen),
    (lambda folder: _kermany_home(folder).is_dir(), read_kermany),
    (lambda folder: (_radiography_home(folder) / "COVID").is_dir(), read_radiography),
)


def _cohen_home(folder: Path) -> Path:
    """The articles' folder, or the repository as its publisher gives it."""
    names = "10_covid_images", "covid-chestxray-dataset", "covid-chestxray-dataset-master"
    home = _first([folder, *(child(folder, name) for name in names)], "metadata.csv")
    return home if home and (home / "images").is_dir() else child(folder, names[0])


def _kermany_home(folder: Path) -> Path:
    """The articles' folder, or the published one, which holds itself once more."""
    names = "20_chest_xray", "chest_xray"
    homes = [child(folder, name) for name in names]
    return _first([*homes, *(child(home, "chest_xray") for home in homes), folder], "train/normal") or homes[0]


def _radiography_home(folder: Path) -> Path:
    names = "covid-19_radiography_dataset", "covid-19 radiography database"
    return _first([folder, *(child(folder, name) for name in names)], "COVID") or folder


def _first(homes: Sequence[Path], inside: str) -> Path | None:
    """The first of some folders that holds a file or folder, whose name may be in any case."""

    def held(home: Path) -> Path:
        for name in inside.lower().split("/"):
            home = child(home, name)
        return home

    return next((home for home in homes if held(home).exists()), None)


def _why_not(record: dict[str, str]) -> str:
    """Say why the articles leave a radiograph of the COVID-19 collection, or nothing."""
    if record["finding"].split("/")[-1] != "COVID-19":  # later tables write Pneumonia/Viral/COVID-19
        return "not COVID-19"
    if record["modality"] != "X-ray":
        return "not an X-ray"
    return "" if record["view"] == "PA" else "not PA"


def _population(age_years: str) -> str:
    try:
        return "adult" if float(age_years) >= 18 else "paediatric"
    except ValueError:
        return ""
