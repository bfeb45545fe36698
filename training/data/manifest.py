"""The one table of radiographs that every training step reads."""

import csv
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from training.config import MANIFEST as MANIFEST
from xray.errors import LeakageError, ManifestError

# The labels that every step works with. Others are in the manifest for the heads that ask for them: Lung_Opacity of
# the Radiography Database, two readings of siim, and frontal radiographs of which nobody says what they show.
LABELS = ("covid", "normal", "pneumonia")
OPACITY = "opacity"
OTHER_LABELS = (OPACITY, "indeterminate", "atypical", "unlabelled")
ALL_LABELS = (*LABELS, *OTHER_LABELS)
# Sources whose radiographs come from the same archive: one is never left out without the other.
HOSPITALS = {"siim": "bimcv", "radiography-covid": "bimcv"}
SPLITS = ("train", "val", "test", "held_out")
AGAIN = "run `python -m training prepare` again"


@dataclass(frozen=True)
class Row:
    """One frontal radiograph; a blank string stands for what the publisher does not say.

    `path` and `mask` are relative to the data root; `group` joins what must stay on one side of every split
    (the patient's radiographs and their near-copies); `native_width` and `native_height` are those of the original,
    where the publisher squashed it.
    """

    path: str
    sha256: str
    label: str
    finding: str
    source: str
    patient_id: str
    group: str
    view: str
    sex: str
    age_years: str
    population: str
    upstream_split: str
    mask: str
    licence: str
    split: str
    original_filename: str
    width: int
    height: int
    native_width: str = ""
    native_height: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


def write(rows: Iterable[Row], path: Path, root: Path, labels: Sequence[str] = ()) -> None:
    """Write the table, and beside it (`.json`) what every row shares.

    Args:
        rows: of the table.
        path: of the table.
        root: the data root, that the rows' paths start from.
        labels: a table's own labels, where they are not ALL_LABELS.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    note = {"data_root": str(root.resolve()), **({"labels": list(labels)} if labels else {})}
    path.with_suffix(".json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


def hospital(source: str) -> str:
    """Return the hospital or archive of a source."""
    return HOSPITALS.get(source, source)


def labels_of(path: Path) -> tuple[str, ...]:
    """Return the labels that a table written by `write` may have."""
    try:
        note = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return tuple(note.get("labels", ALL_LABELS))
    except (OSError, ValueError, AttributeError):
        return ALL_LABELS  # `root` says what is wrong with the note


def read(path: Path = MANIFEST, labels: Collection[str] | None = None) -> list[Row]:
    """Read and check a table written by `write`.

    Args:
        path: of the table.
        labels: of the rows that are wanted; by default LABELS, or all of a table that has its own.

    Raises:
        ManifestError: no such file, other columns, or a value that is not allowed.
        LeakageError: a patient, a radiograph or a group stands in two splits.
    """
    if not path.is_file():
        raise ManifestError(f"expected a manifest at {path}, found none; run `python -m training prepare`")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ManifestError(
                f"{path}: expected the columns {', '.join(COLUMNS)}; "
                f"received {', '.join(reader.fieldnames or ())}; {AGAIN}"
            )
        allowed = labels_of(path)
        rows = [_row(record, allowed, f"{path}, line {reader.line_num}") for record in reader]
    check(rows)
    wanted = (LABELS if allowed == ALL_LABELS else allowed) if labels is None else labels
    return [row for row in rows if row.label in wanted]


def root(path: Path = MANIFEST) -> Path:
    """The folder from which the paths of the table at `path` start."""
    note = path.with_suffix(".json")
    try:
        return Path(json.loads(note.read_text(encoding="utf-8"))["data_root"])
    except (OSError, ValueError, KeyError) as error:
        raise ManifestError(f"{note}: expected a JSON object with data_root; received {error!r}; {AGAIN}") from error


def check(rows: Sequence[Row]) -> None:
    """Prove that no patient, no radiograph and no group of near-copies stands in two splits.

    Raises:
        LeakageError: naming the patient and both splits.
    """
    for key in ("patient_id", "sha256", "group"):
        first: dict[str, Row] = {}
        for row in rows:
            seen = first.setdefault(getattr(row, key), row)
            if seen.split != row.split:
                raise LeakageError(
                    f"expected each {key} in one split; received {getattr(row, key)} in two: "
                    f"patient {seen.patient_id} ({seen.path}) in {seen.split}, "
                    f"patient {row.patient_id} ({row.path}) in {row.split}; {AGAIN}"
                )


def _row(record: dict[str, str], labels: Sequence[str], where: str) -> Row:
    for key, allowed in (("label", labels), ("split", SPLITS)):
        if record[key] not in allowed:
            raise ManifestError(
                f"{where}: expected {key} as one of {', '.join(allowed)}; received {record[key]!r}; {AGAIN}"
            )
    try:
        size = {"width": int(record["width"]), "height": int(record["height"])}
    except ValueError as error:
        raise ManifestError(
            f"{where}: expected whole numbers in width and height; received {error}; {AGAIN}"
        ) from error
    return Row(**{**record, **size})  # type: ignore[arg-type]
