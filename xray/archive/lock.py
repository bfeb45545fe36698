"""One run at a time for one destination."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from xray.archive.results import DestinationError
from xray.io import storage

try:
    import fcntl
except ImportError:  # Windows: see docs/scale.md
    fcntl = None  # type: ignore[assignment]

# In a folder of Parquet files; their readers leave out what begins so.
NAME = "_lock"


@contextmanager
def held(destination: str) -> Iterator[None]:
    """Keep other runs from a destination on this machine, or on a shared disk that knows locks.

    The system lets go of it however this process ends. Object stores have none.

    Raises:
        DestinationError: another run holds it.
    """
    if fcntl is None or storage.is_url(destination):
        yield
        return
    path = storage.local(destination)
    if not path.lower().endswith(".csv"):
        path = os.path.join(path, NAME)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    file = _locked(path, destination)
    try:
        yield
    finally:
        if file:
            # Its name goes before the lock does: see _locked.
            if _is_there(file, path) and not os.path.getsize(path):
                os.unlink(path)
            file.close()


def _locked(path: str, destination: str) -> IO[bytes] | None:
    """Open a file, make it where it is missing, and lock it; None on a disk that knows no locks."""
    while True:
        file = open(path, "ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise DestinationError(
                "Expected a destination that no other run writes to. Received %(destination)s, to which one does: "
                "wait for its end, or name another.",
                destination=destination,
            ) from error
        except OSError:
            file.close()
            return None
        if _is_there(file, path):
            return file
        file.close()  # whoever held it took it away meanwhile


def _is_there(file: IO[bytes], path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
