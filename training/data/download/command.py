"""Fetch the published data sets.

Shows the licence of each and asks; goes on where it was cut off; compares checksums; unpacks into the folders that
`python -m training prepare` reads. Without names it fetches all (the Radiography Database where a Kaggle token is set).
"""

import argparse
import hashlib
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from zipfile import ZipFile, is_zipfile

import pooch

from training.data.download import siim
from training.data.download.published import HOW, MB, PublishedSet, Table, kaggle_token, pins, published
from training.data.download.resume import Resume
from training.data.download.unpack import UnusableArchive, need, unpack
from xray.errors import DatasetError

LAY_OUT = {"siim": siim.lay_out}  # what is done with a set that is not published in a folder of a known layout
ARCHIVES = "downloads"  # below the output folder
UNKNOWN = "nobody states a sha256 of it: trusted this once, and compared with from now on"


def chosen(names: Sequence[str], known: dict[str, PublishedSet], token: tuple[str, str] | None) -> list[PublishedSet]:
    """Return the sets that are asked for; all that can be had where none is named.

    Raises:
        DatasetError: a set by name that wants a token where none is set.
    """
    wanted = [known[name] for name in dict.fromkeys(names or known)]
    without = [each for each in wanted if each.kaggle and token is None]
    if names and without:
        raise DatasetError(f"{without[0].name}: expected a Kaggle token. Received none: {HOW}.")
    for each in without:
        print(f"{each.name}: left out, for it wants a Kaggle token: {HOW}")
    return [each for each in wanted if each not in without]


def agreed(known: PublishedSet, output: Path, *, yes: bool) -> bool:
    """Show what would be fetched and on which terms; ask, unless the user has said yes already.

    Raises:
        DatasetError: there is nobody to ask.
    """
    size = f"{known.archive_mb / 1000:.2f} GB to download, {known.unpacked_mb / 1000:.2f} GB unpacked, about"
    print(f"\n{known.name}: {known.title}\n  {known.page}\n  {size}; to {output / known.lands}")
    print(f"  Terms: {known.licence}")
    if yes:
        return True
    try:
        return input("  Do you accept these terms? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError as error:
        raise DatasetError("Expected an answer. Received none: scripts say --yes once their owner agreed.") from error


def next_step(there: Sequence[PublishedSet], output: Path) -> str:
    """Return the command that reads what is there."""
    sources = dict.fromkeys(output / each.source for each in there)
    return "python -m training prepare " + " ".join(f"--source {quote(str(source))}" for source in sources)


def fetch(
    known: PublishedSet, output: Path, *, pin: str = "", token: tuple[str, str] | None = None, keep: bool = False
) -> Path:
    """Fetch a data set, unless it is there.

    Where neither the user nor the table states a checksum, that of the first archive which unpacks without a fault is
    written beside it, and every later one is compared with it.

    Args:
        known: which one.
        output: its folder lands in this one; the archive is gathered in `downloads` below it.
        pin: the sha256 that the user expects, in hex; comes before the table's.
        token: user name and key, where the publisher asks for them.
        keep: whether the archive stays once it is unpacked.

    Returns:
        The folder.

    Raises:
        DatasetError: no room, no connection, another checksum, or an archive that cannot be used; it is removed then.
    """
    folder = output / known.lands
    if is_there(known, output):
        print(f"{known.name}: {folder} is there already; delete it to fetch it anew")
        return folder
    archive = output / ARCHIVES / known.archive
    record = archive.with_name(archive.name + ".sha256")
    room = known.unpacked_mb + (0 if archive.exists() else known.archive_mb)
    need(output, room * MB, f"{known.name}, archive and pictures together,")
    _download(known, archive, record, pin, token)
    tables = [_table(known, each, output / ARCHIVES, token) for each in known.tables]
    if folder.exists():
        shutil.rmtree(folder)  # an interrupted run left it without its last file
    try:
        files = unpack(archive, known, folder)
    except UnusableArchive:
        archive.unlink()
        raise
    for path, content in tables:
        (folder / path).write_bytes(content)
    if known.name in LAY_OUT:
        LAY_OUT[known.name](folder)
    _write_record(archive, record)
    if not keep:
        archive.unlink()
    print(f"{known.name}: {files} files in {folder}")
    return folder


def is_there(known: PublishedSet, output: Path) -> bool:
    """Tell whether a data set landed: its folder, or the file that is written last, appears when all of it is there."""
    return (output / known.lands / known.last).exists()


def _table(known: PublishedSet, wanted: Table, folder: Path, token: tuple[str, str] | None) -> tuple[str, bytes]:
    """Fetch a table that belongs to a data set; return the name that it lands under, and its content."""
    path = folder / f"{known.name}-{wanted.name}"
    if not path.is_file():
        Resume(path.with_name(path.name + ".part"), known.name, known.page, token)(wanted.address, str(path), None)
    if not is_zipfile(path):
        return wanted.name, path.read_bytes()
    with ZipFile(path) as packed:
        return wanted.name, packed.read(wanted.name)


def _download(known: PublishedSet, archive: Path, record: Path, pin: str, token: tuple[str, str] | None) -> None:
    expected, said_by = _expected(known, record, pin)
    downloader = Resume(archive.with_name(archive.name + ".part"), known.name, known.page, token)
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(known.address, expected or None, archive.name, archive.parent, downloader=downloader)
    except ValueError as error:  # pooch: another checksum; it has removed the file
        raise DatasetError(
            f"{known.name}: expected sha256 {expected}, as {said_by} says. Received other bytes, and removed them. "
            "Run the same command again; if they come again, ask on "
            f"{known.page} whether the file was replaced, and name its sha256 with --pin {known.name}=SHA256."
        ) from error
    print(f"{known.name}: " + (f"sha256 as {said_by} says" if expected else UNKNOWN))


def _expected(known: PublishedSet, record: Path, pin: str) -> tuple[str, str]:
    """Return the sha256 that the archive should have, and who says so; blank where nobody does."""
    if pin:
        return pin, "--pin"
    if known.sha256:
        return known.sha256, "published.toml"
    if record.is_file():
        return record.read_text(encoding="utf-8").split()[0], str(record)
    return "", ""


def _write_record(archive: Path, record: Path) -> None:
    """Write the archive's checksum as `sha256sum --check` reads it."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    record.write_text(f"{digest}  {archive.name}\n", encoding="utf-8")


def run(args: argparse.Namespace) -> int:
    """Fetch the data sets that are asked for; return 2 where one of them could not be fetched."""
    known = published()
    unknown = sorted(set(args.names) - known.keys())
    if unknown:
        raise DatasetError(f"expected names of data sets, {', '.join(known)}; received {', '.join(unknown)}")
    pinned, token = pins(args.pin, known), kaggle_token()
    asked = chosen(args.names, known, token)
    wanted = [each for each in asked if is_there(each, args.output) or agreed(each, args.output, yes=args.yes)]
    there: list[PublishedSet] = []
    for each in wanted:
        its_token = token if each.kaggle else None
        try:
            fetch(each, args.output, pin=pinned.get(each.name, ""), token=its_token, keep=args.keep)
            there.append(each)
        except (DatasetError, OSError) as error:  # the others may still come
            print(f"download: {error}", file=sys.stderr)
    if there:
        print(f"\nNext: {next_step(there, args.output)}")
    return 0 if len(there) == len(wanted) else 2
