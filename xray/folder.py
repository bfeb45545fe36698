"""Which files of a folder are taken for radiographs."""

import os
from collections.abc import Callable

from xray import dicom

EXTENSIONS = {".png", ".jpg", ".jpeg", ".dcm", ".dicom"}
DICOM_PREAMBLE_BYTES = 132


def is_picture(name: str, start: Callable[[], bytes]) -> bool:
    """Tell by the extension; a file without one by its first bytes, as scanners export DICOM so.

    Args:
        name: of the file, with or without its folder.
        start: reads the file's first DICOM_PREAMBLE_BYTES, where they are needed.
    """
    extension = os.path.splitext(name)[1].lower()
    if extension:
        return extension in EXTENSIONS
    try:
        return dicom.is_dicom(start())
    except OSError:
        return False


def is_picture_here(path: str) -> bool:
    """Tell of a path on this machine; what is no file, such as a pipe, is not looked into."""
    return is_picture(path, lambda: read(path, DICOM_PREAMBLE_BYTES) if os.path.isfile(path) else b"")


def read(path: str, size: int) -> bytes:
    """Read a file on this machine, but no more of it than so many bytes."""
    with open(path, "rb") as file:
        return file.read(size)
