"""Archives of published data sets, unpacked whole or not at all, where the disk has the room."""

import shutil
import stat
import zlib
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from training.data.download.published import MB, PublishedSet
from training.progress import progress
from xray.errors import DatasetError

SPARE = 200_000_000  # bytes that are left to everybody else
MOST_FILES = 200_000
MOST_TIMES = 3  # what the table says of the unpacked size
_JUNK = "__MACOSX"
_BROKEN = (
    BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    FileExistsError, IsADirectoryError, NotADirectoryError,
)  # fmt: skip


class UnusableArchive(DatasetError):
    """An archive that no try will unpack."""


def unpack(archive: Path, known: PublishedSet, folder: Path) -> int:
    """Unpack a data set; `folder` appears when all of it is there, and never before.

    Args:
        archive: a zip.
        known: what should be in it.
        folder: where it lands; must not exist yet.

    Returns:
        How many files came out.

    Raises:
        UnusableArchive: it is damaged, holds other folders than it should, a name that leads out of the folder, a
            link, or more than it may unpack to. Nothing stays of what was unpacked.
        DatasetError: the disk has no room.
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with ZipFile(archive) as opened:
            wanted = _wanted(opened, known)
            need(folder.parent, sum(info.file_size for info, _ in wanted), f"{known.name}, unpacked,")
            for info, path in progress(wanted, f"{known.name}, unpack", len(wanted)):
                target = part / path
                target.parent.mkdir(parents=True, exist_ok=True)
                # A member gives no more than its announced size, and its checksum is compared at its end.
                with opened.open(info) as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
        part.rename(folder)
    except _BROKEN as error:
        raise UnusableArchive(f"{archive}: expected a whole zip archive. Received a damaged one: {error}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(wanted)


def _wanted(opened: ZipFile, known: PublishedSet) -> list[tuple[ZipInfo, PurePosixPath]]:
    """Return the members that are taken, with their paths below the folder."""
    files = {_path(info, opened.filename): info for info in opened.infolist() if not info.is_dir()}
    files = {path: info for path, info in files.items() if not _left(path)}
    home = _home(set(files), known, opened)
    inside = {path.relative_to(home): info for path, info in files.items() if path.is_relative_to(home)}
    wanted = [(info, path) for path, info in inside.items() if not known.takes or f"{path}".startswith(known.takes)]
    size, most = sum(info.file_size for info, _ in wanted), MOST_TIMES * known.unpacked_mb * MB
    if len(wanted) > MOST_FILES or size > most:
        raise UnusableArchive(
            f"{opened.filename}: expected at most {MOST_FILES} files and {most / 1e9:.1f} GB unpacked. Received "
            f"{len(wanted)} files and {size / 1e9:.1f} GB. It is not the archive that is known as {known.name}."
        )
    links = [path for info, path in wanted if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG)]
    if links:
        raise UnusableArchive(f"{opened.filename}: expected files. Received a link or a device, {links[0]}.")
    return wanted


def _path(info: ZipInfo, archive: str | None) -> PurePosixPath:
    """Return a member's path.

    Raises:
        UnusableArchive: it leads out of the folder.
    """
    path = PurePosixPath(info.filename)
    if not path.parts or path.is_absolute() or ".." in path.parts or set("\\:") & set(info.filename):
        raise UnusableArchive(
            f"{archive}: expected files below one folder. Received {info.filename!r}, which leads out of it. "
            "Nothing was unpacked."
        )
    return path


def _left(path: PurePosixPath) -> bool:
    """Tell whether a file is one that systems leave in archives, unasked."""
    return path.parts[0] == _JUNK or path.name.startswith(".")


def _home(paths: set[PurePosixPath], known: PublishedSet, opened: ZipFile) -> PurePosixPath:
    """Return the topmost folder that has all that the data set must hold."""
    everything = paths | {folder for path in paths for folder in path.parents}
    homes = [folder for folder in everything - paths if all(folder / name in everything for name in known.holds)]
    if not homes:
        top = sorted({path.parts[0] for path in paths})[:8]
        raise UnusableArchive(
            f"{opened.filename}: expected {', '.join(known.holds)} in one folder of it. Received "
            f"{', '.join(top) or 'no files'}. Its publisher may have changed it: see {known.page}."
        )
    return min(homes, key=lambda folder: len(folder.parts))


def need(folder: Path, size_bytes: int, what: str) -> None:
    """Check the free space where a folder stands, or will stand.

    Args:
        folder: what is written goes there.
        size_bytes: of what is written.
        what: is written, in words.

    Raises:
        DatasetError: there is less than is needed.
    """
    standing = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    free = shutil.disk_usage(standing).free
    if free < size_bytes + SPARE:
        raise DatasetError(
            f"{what} needs {size_bytes / 1e9:.2f} GB, and {SPARE / 1e9:.1f} GB to spare. Received: "
            f"{free / 1e9:.2f} GB free at {standing}. Make room, or name another folder with --output DIR."
        )
