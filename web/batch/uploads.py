"""The uploaded files of a batch: kept in one temporary file, unpacked, and analysed one by one.

Flask would hold each file under 500 kB in memory, and a file handle for each of the others: a thousand radiographs are
too many for either.
"""

import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from flask import Request as FlaskRequest
from flask import current_app

from web import forms
from web.analyses.folders import StoreError
from web.batch.table import Row, shown_path
from web.forms import FormError
from web.i18n import in_words
from web.security import rate_limit
from web.services import services
from web.translation import gettext
from xray.errors import ImageError, Phrase
from xray.io import zips
from xray.io.image import sniff
from xray.io.zips import Limits, Sent, ZipError

# The endpoint whose form carries many files.
ENDPOINT = "batch.many"

NOT_KEPT = Phrase(
    "It was read but could not be kept: the folder of analyses cannot be written. Tell whoever runs this site."
)
NO_ROOM = Phrase("It was read but could not be kept: the disk is full. Tell whoever runs this site.")


def read(sent: Sent, choice: str, owner: str) -> Row:
    """Analyse one file and return its row; a file that cannot be read is a row with its error."""
    path = shown_path(sent.path) or forms.UNNAMED
    try:
        if sent.error:
            raise sent.error
        if not sent.data:
            raise FormError(forms.EMPTY_FILE)
        if sniff(sent.data) == "ZIP":
            raise ZipError(zips.NESTED)
        name = forms.shown_name(sent.path)
        sender = rate_limit.sender_group()
        return Row(path, services().analyses.analyse(sent.data, name=name, choice=choice, owner=owner, sender=sender))
    except (FormError, ImageError, ZipError) as error:
        return Row(path, error=in_words(error))
    except StoreError as error:
        current_app.logger.error("%s", error)
        return Row(path, error=gettext(NO_ROOM if error.status == 507 else NOT_KEPT))


def read_all(files: Iterable[tuple[str, IO[bytes]]], choice: str, owner: str, done: list[Row]) -> Iterator[Row]:
    """Analyse all files, those in zips too, and yield their rows one by one.

    Args:
        files: name and content of each; the content is closed at the end.
        choice: a model's name, "both" or "all".
        owner: who may open the analyses.
        done: receives every row that was yielded.
    """
    files = list(files)
    try:
        found = zips.unpack(files, limits(), _too_soon)
        while True:
            with services().analyses.turns:
                sent = next(found, None)
                row = read(sent, choice, owner) if sent else None
            if row is None:
                return
            done.append(row)
            yield row
    finally:
        for _name, file in files:
            file.close()


def limits() -> Limits:
    """Return the limits of a batch, from the settings."""
    config = current_app.config
    return Limits(config["BATCH_COUNT"], config["MAX_CONTENT_LENGTH"], config["BATCH_UNPACKED_BYTES"])


def _too_soon() -> ZipError | None:
    return ZipError(rate_limit.TOO_MANY) if rate_limit.exceeded() else None


class Request(FlaskRequest):
    """A request; the files of a batch share one temporary file."""

    _pile: "Pile | None" = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.endpoint != ENDPOINT:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        if self._pile is None:
            self._pile = Pile()
        return cast("IO[bytes]", Part(self._pile))


class Pile:
    """A temporary file, deleted when the last of its parts is closed."""

    def __init__(self) -> None:
        """Create an empty file without a name."""
        self.file = tempfile.TemporaryFile()
        self.parts = 0


class Part(io.RawIOBase):
    """One file in a pile; only the last part can be written."""

    def __init__(self, pile: Pile) -> None:
        """Start at the end of the pile."""
        self._pile, self._file = pile, pile.file
        pile.parts += 1
        self._start = self._file.seek(0, os.SEEK_END)
        self._length = self._at = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # no more is needed
        """Append data and return its length."""
        self._file.seek(self._start + self._length)
        self._length += self._file.write(data)
        self._at = self._length
        return len(data)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what RawIOBase.read hands in
        """Read into a buffer and return the number of bytes."""
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(buffer), max(0, self._length - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        if origin + offset < 0:
            raise ValueError(f"Expected a place in the file, received {origin + offset}.")
        self._at = origin + offset
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def close(self) -> None:
        """Close the part, and with the last one the pile."""
        if not self.closed:
            self._pile.parts -= 1
            if not self._pile.parts:
                self._file.close()
        super().close()
