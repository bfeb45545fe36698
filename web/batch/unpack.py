"""Unpacking of uploads: loose files, and zip archives read member by member.

Nothing is written to disk, one file is in memory at a time, and nothing that an archive declares is trusted.

Source:
    OWASP, File Upload Cheat Sheet; D. Fifield, A better zip bomb, WOOT 2019.
"""

import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from xray.errors import Phrase, XrayError
from xray.io.image import sniff

# Compression ratio. Radiographs are compressed already; a raw DICOM file with wide black borders reaches 20.
LARGEST_RATIO = 100
# Smaller files may have any ratio.
SMALL_BYTES = 2**20
# Size of the central directory: enough for the largest batch with long names and comments.
DIRECTORY_BYTES = 2**20

DAMAGED = Phrase("Expected a whole zip archive, received a truncated or damaged one. Please pack it again.")
DAMAGED_MEMBER = Phrase("This file is damaged inside the zip. Please pack it again.")
ENCRYPTED = Phrase("This file is locked with a password inside the zip. Please pack it without one.")
LEADS_OUT = Phrase("The name of this file leads out of the zip, so it was not opened. Please pack it again.")
METHOD = Phrase("This file is packed in a way that is not read here. Please pack it as an ordinary zip.")
NESTED = Phrase("A zip inside a zip is not opened. Please unpack it first.")
NO_FILE = Phrase("This is a link or a device, not a file. Please pack the picture itself.")
RATIO = Phrase("This file unpacks to more than %(ratio)s times its size, as no film does, so it was not opened.")
TOO_LARGE = Phrase("Expected at most %(limit)s MiB, received %(size)s MiB. Please send a smaller export.")
TOO_MANY = Phrase("Expected a zip with at most %(limit)s files, received one with more. Please split it.")
TOO_MANY_AT_ONCE = Phrase("Expected at most %(limit)s files at once, received %(count)s. Please send them in parts.")
TOO_MUCH = Phrase("Expected at most %(limit)s MiB of unpacked files, received %(size)s MiB. Please split the zip.")

# Bytes that the format is detected from.
_START_BYTES = 132
_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
_BROKEN = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, struct.error)


class ZipError(XrayError):
    """An archive, or a file in it, that is refused; the message may be shown to its sender."""

    status = 400


@dataclass(frozen=True)
class Limits:
    """Limits of a batch.

    Attributes:
        count: the maximum number of files, those in archives included.
        file_bytes: the maximum size of one file, unpacked.
        total_bytes: the maximum size of all files in archives, unpacked.
    """

    count: int
    file_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Sent:
    """One uploaded file.

    Attributes:
        path: its name with its folders, not safe for a file system.
        data: its content; empty where there is an error.
        error: why it was refused.
    """

    path: str
    data: bytes = b""
    error: ZipError | None = None


def unpack(
    files: Iterable[tuple[str, IO[bytes]]], limits: Limits, refusal: Callable[[], ZipError | None] = lambda: None
) -> Iterator[Sent]:
    """Yield every uploaded file, those in archives one by one.

    Args:
        files: name and content of each; the content is read when its turn comes.
        limits: of the batch.
        refusal: asked before a file is read; the first error that it returns is the last that is yielded.
    """
    used = Limits(0, 0, 0)
    for path, file in files:
        if passed_over(path):
            continue
        start = file.read(_START_BYTES)
        file.seek(0)
        if sniff(start) != "ZIP":
            used = replace(used, count=used.count + 1)
            error = refusal()
            yield Sent(path, error=error) if error else _read(path, file, limits)
            if error:
                return
            continue
        try:
            with _opened(file, limits) as archive:
                found, used = _listed(archive, used, limits)
                for info in found:
                    error = refusal()
                    member = Sent(_name(info), error=error) if error else _member(archive, info, limits)
                    yield replace(member, path=f"{path}/{member.path}")
                    if error:
                        return
        except ZipError as error:
            yield Sent(path, error=error)


def passed_over(path: str) -> bool:
    """Return whether a file is a hidden file or one that operating systems create in folders."""
    return any(part.startswith(".") and part != ".." or part in _JUNK for part in _parts(path))


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").split("/")


def _read(path: str, file: IO[bytes], limits: Limits) -> Sent:
    data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        return Sent(path, error=_too_large(file.seek(0, os.SEEK_END), limits))
    return Sent(path, data)


def _too_large(size: int, limits: Limits) -> ZipError:
    return ZipError(TOO_LARGE, limit=limits.file_bytes // 2**20, size=-(-size // 2**20))


def _opened(file: IO[bytes], limits: Limits) -> ZipFile:
    """Open an archive.

    Raises:
        ZipError: its directory is damaged, or too long.
    """
    guarded = _Guarded(file, limits.count)
    try:
        archive = ZipFile(guarded)
    except _BROKEN as error:
        raise ZipError(DAMAGED) from error
    guarded.most = None
    return archive


def _listed(archive: ZipFile, used: Limits, limits: Limits) -> tuple[list[ZipInfo], Limits]:
    """Return the files of an archive, and what they and those before them use up of the limits.

    Raises:
        ZipError: that is more than the limits.
    """
    found = [info for info in archive.infolist() if not _name(info).endswith("/") and not passed_over(_name(info))]
    count, total = used.count + len(found), used.total_bytes + sum(info.file_size for info in found)
    if len(found) > limits.count:
        raise ZipError(TOO_MANY, limit=limits.count)
    if count > limits.count:
        raise ZipError(TOO_MANY_AT_ONCE, limit=limits.count, count=count)
    if total > limits.total_bytes:
        raise ZipError(TOO_MUCH, limit=limits.total_bytes // 2**20, size=-(-total // 2**20))
    return found, replace(used, count=count, total_bytes=total)


def _member(archive: ZipFile, info: ZipInfo, limits: Limits) -> Sent:
    error, data = _refusal(info, limits), b""
    if error is None:
        try:
            with archive.open(info) as member:
                data = member.read(limits.file_bytes + 1)
        except _BROKEN:
            error = ZipError(DAMAGED_MEMBER)
        if sniff(data) == "ZIP":
            error, data = ZipError(NESTED), b""
    return Sent(_name(info), data, error)


def _refusal(info: ZipInfo, limits: Limits) -> ZipError | None:
    """Return why a file is refused, from its entry in the central directory; None where it is not."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    name = _name(info)
    if name.startswith("/") or ".." in _parts(name) or re.match("[A-Za-z]:", name):
        return ZipError(LEADS_OUT)
    if kind not in (0, stat.S_IFREG):
        return ZipError(NO_FILE)
    if info.flag_bits & 0x41:  # encrypted
        return ZipError(ENCRYPTED)
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return ZipError(METHOD)
    if info.file_size > limits.file_bytes:
        return _too_large(info.file_size, limits)
    if info.file_size > max(SMALL_BYTES, LARGEST_RATIO * info.compress_size):
        return ZipError(RATIO, ratio=LARGEST_RATIO)
    return None


def _name(info: ZipInfo) -> str:
    """Return the path of a member, decoded."""
    name = info.orig_filename.partition("\0")[0]
    if not info.flag_bits & 0x800:  # not marked as UTF-8, but some programs write it all the same
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return name.replace("\\", "/")


class _Guarded:
    """A file with a limit on each read, as a central directory may declare any length."""

    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file = file
        self._count = count
        self.most: int | None = DIRECTORY_BYTES

    def read(self, size: int = -1) -> bytes:
        here = self._file.tell()
        claimed = size if size >= 0 else self._file.seek(0, os.SEEK_END) - here
        if self.most is not None and claimed > self.most:
            raise ZipError(TOO_MANY, limit=self._count)
        self._file.seek(here)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True
