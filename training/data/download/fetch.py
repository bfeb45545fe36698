"""One published data set: downloaded, checked and unpacked to where `prepare` reads it."""

import hashlib
import logging
from pathlib import Path

import pooch

from training.data.download.published import MB, PublishedSet
from training.data.download.resume import Resume
from training.data.download.unpack import UnusableArchive, need, unpack
from xray.errors import DatasetError

ARCHIVES = "downloads"  # below the output folder


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
    try:
        files = unpack(archive, known, folder)
    except UnusableArchive:
        archive.unlink()
        raise
    _write_record(archive, record)
    if not keep:
        archive.unlink()
    print(f"{known.name}: {files} files in {folder}")
    return folder


def is_there(known: PublishedSet, output: Path) -> bool:
    """Tell whether a data set landed: its folder appears when all of it is there."""
    return (output / known.lands).exists()


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


UNKNOWN = "nobody states a sha256 of it: trusted this once, and compared with from now on"


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
