"""What the layouts take from the published folders, and what they leave."""

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.duplicates import Thumbnails, thumbnail
from training.data.manifest import ALL_LABELS, Row
from training.progress import progress
from xray.errors import ImageError, ManifestError
from xray.io import image
from xray.io.storage import is_hidden

# What publishers and their copies call the columns of their tables, in lower case without spaces, dashes and
# underscores: the name that the layouts use.
ALSO_CALLED = {
    "patient": "patientid", "subjectid": "patientid", "image": "filename", "file": "filename",
    "imagename": "filename", "imagefile": "filename", "diagnosis": "finding", "findings": "finding",
    "label": "finding", "viewposition": "view", "projection": "view", "imagemodality": "modality",
}  # fmt: skip
_BLANK = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)


@dataclass
class Collection:
    """Rows still without hash, size, group and split, and a count of what was left.

    Attributes:
        root: the data root, where the rows' paths start.
        rows: what was taken; a held-out radiograph that its publisher's table marks carries `split` held_out.
        left: number of radiographs by (source, view, class, reason).
        unreadable: path of each file that serving would not read either, and why.
        told_by: the folder or table that a user brought; empty for the published layouts.
        opacity: whether the fourth class of the Radiography Database is taken.
    """

    root: Path
    rows: list[Row] = field(default_factory=list)
    left: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    opacity: bool = False
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    told_by: str = ""

    def take(self, picture: Path, mask: Path | None = None, **facts: str) -> None:
        """Add a radiograph below the root, with what is known of it."""
        self.rows.append(
            replace(
                _BLANK,
                path=picture.relative_to(self.root).as_posix(),
                mask=mask.relative_to(self.root).as_posix() if mask and mask.is_file() else "",
                **{"original_filename": picture.name, **facts},  # type: ignore[arg-type]
            )
        )

    def leave(self, source: str, view: str, label: str, reason: str) -> None:
        """Count a radiograph that is not taken."""
        self.left[source, view, label, reason] += 1

    def measure(self) -> tuple[list[Row], Thumbnails]:
        """Decode every radiograph once, for its hash, size and thumbnail.

        Returns:
            The rows that can be used, and their thumbnails in the same order; the others go to `left`.

        Raises:
            ManifestError: there are none.
        """
        rows, thumbnails = [], []
        with ThreadPoolExecutor() as pool:
            measures = pool.map(lambda row: measured(self.root / row.path), self.rows)
            for row, found in zip(progress(self.rows, "read", len(self.rows)), measures, strict=True):
                if isinstance(found, str):
                    self.leave(row.source, row.view, row.label, "not readable")
                    self.unreadable.append((row.path, found))
                elif row.sha256 not in ("", found.sha256):
                    self.leave(row.source, row.view, row.label, "other bytes than its table says")
                else:
                    rows.append(replace(row, sha256=found.sha256, width=found.width, height=found.height))
                    thumbnails.append(found.thumbnail)
        if not rows and self.told_by:
            name, why = self.unreadable[0] if self.unreadable else ("", "no radiographs")
            raise ManifestError(
                f"{self.told_by}: expected radiographs that can be read. Received none of {len(self.rows)}; such as "
                f"{name}: {why}"
            )
        if not rows:
            left = "; ".join(f"{count} {label}: {reason}" for (_, _, label, reason), count in self.left.most_common(8))
            raise ManifestError(
                f"{self.root}: expected frontal radiographs with the labels {', '.join(ALL_LABELS)}; received none "
                f"({left or 'nothing'}); name another folder with --source DIR"
            )
        return rows, np.stack(thumbnails)


@dataclass(frozen=True)
class Measure:
    """What one decoding of a radiograph tells; thumbnail: as `near_copies` compares them."""

    sha256: str
    width: int
    height: int
    thumbnail: NDArray[np.uint8]

    @classmethod
    def of(cls, path: Path) -> "Measure":
        """Read a radiograph as serving does.

        Raises:
            ImageError: it cannot be read.
            OSError: it cannot be opened.
        """
        data = path.read_bytes()
        decoded = image.load(data)
        height, width = decoded.sent
        return cls(hashlib.sha256(data).hexdigest(), width, height, thumbnail(decoded.image))


def measured(path: Path) -> Measure | str:
    """Read a radiograph; its error where it cannot be read."""
    try:
        return Measure.of(path)
    except ImageError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)


def records(path: Path, needed: set[str]) -> Iterator[dict[str, str]]:
    """Read a publisher's table, line by line, after checking that it has the needed columns.

    In UTF-8, UTF-16 or Windows-1252; between commas, semicolons or tabs; its columns spelled in any way.
    """
    if not path.is_file():
        raise ManifestError(f"expected the publisher's table at {path}, found none; put it there")
    text = decoded_table(path.read_bytes())
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), restval="")
    try:
        columns = [_column(name, needed) for name in reader.fieldnames or ()]
        missing = needed - set(columns)
        if missing:
            raise ManifestError(
                f"{path}: expected the columns {', '.join(sorted(missing))} too; received "
                f"{', '.join(reader.fieldnames or ())}; take the table as its publisher gives it"
            )
        reader.fieldnames = columns
        for record in reader:
            yield {name: value for name, value in record.items() if name is not None}
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: expected a CSV table, received {error}") from error


def decoded_table(data: bytes) -> str:
    """Decode a table in UTF-8, or as spreadsheets save it: UTF-16 with its mark, or Windows-1252."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _column(name: str, needed: set[str]) -> str:
    """Return the needed column that a name means; the name itself for another."""
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    by_plain = {each.replace("_", ""): each for each in needed}
    return by_plain.get(plain) or by_plain.get(ALSO_CALLED.get(plain, "")) or name.strip()


def child(folder: Path, lower_name: str) -> Path:
    """Find a subfolder by its name in any case (the articles write 10_Covid_Images and 10_Covid_images)."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return next((path for path in inside if path.name.lower() == lower_name), folder / lower_name)


def pictures(folder: Path, leave: Callable[[str], None] = lambda kind: None) -> list[Path]:
    """List the radiograph files directly in a folder, none where it is absent.

    Args:
        folder: hidden files in it are passed over.
        leave: told of every other file, by its kind as `xray.io.image.left_out` names it.
    """
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.is_file() or is_hidden(path.name):
            continue
        if kind := image.left_out_here(str(path)):
            leave(kind)
        else:
            found.append(path)
    return found
