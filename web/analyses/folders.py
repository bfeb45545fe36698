"""Folders of files by name, on local disk or in an S3 bucket that several instances share."""

import errno
import mimetypes
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from logging import getLogger
from pathlib import Path
from threading import Lock, Thread, current_thread, main_thread
from typing import Any, ClassVar, Protocol, TypeVar

from web.settings import INSTALL_CLOUD, SettingError
from xray.errors import XrayError
from xray.io import storage

log = getLogger(__name__)
Item = TypeVar("Item")

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
ADDRESS = re.compile(r"s3://(?P<path>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")
# Two attempts to store an image and two to delete what was stored must end before hosts give up at 30 s.
CONNECT_S, ANSWER_S, ATTEMPTS = 3, 4, 2
# Requests at the same time for one visitor. Each is some milliseconds of waiting, and next to no work.
AT_ONCE = 8
# Of all threads together; a connection more would be made anew each time.
CONNECTIONS = 32


def alone() -> bool:
    """Tell whether this is a server without threads: it answers in the first one, and others would never run."""
    return current_thread() is main_thread()


class StoreError(XrayError):
    """An analysis could not be kept or taken away; it is not there by half."""

    def __init__(self, cause: OSError) -> None:
        """Keep the cause for the log, without any path: it holds a visitor's file name. Tell a full disk apart."""
        super().__init__("An analysis could not be saved or taken away: %(cause)s", cause=cause.strerror or str(cause))
        self.status = 507 if cause.errno in FULL else 500


class BucketError(StoreError):
    """The bucket cannot be reached, is full, or refuses.

    Attributes:
        refusal: the store's error code, such as AccessDenied; empty where it gave no answer.
    """

    def __init__(self, words: str, *, refusal: str = "", full: bool = False) -> None:
        """Keep words without any address: it would hold a visitor's file name."""
        super().__init__(OSError(errno.ENOSPC if full else errno.EIO, words))
        self.refusal = refusal
        if not full:
            self.status = 503


class Folder(Protocol):
    """Interface of a folder of files by name, such as `ID/film.jpg`.

    Every method raises a StoreError where the folder cannot be reached or written, or is full.
    """

    # Whether a question costs next to nothing, as on a disk.
    quick: ClassVar[bool]

    def put(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Store a file atomically; `durable`: so that it survives a power failure."""

    def get(self, name: str) -> bytes | None:
        """Return a file's content; None where there is none of that name."""

    def has(self, name: str) -> bool:
        """Tell whether there is a file of that name."""

    def files(self, inside: str = "") -> Iterable[tuple[str, float]]:
        """Yield the name of each file, or of those in one subfolder, and when it was written, in seconds since 1970."""

    def remove(self, names: Iterable[str]) -> None:
        """Delete files; one that is already gone is no error."""

    def check(self) -> None:
        """See that a file could be stored now."""

    def each(self, work: Callable[[Item], object], items: Iterable[Item]) -> None:
        """Do something with each item, several at a time where that is slow; an error ends it."""
        for item in items:
            work(item)

    def aside(self, work: Callable[[], int]) -> None:
        """Do the next part of some work; or, where that is slow, all parts in the background until one returns 0."""
        work()


@dataclass(frozen=True)
class LocalFolder(Folder):
    """A folder on this machine; see Folder."""

    path: Path
    quick: ClassVar = True

    def put(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Store a file that only this user can read; see Folder."""
        with _disk_errors():
            storage.write(str(self.path / name), content, private=True, durable=durable)

    def get(self, name: str) -> bytes | None:
        """Return a file's content; see Folder."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has(self, name: str) -> bool:
        """Tell whether there is a file; see Folder."""
        return (self.path / name).is_file()

    def files(self, inside: str = "") -> Iterator[tuple[str, float]]:
        """Yield the files and their times; see Folder."""
        for folder, _, names in os.walk(self.path / inside):
            for path in (Path(folder, name) for name in names):
                # Another worker may delete it meanwhile.
                with suppress(FileNotFoundError):
                    yield path.relative_to(self.path).as_posix(), path.stat().st_mtime

    def remove(self, names: Iterable[str]) -> None:
        """Delete files, and subfolders that are empty then; see Folder."""
        with _disk_errors():
            for path in [self.path / name for name in names]:
                path.unlink(missing_ok=True)
                if path.parent != self.path:
                    with suppress(OSError):
                        path.parent.rmdir()

    def check(self) -> None:
        """See that the folder, or the one that it would be created in, can be written; see Folder."""
        there = next(each for each in (self.path, *self.path.parents) if each.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            number = errno.EACCES if there.is_dir() else errno.ENOTDIR
            raise StoreError(OSError(number, os.strerror(number), str(self.path)))


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(error) from error


@dataclass(frozen=True)
class Bucket(Folder):
    """A folder in a bucket of an S3-compatible store; see Folder.

    Attributes:
        client: s3fs's, for any number of threads.
        path: the bucket's name, then the folder in it.
    """

    client: Any
    path: str
    quick: ClassVar = False
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "bucket"))
    _busy: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, address: str) -> "Bucket":
        """Open a folder in a bucket, and see that access is granted.

        A store that gives no answer stops no start: it may be back before the first visitor comes.

        Args:
            address: s3://bucket or s3://bucket/folder; the rest stands in the usual variables AWS_….

        Raises:
            SettingError: no such address, bucket or key, or s3fs is not installed.
        """
        match = ADDRESS.fullmatch(address)
        if not match:
            raise SettingError(
                f"XRAY_STORE: expected an address such as s3://bucket/folder. Received: {address}. Correct it, or "
                "remove it to keep pictures on this machine."
            )
        bucket = cls(_client(), match["path"])
        try:
            bucket.check()
        except BucketError as error:
            if error.refusal:
                raise SettingError(
                    f"XRAY_STORE: expected a bucket that lets us in. Received: {error.refusal}. Correct the bucket's "
                    "name, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, and AWS_ENDPOINT_URL for a "
                    "store that is not Amazon's."
                ) from error
            log.warning("The store of pictures gives no answer yet: %s", error)
        return bucket

    def within(self, folder: str) -> "Bucket":
        """Return a subfolder."""
        return Bucket(self.client, f"{self.path}/{folder}")

    def put(self, name: str, content: bytes, *, durable: bool = False) -> None:
        """Store an object that the public cannot read; see Folder."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with _store_errors():
            # Uploads have a timeout of their own: aiohttp has none for a store that is silent before the first byte.
            self.client.pipe_file(f"{self.path}/{name}", content, ContentType=kind, timeout=ATTEMPTS * ANSWER_S)

    def get(self, name: str) -> bytes | None:
        """Return an object's content; see Folder."""
        try:
            with _store_errors():
                return bytes(self.client.cat_file(f"{self.path}/{name}"))
        except BucketError as error:
            if error.refusal == "NoSuchKey":
                return None
            raise

    def has(self, name: str) -> bool:
        """Tell whether there is an object; see Folder."""
        with _store_errors():
            return bool(self.client.exists(f"{self.path}/{name}"))

    def files(self, inside: str = "") -> Iterator[tuple[str, float]]:
        """Yield the objects and their times; see Folder."""
        with _store_errors():
            found = self.client.find(f"{self.path}/{inside}".rstrip("/"), detail=True)
        for key, facts in found.items():
            yield key.removeprefix(f"{self.path}/"), facts["LastModified"].timestamp()

    def remove(self, names: Iterable[str]) -> None:
        """Delete objects one by one, as every store can; see Folder."""
        for name in names:
            with _store_errors():
                self.client.rm_file(f"{self.path}/{name}")

    def check(self) -> None:
        """Ask for something that needs the key, the bucket and the right to list it; see Folder."""
        bucket, _, folder = self.path.partition("/")
        with _store_errors():
            self.client.call_s3("list_objects_v2", Bucket=bucket, Prefix=folder, MaxKeys=1)

    def each(self, work: Callable[[Item], object], items: Iterable[Item]) -> None:
        """Do several at the same time; at the first error start no more, and wait for those that began; see Folder."""
        if alone():
            for item in items:
                work(item)
            return
        begun = [self._pool.submit(work, item) for item in items]
        for future in wait(begun, return_when=FIRST_EXCEPTION).not_done:
            future.cancel()
        wait(begun)
        for future in begun:
            if not future.cancelled():
                future.result()

    def aside(self, work: Callable[[], int]) -> None:
        """Do all parts in the background, unless that is happening already; without threads the next part, now."""
        if alone():
            work()
        elif self._busy.acquire(blocking=False):
            Thread(target=self._all_parts, args=(work,), name="sweep", daemon=True).start()

    def _all_parts(self, work: Callable[[], int]) -> None:
        try:
            while work():
                pass
        except StoreError as error:
            log.warning("Not all old analyses could be taken away: %s", error)
        finally:
            self._busy.release()


def _client() -> Any:
    config = {
        "connect_timeout": CONNECT_S,
        "read_timeout": ANSWER_S,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "max_pool_connections": CONNECTIONS,
    }
    try:
        client = storage.s3(config)
        client.retries = 1  # on top of these attempts
        client.connect()
    except ImportError as error:
        raise SettingError(
            f"XRAY_STORE needs s3fs, which is not installed. Install it with: {INSTALL_CLOUD}"
        ) from error
    except Exception as error:
        raise SettingError(
            f"XRAY_STORE: expected AWS_… variables that can be used. Received: {error} Correct them."
        ) from error
    return client


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # s3fs lets those of botocore, aiohttp and asyncio through
        raise _bucket_error(error) from error


def _bucket_error(error: Exception) -> BucketError:
    """Make the error for what s3fs raised, without its words: they hold the object's address."""
    response = getattr(error.__cause__ or error, "response", None)
    if isinstance(response, dict):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(response.get("Error", {}).get("Code", status))
        full = status == HTTPStatus.INSUFFICIENT_STORAGE or "Quota" in code or "StorageFull" in code
        # How long a server's own trouble lasts is not known.
        refusal = code if status < HTTPStatus.INTERNAL_SERVER_ERROR else ""
        return BucketError(f"the store answered {code}", refusal=refusal, full=full)
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return BucketError("no key for the store", refusal="no key")
    return BucketError(f"the store gave no answer ({type(error).__name__})")
