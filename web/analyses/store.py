"""The annotated copies on disk: whole or absent, under names that nobody can guess."""

import errno
import os
import re
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from xray.errors import XrayError
from xray.networks.heads import Verdict

LONGEST_SLUG = 40
COPY_NAME = re.compile(r"[A-Z]+_Prob_\d{2,3}_Name_[A-Za-z0-9_-]+\.png")
DEVICE = re.compile(r"(?i)con|prn|aux|nul|com\d|lpt\d")
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StoreError(XrayError):
    """An analysis could not be kept or taken away; it is not there by half."""

    def __init__(self, cause: OSError) -> None:
        """Keep the cause for the log, without any path: it holds a visitor's file name. Tell a full disk apart."""
        super().__init__("An analysis could not be saved or taken away: %(cause)s", cause=cause.strerror or str(cause))
        self.status = 507 if cause.errno in FULL else 500


@dataclass(frozen=True)
class Store:
    """The folder of annotated copies."""

    folder: Path

    def save(self, png: bytes, verdict: Verdict, score: float, name: str) -> str:
        """Write one copy.

        Args:
            png: the encoded picture.
            verdict: what the model said.
            score: its score, 0 to 1.
            name: the client's file name; only a slug of it is used.

        Returns:
            The file's name; see `copy_name`.

        Raises:
            StoreError: the disk is full, or the folder cannot be written.
        """
        file_name = copy_name(verdict, score, name)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self.folder / file_name, png)
        except OSError as error:
            raise StoreError(error) from error
        return file_name

    def open(self, file_name: str) -> Path | None:
        """Return where a copy lies; None where there is none of that name."""
        path = self.folder / file_name
        return path if COPY_NAME.fullmatch(file_name) and path.is_file() else None

    def read(self, file_name: str) -> bytes | None:
        """Return the content of a copy; None where there is none of that name."""
        # It may be taken away between the two looks.
        with suppress(FileNotFoundError):
            if path := self.open(file_name):
                return path.read_bytes()
        return None

    def remove(self, file_name: str) -> None:
        """Take a copy away; one that is already gone is no error.

        Raises:
            StoreError: the folder cannot be written.
        """
        if COPY_NAME.fullmatch(file_name):
            try:
                (self.folder / file_name).unlink(missing_ok=True)
            except OSError as error:
                raise StoreError(error) from error

    def ask(self) -> None:
        """Find out whether the folder, or the one that it would be made in, can be written.

        Raises:
            StoreError: it cannot.
        """
        expect_writable(self.folder)

    def sweep(self, seconds_since_epoch: float, *, drafts_before: float) -> None:
        """Take away the copies that were written before a time, and earlier drafts of killed processes."""
        for entry in entries(self.folder):
            draft = entry.suffix == ".part"
            ours = draft or COPY_NAME.fullmatch(entry.name)
            if ours and older(entry, drafts_before if draft else seconds_since_epoch):
                entry.unlink(missing_ok=True)


def copy_name(verdict: Verdict, score: float, name: str) -> str:
    """Make the name of a copy, that nobody can guess: VERDICT_Prob_XX_Name_name_token.png.

    Args:
        verdict: what the model said.
        score: its score, 0 to 1; XX is that in hundredths.
        name: the client's file name; only a slug of it is used.
    """
    return f"{verdict}_Prob_{round(100 * score):02d}_Name_{slug(name)}_{secrets.token_urlsafe(16)}.png"


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder; nothing where there is no such folder."""
    return list(folder.iterdir()) if folder.is_dir() else []


def older(path: Path, seconds_since_epoch: float) -> bool:
    """Tell whether a file was written before a time; one that another worker took away meanwhile was not."""
    try:
        return path.stat().st_mtime < seconds_since_epoch
    except FileNotFoundError:
        return False


def slug(name: str) -> str:
    """Reduce a client's file name to at most 40 ASCII letters, digits, - and _; "picture" if none is left.

    What Windows keeps for its devices gets a _ behind it: no file of that name can be unpacked there.
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    stem = base.rpartition(".")[0] if "." in base else base
    ascii_only = normalize("NFKD", stem).encode("ascii", "ignore").decode()
    found = re.sub(r"[^A-Za-z0-9-]+", "_", ascii_only)[:LONGEST_SLUG].strip("_-") or "picture"
    return f"{found}_" if DEVICE.fullmatch(found) else found


def _write_whole(path: Path, content: bytes) -> None:
    """Write under a passing name in the same folder, then rename: readers see all of it or nothing."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # some file systems tell only now that the disk is full
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)


def expect_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written; of one that is not there yet, the one that it would be made in.

    Raises:
        StoreError: it cannot be written, or it is none.
    """
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        number = errno.EACCES if there.is_dir() else errno.ENOTDIR
        raise StoreError(OSError(number, os.strerror(number), str(folder)))
