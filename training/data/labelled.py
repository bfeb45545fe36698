"""A hospital's own labelled radiographs: a folder for each class, or a table of paths and labels."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from training.data.collection import decoded_table
from training.data.manifest import LABELS
from xray.errors import ManifestError
from xray.io.image import left_out_here
from xray.io.storage import is_hidden

# What else people call the three classes, in lower case without spaces, dashes and underscores.
ALSO_CALLED = {"covid19": "covid", "coronavirus": "covid", "healthy": "normal", "nofinding": "normal"}
WAYS = (
    f"a folder with a folder for each class ({', '.join(LABELS)}), or a .csv with the columns path and label "
    "(and patient_id, where a patient has several pictures)"
)


@dataclass(frozen=True)
class Labelled:
    """A radiograph and what it shows.

    Attributes:
        path: of the file.
        label: covid, normal or pneumonia.
        patient_id: as the hospital names the patient; the path where it does not.
    """

    path: Path
    label: str
    patient_id: str


def labelled(source: Path) -> list[Labelled]:
    """Read what a hospital brings.

    Args:
        source: a folder of class folders, searched through, or a CSV whose paths start where it lies.

    Raises:
        ManifestError: nothing like it, no radiograph in it, or a label that no model knows; says what was expected.
    """
    found = _from_table(source) if source.suffix.lower() == ".csv" else _from_folders(source)
    if not found:
        raise ManifestError(f"{source}: expected {WAYS}; received no picture of these classes.")
    return found


def class_of(name: str) -> str:
    """Return the class that a name means, or nothing."""
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return plain if plain in LABELS else ALSO_CALLED.get(plain, "")


def _from_folders(source: Path) -> list[Labelled]:
    if not source.is_dir():
        raise ManifestError(f"{source}: expected {WAYS}; received no folder there.")
    return [
        Labelled(path, label, str(path))
        for folder in sorted(source.iterdir())
        if folder.is_dir() and (label := class_of(folder.name))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not is_hidden(str(path.relative_to(source))) and not left_out_here(str(path))
    ]


def _from_table(source: Path) -> list[Labelled]:
    try:
        reader = csv.DictReader(io.StringIO(decoded_table(source.read_bytes()), newline=""), restval="")
        if not {"path", "label"} <= set(reader.fieldnames or ()):
            raise ManifestError(
                f"{source}: expected {WAYS}; received the columns {', '.join(reader.fieldnames or ()) or 'none'}."
            )
        return [_row(record, source, reader.line_num) for record in reader]
    except (OSError, csv.Error) as error:
        raise ManifestError(f"{source}: expected {WAYS}; received a file that cannot be read ({error}).") from error


def _row(record: dict[str, str], source: Path, line: int) -> Labelled:
    label = class_of(record["label"] or "")
    if not label:
        raise ManifestError(
            f"{source}, line {line}: expected a label as one of {', '.join(LABELS)}; received {record['label']!r}."
        )
    path = source.parent / (record["path"] or "")
    return Labelled(path, label, record.get("patient_id") or str(path))
