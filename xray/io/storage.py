"""Files by address: a path on this machine, or a URL that fsspec opens. The only importer of fsspec."""

import errno
import lzma
import os
import re
import struct
import tarfile
import threading
import uuid
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote, unquote_to_bytes

from xray.io.image import left_out_here

FILE = "file://"
# What a damaged or encrypted archive file ends in; and what reading any file can.
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError)
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, struct.error, *DAMAGED)
# What a table cannot hold (line breaks, bytes that are not UTF-8), and the separator of an archive in a URL.
NOT_IN_TABLES = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]|::")
# A file that is still being written. The dot hides it from whoever lists the folder.
DRAFT = re.compile(r"\.[^/]*\.part")
S3_CONFIG: Mapping[str, object] = {
    # Newer checksums are Amazon's own: other stores refuse them.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
    # The bucket's name in the host's place needs certificates and DNS names that other stores seldom have.
    "s3": {"addressing_style": "path"},
}
# What operating systems and discs put beside pictures.
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR"}
# Of the files that are left out, so many are named.
MOST_NAMED = 10
# The zip or tar that a thread read last. Opening one reads its index, which fsspec would do for each file; and a tar
# has one read position, so that threads cannot share it.
_last = threading.local()


def is_url(address: str) -> bool:
    """Tell a URL that fsspec opens from a path."""
    return "://" in address and not address.startswith(FILE)


def local(address: str) -> str:
    """Return the path of an address on this machine, which may be a file:// URL."""
    return _unquoted(address.removeprefix(FILE)) if address.startswith(FILE) else address


@contextmanager
def client_errors() -> Iterator[None]:
    """Raise an OSError for an error of a store's client, such as botocore's, which has a type of its own."""
    try:
        yield
    except (ImportError, *UNREADABLE):
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error


def read(address: str, size: int) -> bytes:
    """Read a file, but no more than `size` bytes of it.

    Raises:
        any of UNREADABLE: it is missing, damaged, or access is denied.
    """
    with client_errors(), opened(address) as file:
        return file.read(size)


def opened(address: str) -> IO[bytes]:
    """Open a file for reading it piece by piece."""
    if not is_url(address):
        return open(local(address), "rb")
    files, path = filesystem(address)
    try:
        return cast("IO[bytes]", files.open(path, "rb"))
    except FileNotFoundError:
        if path == (decoded := _unquoted(path)):  # see spelled
            raise
        return cast("IO[bytes]", files.open(decoded, "rb"))


def write(address: str, content: bytes, *, private: bool = False, durable: bool = True) -> None:
    """Write a file atomically: no reader ever sees a part of it, whenever this process ends.

    On a disk it is written under a temporary name and then renamed; object stores show an object once it is whole.

    Args:
        address: a path or a URL.
        content: all of the file.
        private: whether only this user may read it; for paths.
        durable: whether it must survive a power failure; for paths.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    if is_url(address):
        files, path = filesystem(address)
        with client_errors():
            files.pipe_file(path, content)
        return
    target = Path(local(address))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with open(draft, "xb", opener=_private if private else None) as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())  # some file systems report only now that the disk is full
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def remove(address: str) -> None:
    """Delete a file.

    Raises:
        OSError: it cannot be deleted.
    """
    _call(address, os.unlink, "rm_file")


def exists(address: str) -> bool:
    """Tell whether there is a file or a folder."""
    return bool(_call(address, os.path.exists, "exists"))


def is_folder(address: str) -> bool:
    """Tell a folder from a file."""
    return bool(_call(address, os.path.isdir, "isdir"))


def _call(address: str, here: Callable[[str], object], there: str) -> object:
    """Call a function with a path of this machine, or the method of that name of a URL's file system."""
    if not is_url(address):
        return here(local(address))
    files, path = filesystem(address)
    with client_errors():
        return getattr(files, there)(path)


def walk(address: str) -> Iterator[str]:
    """Yield the addresses of the files below a folder that fsspec opens, in sorted order, hidden ones left out.

    Raises:
        any of UNREADABLE: it cannot be listed; a tar, to its end.
    """
    files, path = filesystem(address)
    if address.startswith("tar://"):
        _check_end(files.tar)
    _, chained, archive = address.partition("::")
    scheme = address.partition("://")[0]
    with client_errors():
        names = sorted(files.find(path))
    for found in names:
        inside = found.removeprefix(path).strip("/")
        if not is_hidden(inside):
            yield f"{scheme}://{spelled(found)}{chained}{archive}"


@dataclass
class LeftOut:
    """Files that were left out of a run: all are counted, the first are named.

    Attributes:
        named: paths of the first.
        kinds: how many of each kind, as `xray.io.image.left_out` names it.
    """

    named: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, kind: str) -> None:
        """Count a file."""
        self.kinds[kind] += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(path)

    def __str__(self) -> str:
        """Say how many there are, of which kinds, and which; "" for none."""
        if not self.kinds:
            return ""
        counts = ", ".join(f"{count} {kind}" for kind, count in self.kinds.most_common())
        more = ", …" if self.kinds.total() > len(self.named) else ""
        return f"Left out, as no radiographs that are read here: {counts}: {', '.join(self.named)}{more}"


def is_hidden(path: str) -> bool:
    """Whether a file or a folder above it is hidden, or one that operating systems and discs put beside pictures."""
    parts = path.replace("\\", "/").split("/")
    return any((part.startswith(".") and part not in (".", "..")) or part in JUNK for part in parts)


def walk_here(folder: str, left_out: LeftOut, closed: list[OSError], linked: list[str] | None = None) -> Iterator[str]:
    """Yield the paths of the radiographs and zips below a folder of this machine, hidden ones left out.

    Links to folders are not followed, as they may form a ring.

    Args:
        folder: a path.
        left_out: receives the files that are neither.
        closed: receives the folders that cannot be listed.
        linked: receives the links to folders.
    """
    for where, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        if linked is not None:
            linked += [path for path in (os.path.join(where, name) for name in folders) if os.path.islink(path)]
        for path in (os.path.join(where, name) for name in sorted(names) if not is_hidden(name)):
            kind = left_out_here(path)
            if kind in ("", "ZIP"):
                yield path
            else:
                left_out.add(path, kind)


def _check_end(tar: tarfile.TarFile) -> None:
    """See that a tar's index ends where the file says so; tarfile takes a damaged header for the end."""
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError(f"damaged header at byte {tar.offset}")


def spelled(path: str) -> str:
    """Return a path as it stands in a URL and in a table, percent-encoded only where NOT_IN_TABLES is in it.

    In most URLs a percent sign is a part of the name, so a file is first sought under the name as it is spelled.
    """
    return quote(os.fsencode(path)) if NOT_IN_TABLES.search(path) else path


def _unquoted(path: str) -> str:
    return os.fsdecode(unquote_to_bytes(path))


def filesystem(address: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL, which keeps its connections, and the path in it.

    Raises:
        ImportError: the scheme needs a package that is not installed, such as s3fs.
    """
    import fsspec  # of the extras archive and cloud; a disk needs none

    # A listing that is kept would hide what was written since.
    options = {"config_kwargs": S3_CONFIG, "use_listings_cache": False} if address.startswith("s3://") else {}
    inside, chained, archive = address.partition("::")
    if not chained:
        files, path = fsspec.core.url_to_fs(address, **options)
        return files, str(path)
    scheme, _, path = inside.partition("://")
    whole = f"{scheme}://::{local(archive)}"
    if getattr(_last, "archive", None) != whole:
        _last.archive, _last.files = whole, fsspec.core.url_to_fs(whole)[0]
    return _last.files, path


def s3(config: Mapping[str, object]) -> Any:
    """Return a new S3 client of fsspec's, usable by all threads; its settings stand in the variables AWS_….

    Args:
        config: botocore's settings, on top of S3_CONFIG.

    Raises:
        ImportError: s3fs is not installed.
    """
    import fsspec

    return fsspec.filesystem(
        "s3",
        skip_instance_cache=True,
        use_listings_cache=False,
        max_concurrency=1,  # else it asks for an object's size before each read
        config_kwargs={**S3_CONFIG, **config},
    )
