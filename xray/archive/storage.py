"""Reading and writing by address: a path of this machine, or a URL that fsspec knows. The only importer of fsspec."""

import lzma
import os
import re
import struct
import tarfile
import threading
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, unquote_to_bytes

FILE = "file://"
# The object stores that pyarrow knows.
CLIENTS = {"s3", "gs", "gcs", "abfs", "abfss"}
# What reading a film can end in, from a missing file to a damaged or encrypted archive.
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)
# What a table cannot hold, line breaks and bytes that are not UTF-8, and what sets an archive apart in a URL.
UNSPEAKABLE = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]|::")
# The zip or tar that a thread read from last. To open one is to read its list of files, which fsspec would do for each
# film; and a tar has one place that is read from, so that no two threads may share it.
_last = threading.local()


def is_url(address: str) -> bool:
    """Tell an address that fsspec opens from a path."""
    return "://" in address and not address.startswith(FILE)


def read(address: str, size: int) -> bytes:
    """Read a film, but no more of it than so many bytes.

    Raises:
        any of UNREADABLE: it is missing, damaged, or not ours to read.
    """
    with opened(address) as file:
        return file.read(size)


def opened(address: str) -> IO[bytes]:
    """Open a file to read all of it, a piece at a time."""
    if not is_url(address):
        return open(local(address), "rb")
    files, path = filesystem(address)
    try:
        return cast("IO[bytes]", files.open(path, "rb"))
    except FileNotFoundError:
        if path == (meant := _unquoted(path)):  # see spelled
            raise
        return cast("IO[bytes]", files.open(meant, "rb"))


def spelled(path: str) -> str:
    """Return a path as it stands in a URL and in a table: as it is, or with percent signs where UNSPEAKABLE is in it.

    Only then, as of most URLs a percent sign is a part of the name. So what is opened is first sought as it is spelled.
    """
    return quote(os.fsencode(path)) if UNSPEAKABLE.search(path) else path


def write(address: str, content: bytes) -> None:
    """Write a file at once: nobody ever sees a part of it, whenever this process ends.

    On a disk it is written aside and then renamed; object stores show what they were sent once it is whole.
    """
    if is_url(address):
        files, path = filesystem(address)
        files.pipe_file(path, content)
        return
    target = Path(local(address))
    target.parent.mkdir(parents=True, exist_ok=True)
    # The dot hides it from whoever reads the folder.
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def exists(address: str) -> bool:
    """Tell whether there is a file or a folder."""
    if not is_url(address):
        return os.path.exists(local(address))
    files, path = filesystem(address)
    return bool(files.exists(path))


def is_folder(address: str) -> bool:
    """Tell a folder from a file."""
    if not is_url(address):
        return os.path.isdir(local(address))
    files, path = filesystem(address)
    return bool(files.isdir(path))


def walk(address: str) -> Iterator[str]:
    """Yield the addresses of the files below a folder that fsspec opens, in sorted order, hidden ones left out.

    Raises:
        any of UNREADABLE: it cannot be listed; of a tar, not to its end.
    """
    files, path = filesystem(address)
    if address.startswith("tar://"):
        _check_end(files.tar)
    _, chained, archive = address.partition("::")
    scheme = address.partition("://")[0]
    for found in sorted(files.find(path)):
        inside = found.removeprefix(path).strip("/")
        if not any(part.startswith(".") for part in inside.split("/")):
            yield f"{scheme}://{spelled(found)}{chained}{archive}"


def _check_end(tar: tarfile.TarFile) -> None:
    """See that a list of files ends where the tar says so; tarfile takes a damaged header for the end."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError(f"damaged header at byte {tar.offset}")


def filesystem(address: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, which keeps its connections, and the path in it.

    Where fsspec wants another package for an object store, such as s3fs, pyarrow's own client will do.
    """
    # Asked for only by those who need it; see requirements-archive.txt.
    import fsspec
    import fsspec.implementations.arrow

    inside, chained, archive = address.partition("::")
    if chained:
        scheme, _, path = inside.partition("://")
        whole = f"{scheme}://::{local(archive)}"
        if getattr(_last, "archive", None) != whole:
            _last.archive, _last.files = whole, fsspec.core.url_to_fs(whole)[0]
        return _last.files, path
    try:
        files, path = fsspec.core.url_to_fs(address)
    except ImportError:
        if address.partition("://")[0] not in CLIENTS:
            raise
        from xray.archive import parquet

        files, path = parquet.store(address)
        return fsspec.implementations.arrow.ArrowFSWrapper(files), path
    return files, str(path)


def local(address: str) -> str:
    """Return the path of an address on this machine; a file:// URL is one too."""
    return _unquoted(address.removeprefix(FILE)) if address.startswith(FILE) else address


def _unquoted(path: str) -> str:
    return os.fsdecode(unquote_to_bytes(path))
