"""Zips that are written while they are sent."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator

import numpy as np

from web.batch import downloads


def test_an_archive_is_whole_when_all_pieces_are_joined() -> None:
    files = [("README.txt", "слова".encode()), ("a/b.png", bytes(1000)), ("empty", b"")]
    with zipfile.ZipFile(io.BytesIO(b"".join(downloads.write(files)))) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == files


def test_an_archive_can_be_read_without_going_back() -> None:
    # What reads a stream finds the end of a packed file, but not that of a stored one.
    with zipfile.ZipFile(io.BytesIO(b"".join(downloads.write([("a.png", bytes(1000))])))) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_pieces_come_as_files_are_packed() -> None:
    asked = []

    def files() -> Iterator[tuple[str, bytes]]:
        for number in range(3):
            asked.append(number)
            yield f"{number}.png", b"x"

    pieces = downloads.write(files())
    assert b"0.png" in next(pieces) and asked == [0]
    assert b"1.png" in next(pieces) and asked == [0, 1]


def test_memory_stays_flat_however_many_pictures_there_are() -> None:
    noise = np.random.default_rng(0).bytes(2**20)
    sent = 0
    tracemalloc.start()
    try:
        for piece in downloads.write((f"{number}.png", noise) for number in range(40)):
            sent += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent > 40 * 2**20
    assert peak < 6 * 2**20


def test_an_archive_without_files_is_one_all_the_same() -> None:
    with zipfile.ZipFile(io.BytesIO(b"".join(downloads.write([])))) as archive:
        assert archive.namelist() == []
