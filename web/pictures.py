"""The pictures that belong to one analysis, for its owner alone: a folder for each, whole or absent."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from web.store import StoreError

FILM, THUMB, MASK = "film.jpg", "thumb.jpg", "mask.png"
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_NAME = re.compile(r"(film|thumb)\.jpg|(mask|heat-[a-z0-9_]+)\.png")


def heat(model: str) -> str:
    """Return the file name of a model's heat map."""
    return f"heat-{model}.png"


@dataclass(frozen=True)
class Pictures:
    """The folder of all analyses' folders; nothing in it is reached by an address of its own."""

    folder: Path

    def save(self, id: str, pictures: Mapping[str, bytes]) -> None:
        """Write all pictures of an analysis, or none.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        draft = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".", dir=self.folder))
            for name, content in pictures.items():
                (draft / name).write_bytes(content)
            draft.rename(self.folder / id)
        except OSError as error:
            if draft:
                shutil.rmtree(draft, ignore_errors=True)
            raise StoreError(error) from error

    def path(self, id: str, name: str) -> Path | None:
        """Return where a picture lies; None where there is none of that name."""
        if not _ID.fullmatch(id) or not _NAME.fullmatch(name):
            return None
        path = self.folder / id / name
        return path if path.is_file() else None

    def remove(self, id: str) -> None:
        """Take away an analysis' pictures; those that are already gone are no error."""
        shutil.rmtree(self.folder / id, ignore_errors=True)

    def older_than(self, seconds_since_epoch: float) -> Iterator[str]:
        """Yield the folders that were made before a time, drafts of killed processes among them."""
        if self.folder.is_dir():
            yield from (entry.name for entry in self.folder.iterdir() if entry.stat().st_mtime < seconds_since_epoch)
