"""Which files of a folder are taken for radiographs."""

import os
from collections.abc import Callable

from xray.io.image import sniff

EXTENSIONS = {".png", ".jpg", ".jpeg", ".dcm", ".dicom"}
DICOM_PREAMBLE_BYTES = 132


def is_picture(name: str, start: Callable[[], bytes]) -> bool:
    """Tell by the extension; without one that is a picture's, by the first bytes, as scanners name DICOM otherwise.

    What follows the last dot may be a part of a UID, or a number (`IMG.0001`).

    Args:
        name: of the file, with or without its folder.
        start: reads the file's first DICOM_PREAMBLE_BYTES, where they are needed.
    """
    return os.path.splitext(name)[1].lower() in EXTENSIONS or sniff(start()) == "DICOM"


def is_picture_here(path: str) -> bool:
    """Tell of a path on this machine; what is no file, such as a pipe, is not looked into.

    What cannot be read may be a film: it is taken for one, so that its error is said.
    """
    try:
        return is_picture(path, lambda: read(path, DICOM_PREAMBLE_BYTES) if os.path.isfile(path) else b"")
    except OSError:
        return True


def read(path: str, size: int) -> bytes:
    """Read a file on this machine, but no more of it than so many bytes."""
    with open(path, "rb") as file:
        return file.read(size)
