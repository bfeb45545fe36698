"""A folder in a bucket of any S3-compatible store. Here alone boto3 is imported, and only where a store is set."""

import errno
import logging
import mimetypes
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Thread
from typing import Any, TypeVar

from web.analyses.store import StoreError
from web.analyses.threads import alone
from web.settings import SettingError

log = logging.getLogger(__name__)

Thing = TypeVar("Thing")

ADDRESS = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<folder>(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")
# Two tries to keep a film and two to take back what was kept of it must end before hosts give up at 30 s.
CONNECT_S, ANSWER_S, TRIES = 3, 4, 2
# Requests at the same time for one visitor. Each is some milliseconds of waiting, and next to no work.
AT_ONCE = 8
# Of all threads together; a connection more would be made anew each time.
CONNECTIONS = 32


class BucketError(StoreError):
    """The store cannot be reached, is full, or refuses.

    Attributes:
        refusal: what it answered, such as AccessDenied; empty where it gave no answer.
    """

    def __init__(self, words: str, *, refusal: str = "", full: bool = False) -> None:
        """Keep words without any address: it would hold a visitor's file name."""
        super().__init__(OSError(errno.ENOSPC if full else errno.EIO, words))
        self.refusal = refusal
        if not full:
            self.status = 503


@dataclass(frozen=True)
class Bucket:
    """A folder in a bucket. Whatever is put there is visible whole or not at all, as S3 promises.

    Attributes:
        client: boto3's, for any number of threads.
        name: of the bucket.
        folder: before each object's name; empty, or it ends in a slash.
    """

    client: Any
    name: str
    folder: str
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "bucket"))

    @classmethod
    def of(cls, address: str) -> "Bucket":
        """Find a bucket by its address, and ask whether it lets us in.

        A store that gives no answer stops no start: it may be back before the first visitor comes.

        Args:
            address: s3://bucket or s3://bucket/folder; the rest stands in the usual variables AWS_….

        Raises:
            SettingError: no such address, bucket or key, or boto3 is not installed.
        """
        match = ADDRESS.fullmatch(address)
        if not match:
            raise SettingError(
                f"XRAY_STORE: expected an address such as s3://bucket/folder. Received: {address}. Correct it, or "
                "remove it to keep pictures on this machine."
            )
        folder = match["folder"].strip("/")
        bucket = cls(_client(), match["bucket"], f"{folder}/" if folder else "")
        try:
            bucket.list_few()
        except BucketError as error:
            if error.refusal:
                raise SettingError(
                    f"XRAY_STORE: expected a bucket that lets us in. Received: {error.refusal}. Correct the bucket's "
                    "name, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, and AWS_ENDPOINT_URL for a "
                    "store that is not Amazon's."
                ) from error
            log.warning("The store of pictures gives no answer yet: %s", error)
        return bucket

    def put(self, name: str, content: bytes) -> None:
        """Keep an object, for nobody else to read."""
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        with _asking():
            self.client.put_object(Bucket=self.name, Key=self.folder + name, Body=content, ContentType=kind)

    def get(self, name: str) -> bytes | None:
        """Return an object's content; None where there is none of that name."""
        try:
            with _asking():
                return bytes(self.client.get_object(Bucket=self.name, Key=self.folder + name)["Body"].read())
        except BucketError as error:
            if error.refusal == "NoSuchKey":
                return None
            raise

    def has(self, name: str) -> bool:
        """Tell whether there is an object of that name."""
        try:
            with _asking():
                self.client.head_object(Bucket=self.name, Key=self.folder + name)
        except BucketError as error:
            # To this question there is no body that could say more.
            if error.refusal in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True

    def remove(self, names: Iterable[str]) -> None:
        """Take objects away, one by one, as every store can; one that is already gone is no error."""
        for name in names:
            with _asking():
                self.client.delete_object(Bucket=self.name, Key=self.folder + name)

    def names(self, start: str) -> Iterator[tuple[str, float]]:
        """Yield the names of all objects that start so, each with the second since 1970 in which it was kept."""
        with _asking():
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.folder + start)
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self.folder), found["LastModified"].timestamp()

    def list_few(self) -> None:
        """Ask for something that needs the key, the bucket and the right to list it."""
        with _asking():
            self.client.list_objects_v2(Bucket=self.name, Prefix=self.folder, MaxKeys=1)

    def each(self, work: Callable[[Thing], object], things: Iterable[Thing]) -> None:
        """Do some work with each of many things, side by side; at the first error begin no more, and end what began."""
        if alone():
            for thing in things:
                work(thing)
            return
        begun = [self._pool.submit(work, thing) for thing in things]
        for future in wait(begun, return_when=FIRST_EXCEPTION).not_done:
            future.cancel()
        wait(begun)
        for future in begun:
            if not future.cancelled():
                future.result()

    def later(self, work: Callable[[], object]) -> None:
        """Do what nobody should wait for; what goes wrong is only logged."""

        def quietly() -> None:
            try:
                work()
            except StoreError as error:
                log.warning("What killed processes left could not be taken away: %s", error)

        if alone():
            quietly()
        else:
            Thread(target=quietly, name="sweep", daemon=True).start()


def _client() -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise SettingError(
            "XRAY_STORE needs boto3, which is not installed. Install it with: pip install -r requirements-cloud.txt"
        ) from error
    config = Config(
        connect_timeout=CONNECT_S,
        read_timeout=ANSWER_S,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        max_pool_connections=CONNECTIONS,
        # Newer checksums are Amazon's own: other stores refuse them.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # A bucket's name in the host's place needs certificates and names that other stores seldom have.
        s3={"addressing_style": "path"},
    )
    try:
        return boto3.session.Session().client("s3", config=config)
    except (BotoCoreError, ValueError) as error:
        raise SettingError(
            f"XRAY_STORE: expected AWS_… variables that can be used. Received: {error} Correct them."
        ) from error


@contextmanager
def _asking() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(error.response.get("Error", {}).get("Code", status))
        # Of a server's own trouble it is not known how long it lasts.
        refusal = code if status < HTTPStatus.INTERNAL_SERVER_ERROR else ""
        raise BucketError(f"the store answered {code}", refusal=refusal, full=_is_full(status, code)) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise BucketError("no key for the store", refusal="no key") from error
    except (BotoCoreError, OSError) as error:
        # Not its words: they hold the object's address, and with it a visitor's file name.
        raise BucketError(f"the store gave no answer ({type(error).__name__})") from error


def _is_full(status: int, code: str) -> bool:
    return status == HTTPStatus.INSUFFICIENT_STORAGE or "Quota" in code or "StorageFull" in code
