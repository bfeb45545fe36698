"""Sources of radiographs: a folder, a zip or tar, a list, a column of a table, or one file."""

import codecs
import logging
import os
import string
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path

from xray.errors import XrayError
from xray.io import storage
from xray.io.image import START_BYTES, left_out, left_out_here
from xray.io.storage import LeftOut, walk_here

LISTS = (".txt", ".lst", ".list")
TABLE = ".parquet"
# fsspec's names of what opens them.
ARCHIVES = {".zip": "zip", ".tar": "tar", ".tar.gz": "tar", ".tgz": "tar", ".tar.bz2": "tar", ".tar.xz": "tar"}

_log = logging.getLogger(__name__)


class SourceError(XrayError):
    """There are no radiographs at a source."""


def find(source: str, column: str | None = None, *, allow_local: bool = False) -> Iterator[str]:
    """Yield the address of each file, as it is read and as it stands in the results.

    A path becomes an absolute one, so that the next run knows it wherever it is started; what fsspec opens is a URL:
    `s3://bucket/film.dcm`, or `zip://film.dcm::/archive.zip` for a file in an archive.

    Args:
        source: a folder, a zip or tar, a list with an address a line, a Parquet file, or a radiograph; a path or a URL.
        column: of a Parquet file or folder, the one with the addresses.
        allow_local: whether a list or table that lies elsewhere, and so may be somebody else's, may name paths of this
            machine.

    Raises:
        SourceError: there is nothing there, or it is of no such kind, or there is no radiograph in it; or a path of
            this machine is named that may not be.
    """
    source = absolute(source)
    if not storage.exists(source):
        raise SourceError("Expected films at %(source)s. Received nothing there.", source=source)
    name = source.lower()
    if column or name.endswith(TABLE):
        from xray.archive import parquet  # needs pyarrow, which the other sources do not

        return _some(source, _named(source, parquet.column(source, column or "path"), allow_local=allow_local))
    if storage.is_folder(source):
        return _some(source, _walk(source))
    for ending, opener in ARCHIVES.items():
        if name.endswith(ending):
            return _some(source, _walk(f"{opener}://::{source}"))
    if name.endswith(LISTS):
        return _some(source, _named(source, _lines(source), allow_local=allow_local))
    if not os.path.splitext(name)[1] or not _left_out(source):
        return iter([source])
    raise SourceError(
        "Expected a folder, a zip, a tar, a list (%(lists)s), a Parquet file or a film. Received %(source)s.",
        lists=" ".join(LISTS),
        source=source,
    )


def is_within(address: str, folder: str) -> bool:
    """Tell whether an address is a folder, or lies in it at any depth."""
    if storage.is_url(address) or storage.is_url(folder):
        return f"{address.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")
    within, around = (os.path.realpath(storage.local(each)) for each in (address, folder))
    return Path(within).is_relative_to(around)


def absolute(address: str) -> str:
    """Return an absolute path, and a URL as it is.

    A name that no table can hold, with a line break or bytes that are not UTF-8, becomes a file:// URL; in a URL it is
    percent-encoded.
    """
    if "://" in address:
        scheme, _, rest = address.partition("://")
        inside, chained, archive = rest.partition("::")
        within = absolute(archive) if storage.NOT_IN_TABLES.search(archive) else archive
        return f"{scheme}://{storage.spelled(inside)}{chained}{within}"
    path = os.path.abspath(address)
    plain = path.isprintable() and not any("\ud800" <= letter <= "\udfff" for letter in path)
    return path if plain else Path(path).as_uri()


def _some(source: str, found: Iterator[str]) -> Iterator[str]:
    """Yield what is found in a source, and raise a SourceError where that is nothing."""
    first = next(found, None)
    if first is None:
        raise SourceError(
            "Expected films in %(source)s. Received none: see that it is the right one, and that its disk is there.",
            source=source,
        )
    yield first
    yield from found


def _walk(source: str) -> Iterator[str]:
    """Yield the radiographs of a folder in sorted order, those in its zips too, and any folder in it that is closed.

    What is left out is counted in a warning, and so are links to folders, which are not followed.
    """
    other = LeftOut()
    if storage.is_url(source):
        for address in _listed(source):
            if reason := _left_out(address):
                other.add(address, reason)
            else:
                yield address
    else:
        closed: list[OSError] = []
        linked: list[str] = []
        for path in walk_here(storage.local(source), other, closed, linked):
            if left_out_here(path):  # a zip
                yield from _members(absolute(path))
            else:
                yield absolute(path)
        yield from (absolute(str(error.filename)) for error in closed)
        if linked:
            _log.warning(
                "Links to folders were passed over, %d, such as %s: give those folders runs of their own.",
                len(linked),
                linked[0],
            )
    if other.kinds:
        _log.warning("%s", other)


def _members(archive: str) -> Iterator[str]:
    """Yield the radiographs of a zip in a folder; itself where it is damaged, for a row with its error."""
    try:
        yield from _walk(f"zip://::{archive}")
    except SourceError:
        yield archive


def _listed(source: str) -> Iterator[str]:
    """Yield the files of a folder in an object store, or of an archive file, whose index must be whole."""
    try:
        yield from storage.walk(source)
    except storage.UNREADABLE as error:
        _, chained, archive = source.partition("::")
        if not chained:
            raise
        raise SourceError(
            "Expected a whole archive file. Received a damaged one, %(archive)s (%(error)s): copy or pack it again.",
            archive=archive,
            error=" ".join(str(error).split()) or type(error).__name__,
        ) from error


def _left_out(address: str) -> str:
    """Say what a file is that is no radiograph; "" for one, and for what cannot be read, as its error has a row."""
    if not storage.is_url(address):
        return left_out_here(storage.local(address))
    try:
        return left_out(address.partition("::")[0], lambda: storage.read(address, START_BYTES))
    except storage.UNREADABLE:
        return ""


def _named(source: str, found: Iterable[str], *, allow_local: bool) -> Iterator[str]:
    """Yield the addresses that a list or table names."""
    for address in map(absolute, found):
        # Of what is chained, the last is opened.
        last = address.rpartition("::")[2]
        if storage.is_url(source) and not allow_local and (not storage.is_url(last) or last.startswith("local://")):
            raise SourceError(
                "Expected URLs in %(source)s. Received %(address)s, a path of this machine: add --allow-local if the "
                "list is yours.",
                source=source,
                address=address,
            )
        yield address


def _lines(source: str) -> Iterator[str]:
    """Yield the lines of a list; a relative path starts where the command runs.

    In UTF-8, or as Windows writes it: with a byte order mark, or in UTF-16 with one.
    """
    with storage.client_errors(), storage.opened(source) as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        file.seek(0)
        encoding, errors = ("utf-16", "strict") if wide else ("utf-8-sig", "surrogateescape")
        with TextIOWrapper(file, encoding, errors, newline="\n") as text:
            lines = (line.strip(string.whitespace) for line in text)
            yield from filter(None, lines)
