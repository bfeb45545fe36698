"""Whether a disk has the room for what is about to be written."""

import shutil
from pathlib import Path

from xray.errors import DatasetError

SPARE = 200_000_000  # bytes that are left to everybody else


def need(folder: Path, size_bytes: int, what: str) -> None:
    """Check the free space where a folder stands, or will stand.

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
