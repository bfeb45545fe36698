"""What the layouts take from the published folders, and what they leave."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.duplicates import Thumbnails, thumbnail
from training.data.manifest import Row
from xray.errors import ManifestError

PICTURES = {".png", ".jpg", ".jpeg"}
_BLANK = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)


@dataclass
class Collection:
    """Rows still without hash, size, group and split, and a count of what was left.

    Attributes:
        root: the data root, where the rows' paths start.
        rows: what was taken; a held-out radiograph that its publisher's table marks carries `split` held_out.
        left: number of radiographs by (source, view, class, reason).
        opacity: whether the fourth class of the Radiography Database is taken.
    """

    root: Path
    rows: list[Row] = field(default_factory=list)
    left: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    opacity: bool = False

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
            measures = pool.map(lambda row: Measure.of(self.root / row.path), self.rows)
            for row, measured in zip(tqdm(self.rows, "read", disable=None), measures, strict=True):
                if measured is None:
                    self.leave(row.source, row.view, row.label, "not decodable")
                elif row.sha256 not in ("", measured.sha256):
                    self.leave(row.source, row.view, row.label, "other bytes than its table says")
                else:
                    size = {"width": measured.width, "height": measured.height}
                    rows.append(replace(row, sha256=measured.sha256, **size))
                    thumbnails.append(measured.thumbnail)
        if not rows:
            raise ManifestError(
                f"{self.root}: expected radiographs, received none that can be read; "
                "name another folder with --source DIR"
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
    def of(cls, path: Path) -> "Measure | None":
        """Read a radiograph; None where it cannot be decoded."""
        data = path.read_bytes()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
        if image is None:
            return None
        height, width = image.shape
        return cls(hashlib.sha256(data).hexdigest(), width, height, thumbnail(np.asarray(image, np.uint8)))


def records(path: Path, needed: set[str]) -> Iterator[dict[str, str]]:
    """Read a publisher's table, line by line, after checking that it has the needed columns."""
    if not path.is_file():
        raise ManifestError(f"expected the publisher's table at {path}, found none; put it there")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = needed - set(reader.fieldnames or ())
        if missing:
            raise ManifestError(
                f"{path}: expected the columns {', '.join(sorted(missing))} too; received "
                f"{', '.join(reader.fieldnames or ())}; take the table as its publisher gives it"
            )
        yield from reader


def child(folder: Path, lower_name: str) -> Path:
    """Find a subfolder by its name in any case (the articles write 10_Covid_Images and 10_Covid_images)."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return next((path for path in inside if path.name.lower() == lower_name), folder / lower_name)


def pictures(folder: Path) -> list[Path]:
    """List the radiograph files directly in a folder, none where it is absent."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in inside if path.suffix.lower() in PICTURES and not path.name.startswith(".")]
