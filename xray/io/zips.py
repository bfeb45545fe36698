"""Zip archives read member by member, and loose files beside them.

Nothing is written to disk, one file is in memory at a time, and nothing that an archive declares is trusted.

Source:
    OWASP, File Upload Cheat Sheet; D. Fifield, A better zip bomb, WOOT 2019.
"""

import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from xray.errors import Phrase, XrayError
from xray.io.image import START_BYTES, left_out, sniff
from xray.io.limits import mib
from xray.io.storage import is_hidden

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
RATIO = Phrase("This file unpacks to more than %(ratio)s times its size, as no radiograph does, so it was not opened.")
NOTHING = Phrase("Expected a zip with pictures, received one without a file. Please pack the pictures themselves.")
TOO_LARGE = Phrase("Expected at most %(limit)s MiB, received %(size)s MiB. Please send a smaller export.")
TOO_MANY = Phrase("Expected a zip with at most %(limit)s files, received one with more. Please split it.")
TOO_MANY_AT_ONCE = Phrase("Expected at most %(limit)s files at once, received %(count)s. Please send them in parts.")
TOO_MUCH = Phrase("Expected at most %(limit)s MiB of unpacked files, received %(size)s MiB. Please split the zip.")

_BROKEN = (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, struct.error)

_UTF_8, _UNICODE_PATH = 0x800, 0x7075
# Names of two hanzi or kana and more in a row; a single one between letters is rather a letter with an accent.
_HANZI = re.compile(rb"(?:[\xb0-\xf7][\xa1-\xfe])+")
_WIDE = "\u3040-\u30ff\u4e00-\u9fff々"
_WIDE_RUN, _WIDE_ALONE = re.compile(f"[{_WIDE}]{{2}}"), re.compile(f"[A-Za-z][{_WIDE}]|[{_WIDE}][A-Za-z]")


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
        if is_hidden(path):
            continue
        start = file.read(START_BYTES)
        file.seek(0)
        if sniff(start) != "ZIP":
            used = replace(used, count=used.count + 1)
            error = refusal()
            yield Sent(path, error=error) if error else _read(path, file, limits)
            if error:
                return
            continue
        try:
            archive, members, used = _members(file, limits, used)
            for info, name in members.items():
                error = refusal()
                member = Sent(name, error=error) if error else _member(archive, info, name, limits)
                yield replace(member, path=f"{path}/{member.path}")
                if error:
                    return
        except ZipError as error:
            yield Sent(path, error=error)


def films(file: IO[bytes], limits: Limits) -> list[tuple[str, str]]:
    """List the files of an archive, each with what it is that is no radiograph; "" for one that is taken for it.

    Args:
        file: the archive.
        limits: of the archive.

    Raises:
        ZipError: the archive is refused as a whole.
    """
    archive, members, _ = _members(file, limits)
    return [(name, left_out(name, lambda info=info: _start(archive, info))) for info, name in members.items()]  # type: ignore[misc]


def film(file: IO[bytes], path: str, limits: Limits) -> Sent:
    """Read one file of an archive, by its path in `films`.

    Raises:
        ZipError: the archive is refused as a whole.
    """
    archive, members, _ = _members(file, limits)
    return next(_member(archive, info, name, limits) for info, name in members.items() if name == path)


def _start(archive: ZipFile, info: ZipInfo) -> bytes:
    try:
        with archive.open(info) as member:
            return member.read(START_BYTES)
    except _BROKEN:
        return b"\xff\xd8\xff"  # taken for a radiograph, so that its error is reported


def _read(path: str, file: IO[bytes], limits: Limits) -> Sent:
    data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        return Sent(path, error=_too_large(file.seek(0, os.SEEK_END), limits))
    return Sent(path, data)


def _too_large(size: int, limits: Limits) -> ZipError:
    return ZipError(TOO_LARGE, limit=mib(limits.file_bytes), size=mib(size))


def _members(
    file: IO[bytes], limits: Limits, used: Limits = Limits(0, 0, 0)
) -> tuple[ZipFile, dict[ZipInfo, str], Limits]:
    """Open an archive; return it, the path of each of its files, and what is used up of the limits with them.

    Raises:
        ZipError: the archive is refused as a whole.
    """
    guarded = _Guarded(file, limits.count)
    try:
        archive = ZipFile(guarded)
    except _BROKEN as error:
        raise ZipError(DAMAGED) from error
    guarded.most = None
    names = _names(archive.infolist())
    found = {info: name for info, name in names.items() if not name.endswith("/") and not is_hidden(name)}
    count, total = used.count + len(found), used.total_bytes + sum(info.file_size for info in found)
    if not found:
        raise ZipError(NOTHING)
    if len(found) > limits.count:
        raise ZipError(TOO_MANY, limit=limits.count)
    if count > limits.count:
        raise ZipError(TOO_MANY_AT_ONCE, limit=limits.count, count=count)
    if total > limits.total_bytes:
        raise ZipError(TOO_MUCH, limit=mib(limits.total_bytes), size=mib(total))
    return archive, found, replace(used, count=count, total_bytes=total)


def _member(archive: ZipFile, info: ZipInfo, name: str, limits: Limits) -> Sent:
    error, data = _refusal(info, name, limits), b""
    if error is None:
        try:
            with archive.open(info) as member:
                data = member.read(limits.file_bytes + 1)
        except _BROKEN:
            error = ZipError(DAMAGED_MEMBER)
        if sniff(data) == "ZIP":
            error, data = ZipError(NESTED), b""
    return Sent(name, data, error)


def _refusal(info: ZipInfo, name: str, limits: Limits) -> ZipError | None:
    """Return why a file is refused, from its entry in the central directory; None where it is not."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith("/") or ".." in name.split("/") or re.match("[A-Za-z]:", name):
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


def _names(infos: Sequence[ZipInfo]) -> dict[ZipInfo, str]:
    """Return the path of each member: in UTF-8 where it says so, else in the one encoding that suits all the others."""
    raw = {info: info.orig_filename.partition("\0")[0].encode("cp437") for info in infos if not info.flag_bits & _UTF_8}
    encoding = guess_encoding(list(raw.values()), dos=any(info.create_system == 0 for info in raw))
    names = {}
    for info in infos:
        said = _unicode_path(info.extra, raw[info]) if info in raw else info.orig_filename.partition("\0")[0]
        names[info] = (said or raw[info].decode(encoding, "replace")).replace("\\", "/")
    return names


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """Return the name in UTF-8 of the extra field 0x7075; "" where there is none, or it belongs to another name.

    Source:
        PKWARE, APPNOTE.TXT 6.3.10, section 4.6.9.
    """
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        content = extra[at + 4 : at + 4 + size]
        if kind == _UNICODE_PATH and content[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return content[5:].decode("utf-8", "replace")
        at += 4 + size
    return ""


def guess_encoding(names: Sequence[bytes], *, dos: bool) -> str:
    """Guess the encoding of all names of an archive together; static/batch_zip.js does the same.

    Args:
        names: as they stand in the archive.
        dos: whether it was packed on DOS or Windows, which decides where the names suit two encodings.

    Returns:
        utf-8, gbk, shift_jis, cp850 or latin-1.
    """
    text = b"/".join(names)
    for encoding in ("utf-8", "gbk", "shift_jis"):
        try:
            decoded = text.decode(encoding)
        except UnicodeError:
            continue
        hanzi = encoding != "gbk" or not re.search(rb"[\x80-\xff]", _HANZI.sub(b"", text))
        if encoding == "utf-8" or (hanzi and _is_east_asian(decoded)):
            return encoding
    letters = {encoding: _letters(text.decode(encoding)) for encoding in ("cp850", "latin-1")}
    if letters["cp850"] == letters["latin-1"]:
        return "cp850" if dos else "latin-1"
    return max(letters, key=lambda encoding: letters[encoding])


def _is_east_asian(text: str) -> bool:
    return bool(_WIDE_RUN.search(text)) or (bool(re.search(f"[{_WIDE}]", text)) and not _WIDE_ALONE.search(text))


def _letters(text: str) -> int:
    """Count the small letters with accents, less what is no letter: capitals are rare inside names."""
    others = [letter for letter in text if letter > "\x7f"]
    return sum(letter.islower() - (not letter.isalpha()) for letter in others)


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
