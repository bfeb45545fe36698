"""Whether what a run will write can be written: found out at its start, not once a million films were read."""

import os
import tempfile
from contextlib import suppress

from xray.archive.results import DestinationError
from xray.io import storage

# What is written to find it out. The dot hides it; where nothing may be removed, it stays.
NAME = ".writable"


def see_writable(*folders: str) -> None:
    """Write something into each folder, which need not be there yet, and take it away; a path or a URL.

    CSV files are left out, as these are opened, and so found out, before any film is read.

    Raises:
        DestinationError: one of them cannot be written to.
    """
    for folder in folders:
        if folder and not folder.lower().endswith(".csv"):
            try:
                _try(folder)
            except OSError as error:
                raise DestinationError(
                    "Expected a folder that can be written to. Received %(folder)s: %(error)s.",
                    folder=folder,
                    error=error,
                ) from error


def _try(folder: str) -> None:
    if storage.is_url(folder):
        files, path = storage.filesystem(f"{folder.rstrip('/')}/{NAME}")
        files.pipe_file(path, b"\n")
        with suppress(OSError):
            files.rm_file(path)
    else:
        os.makedirs(storage.local(folder), exist_ok=True)
        with tempfile.TemporaryFile(dir=storage.local(folder)) as file:
            file.write(b"\n")
