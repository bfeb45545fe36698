"""Radiograph files of a folder, known by extension or content."""

import os
from collections.abc import Callable

from xray.io.image import sniff

EXTENSIONS = {".png", ".jpg", ".jpeg", ".dcm", ".dicom"}
DICOM_PREAMBLE_BYTES = 132


def is_picture(name: str, start: Callable[[], bytes]) -> bool:
    """Tell whether a file is taken for a radiograph: by its extension, or else by its first bytes.

    Scanners name DICOM files freely: what follows the last dot may be part of a UID, or a number (`IMG.0001`).

    Args:
        name: of the file, with or without its folder.
        start: reads the file's first DICOM_PREAMBLE_BYTES, where they are needed.
    """
    return os.path.splitext(name)[1].lower() in EXTENSIONS or sniff(start()) == "DICOM"


def is_picture_here(path: str) -> bool:
    """Tell whether a path on this machine is taken for a radiograph; a pipe is not read.

    A file that cannot be read is taken for one, so that its error is reported.
    """
    try:
        return is_picture(path, lambda: read(path, DICOM_PREAMBLE_BYTES) if os.path.isfile(path) else b"")
    except OSError:
        return True


def read(path: str, size: int) -> bytes:
    """Read a file on this machine, but no more than `size` bytes of it."""
    with open(path, "rb") as file:
        return file.read(size)
