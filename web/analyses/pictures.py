"""The pictures that belong to one analysis, for its owner alone: a folder for each, whole or absent."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from web.analyses.homes import Thing
from web.analyses.record import ID
from web.analyses.store import StoreError, entries, expect_writable, older

FILM, THUMB, MASK, DEEP = "film.jpg", "thumb.jpg", "mask.png", "deep.png"
_DRAFT = ".draft-"
_NAME = re.compile(r"(film|thumb)\.jpg|(mask|deep|heat-[a-z0-9_]+)\.png")


def heat(model: str) -> str:
    """Return the file name of a model's heat map."""
    return f"heat-{model}.png"


def is_name(name: str) -> bool:
    """Tell whether a picture of an analysis may have that name."""
    return bool(_NAME.fullmatch(name))


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
            draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=self.folder))
            for name, content in pictures.items():
                (draft / name).write_bytes(content)
            draft.rename(self.folder / id)
        except OSError as error:
            if draft:
                shutil.rmtree(draft, ignore_errors=True)
            raise StoreError(error) from error

    def path(self, id: str, name: str) -> Path | None:
        """Return where a picture lies; None where there is none of that name."""
        if not ID.fullmatch(id) or not is_name(name):
            return None
        path = self.folder / id / name
        return path if path.is_file() else None

    def open(self, id: str, name: str) -> Path | None:
        """Return where a picture lies; None where there is none of that name."""
        return self.path(id, name)

    def has(self, id: str, name: str) -> bool:
        """Tell whether an analysis has a picture of that name."""
        return self.path(id, name) is not None

    def having(self, ids: Iterable[str], name: str) -> set[str]:
        """Return those of many analyses that have a picture of that name."""
        return {id for id in ids if self.has(id, name)}

    def read(self, id: str, names: Iterable[str]) -> dict[str, bytes]:
        """Return those pictures of an analysis that are still there, by name."""
        found = {}
        for name in names:
            with suppress(FileNotFoundError):
                if path := self.path(id, name):
                    found[name] = path.read_bytes()
        return found

    def remove(self, id: str) -> None:
        """Take away an analysis' pictures; those that are already gone are no error.

        Raises:
            StoreError: they are still there.
        """
        if ID.fullmatch(id):
            _take_away(self.folder / id)

    def each(self, work: Callable[[Thing], object], things: Iterable[Thing]) -> None:
        """Do something with many analyses, one after another: a disk is not waited for."""
        for thing in things:
            work(thing)

    def aside(self, work: Callable[[], int]) -> None:
        """Do the next part of some work, now: a disk is not waited for, and there may be no threads."""
        work()

    def mark(self, name: str) -> None:
        """Remember, in a file beside the folder whose age all workers see, that something was done just now."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        (self.folder.parent / name).touch()

    def marked_before(self, name: str, seconds_since_epoch: float) -> bool:
        """Tell whether it was last done before a time; what was never done was not."""
        return older(self.folder.parent / name, seconds_since_epoch)

    def ask(self) -> None:
        """Find out whether the folder, or the one that it would be made in, can be written.

        Raises:
            StoreError: it cannot.
        """
        expect_writable(self.folder)

    def sweep(self, seconds_since_epoch: float, *, drafts_before: float) -> None:
        """Take away the pictures that were made before a time, and earlier drafts of killed processes."""
        for entry in entries(self.folder):
            draft = entry.name.startswith(_DRAFT)
            if (draft or ID.fullmatch(entry.name)) and older(entry, drafts_before if draft else seconds_since_epoch):
                _take_away(entry)


def _take_away(folder: Path) -> None:
    # Another worker may be at the same folder: what it took away first is no error.
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise StoreError(OSError(errno.EACCES, os.strerror(errno.EACCES), str(folder)))
