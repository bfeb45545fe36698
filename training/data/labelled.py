"""Radiographs that a user has labelled: a folder for each class, or a table of paths and labels."""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.data.collection import decoded_table
from training.data.crops import threaded
from xray.errors import ManifestError
from xray.io.dicom import patient_hash
from xray.io.image import left_out_here, read_start, sniff
from xray.io.storage import is_hidden

# What people call the columns, in lower case without spaces, dashes and underscores.
COLUMNS = {
    "path": ("path", "file", "filename", "filepath", "image", "imagepath", "imageindex"),
    "label": ("label", "labels", "class", "finding", "findings", "findinglabels", "diagnosis"),
    "patient_id": ("patientid", "patient", "subject", "subjectid"),
    "source": ("source", "hospital", "site"),
    "view": ("view", "viewposition", "projection"),
    "sex": ("sex", "gender"),
    "age_years": ("ageyears", "age"),
    "split": ("split", "subset", "fold"),
}
# Folders of a data set that somebody has split already.
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
    "testing": "test",
}  # fmt: skip
SEVERAL = "|"  # between the findings of one radiograph
WAYS = "a folder with a folder for each class, or a .csv with the columns path and label"
LONGEST_LABEL = 60
# What stands before the image of a DICOM file: enough for any header.
HEADER_BYTES = 2**18
# A PatientID that more than this share of the files have is a placeholder, such as ANONYMOUS.
PLACEHOLDER = 0.5


@dataclass(frozen=True)
class Labelled:
    """A radiograph and what it shows.

    Attributes:
        path: of the file.
        labels: in the user's words; several where a table has several findings for one radiograph.
        patient_id: as the user names the patient; blank where nobody says.
        facts: source, view, sex, age_years and split (train, val or test), as far as they are known.
    """

    path: Path
    labels: tuple[str, ...]
    patient_id: str
    facts: Mapping[str, str]


@dataclass
class Found:
    """What a folder or a table holds.

    Attributes:
        radiographs: in the order of the folder or table.
        left: number of files or lines that were not taken, by the reason.
        nameless: number of radiographs whose path says nothing of the patient, though it was asked.
        from_headers: number of radiographs whose patient a DICOM header names.
    """

    radiographs: list[Labelled] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    nameless: int = 0
    from_headers: int = 0

    @property
    def why_left(self) -> str:
        """What was not taken, and why, in brackets; empty where all was."""
        left = "; ".join(f"left: {count}, {reason}" for reason, count in self.left.items())
        return left and f" ({left})"


def labelled(source: Path, patient_from: str = "") -> Found:
    """Read what a user brings.

    Args:
        source: a folder of class folders, searched through; or a CSV, whose paths start where it lies.
        patient_from: a column of the CSV, or a regular expression that finds the patient in a path (its first group,
            or all that it matches). Without it PatientID of DICOM files tells which are of one patient.

    Raises:
        ManifestError: nothing like it, or no radiograph in it; says what was expected.
    """
    found = Found()
    is_table = source.suffix.lower() == ".csv"
    files = _from_table(source, patient_from, found) if is_table else _from_folders(source, patient_from, found)
    found.radiographs = list(files)
    if not found.radiographs:
        raise ManifestError(f"{source}: expected {WAYS}; received no labelled radiograph{found.why_left}.")
    if found.nameless == len(found.radiographs):
        raise ManifestError(
            f"{source}: expected --patient-from as a column of the table, or as a pattern that finds the patient in a "
            f"path such as {_below(source, found.radiographs[0].path)}; {patient_from!r} is neither: it finds none."
        )
    if not patient_from:
        _name_patients(found)
    return found


def _name_patients(found: Found) -> None:
    """Name the patients that DICOM headers tell apart: by the first file of each, never by the identifier."""
    nameless = [place for place, each in enumerate(found.radiographs) if not each.patient_id]
    hashes = threaded(_patient_hash, [found.radiographs[place].path for place in nameless], "patients")
    files: dict[bytes, list[int]] = defaultdict(list)
    for place, patient in zip(nameless, hashes, strict=True):
        if patient:
            files[patient].append(place)
    stated = sum(map(len, files.values()))
    for number, places in enumerate(files.values(), 1):
        if len(places) > max(1, PLACEHOLDER * stated):
            continue
        name = f"patient {number}, of {found.radiographs[places[0]].path.name}"
        for place in places:
            found.radiographs[place] = replace(found.radiographs[place], patient_id=name)
        found.from_headers += len(places)


def _patient_hash(path: Path) -> bytes | None:
    try:
        start = read_start(str(path), HEADER_BYTES)
    except OSError:
        return None  # its error is said where it is decoded
    return patient_hash(start) if sniff(start) == "DICOM" else None


def _from_folders(source: Path, patient_from: str, found: Found) -> Iterator[Labelled]:
    if not source.is_dir():
        raise ManifestError(f"{source}: expected {WAYS}; received no folder there.")
    pattern = _pattern(patient_from)
    if loose := sum(path.is_file() and not left_out_here(str(path)) for path in source.iterdir()):
        found.left["radiograph in no class folder"] = loose
    for folder, split in _class_folders(source):
        any_taken = False
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or is_hidden(str(path.relative_to(source))):
                continue
            if kind := left_out_here(str(path)):
                found.left[f"no radiograph ({kind})"] += 1
                continue
            patient = _patient(pattern, path.relative_to(source).as_posix(), found)
            any_taken = True
            yield Labelled(path, (folder.name,), patient, {"split": split} if split else {})
        if not any_taken:
            found.left[f"folder {folder.name} without a radiograph"] = 1


def _class_folders(source: Path) -> list[tuple[Path, str]]:
    """Return the folders of the classes, below folders named train, val and test where those are all that there is."""
    folders = [path for path in sorted(source.iterdir()) if path.is_dir() and not is_hidden(path.name)]
    if len(folders) == 1 and any(path.is_dir() for path in folders[0].iterdir()):
        return _class_folders(folders[0])
    splits = [SPLIT_NAMES.get(path.name.lower(), "") for path in folders]
    if folders and all(splits):
        inside = [_class_folders(path) for path in folders]
        return [(each, split) for split, part in zip(splits, inside, strict=True) for each, _ in part]
    return [(path, "") for path in folders]


def _from_table(source: Path, patient_from: str, found: Found) -> Iterator[Labelled]:
    try:
        text = decoded_table(source.read_bytes())
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
        columns = _columns(source, reader.fieldnames or (), patient_from)
        pattern = None if "patient_id" in columns else _pattern(patient_from)
        for record in reader:
            values = {name: (record[column] or "").strip() for name, column in columns.items()}
            if each := _row(values, source, pattern, found, reader.line_num):
                yield each
    except (OSError, csv.Error) as error:
        raise ManifestError(f"{source}: expected {WAYS}; received a file that cannot be read ({error}).") from error


def _columns(source: Path, names: Sequence[str], patient_from: str) -> dict[str, str]:
    """Return the columns of a table by what they are for."""
    plain = {"".join(letter for letter in name.lower() if letter.isalnum()): name for name in reversed(names)}
    found = {key: plain[word] for key, words in COLUMNS.items() for word in reversed(words) if word in plain}
    if patient_from in names:
        found["patient_id"] = patient_from
    elif patient_from:
        found.pop("patient_id", None)
    if not {"path", "label"} <= found.keys():
        absent = "; ".join(
            f"none for the {key} ({', '.join(COLUMNS[key])})" for key in ("path", "label") if key not in found
        )
        raise ManifestError(f"{source}: expected {WAYS}; received the columns {', '.join(names) or 'none'}: {absent}.")
    return found


def _row(
    values: Mapping[str, str], source: Path, pattern: re.Pattern[str] | None, found: Found, line: int
) -> Labelled | None:
    path = source.parent / values["path"]
    labels = tuple(dict.fromkeys(each.strip() for each in values["label"].split(SEVERAL) if each.strip()))
    split = values.get("split", "").lower()
    if split and split not in SPLIT_NAMES:
        raise ManifestError(f"{source}, line {line}: expected split as train, val, test or blank; received {split!r}.")
    if not labels:
        found.left["no label"] += 1
    elif not values["path"] or not path.exists():
        found.left["file missing"] += 1
    else:
        patient = values.get("patient_id", "") or _patient(pattern, values["path"], found)
        facts = {key: values[key] for key in ("source", "view", "sex", "age_years") if values.get(key)}
        return Labelled(path, labels, patient, {**facts, **({"split": SPLIT_NAMES[split]} if split else {})})
    return None


def _pattern(patient_from: str) -> re.Pattern[str] | None:
    try:
        return re.compile(patient_from) if patient_from else None
    except re.error as error:
        raise ManifestError(
            f"Expected --patient-from as a column of the table or as a regular expression. Received {patient_from!r}: "
            f"{error}."
        ) from error


def _patient(pattern: re.Pattern[str] | None, path: str, found: Found) -> str:
    if pattern is None:
        return ""
    match = pattern.search(path)
    if not match or not match[match.re.groups and 1]:
        found.nameless += 1
        return ""
    return match[match.re.groups and 1]


def _below(source: Path, path: Path) -> str:
    home = source if source.is_dir() else source.parent
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)
