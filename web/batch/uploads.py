"""Where the files of a large form lie until they are read: one after the other in one temporary file.

Flask would hold all those under 500 kB in memory, and a file handle for each of the others: a thousand films are too
much for either.
"""

import io
import os
import tempfile
from typing import IO, cast

from flask import Request as FlaskRequest

# Whose forms carry many files.
ENDPOINT = "batch.many"


class Request(FlaskRequest):
    """A request whose many files share one temporary file."""

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
    """A temporary file that is gone when the last of its parts is closed."""

    def __init__(self) -> None:
        """Make an empty file that no folder shows."""
        self.file = tempfile.TemporaryFile()
        self.parts = 0


class Part(io.RawIOBase):
    """One file of several in a pile; only the last one can be written."""

    def __init__(self, pile: Pile) -> None:
        """Begin where the pile ends."""
        self._pile, self._file = pile, pile.file
        pile.parts += 1
        self._start = self._file.seek(0, os.SEEK_END)
        self._length = self._at = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def writable(self) -> bool:
        """Tell that it can be written."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read again."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # no more is needed
        """Add to the end."""
        self._file.seek(self._start + self._length)
        self._length += self._file.write(data)
        self._at = self._length
        return len(data)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what RawIOBase.read hands in
        """Read into a buffer, and return how much came."""
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(buffer), max(0, self._length - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere, and return where that is."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        if origin + offset < 0:
            raise ValueError(f"Expected a place in the file, received {origin + offset}.")
        self._at = origin + offset
        return self._at

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._at

    def close(self) -> None:
        """Close it, and the pile with its last part; a part that is forgotten closes itself."""
        if not self.closed:
            self._pile.parts -= 1
            if not self._pile.parts:
                self._file.close()
        super().close()
