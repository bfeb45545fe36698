"""Hostile zips, sent to the form of many films; what each rule of unpacking refuses is tested beside its code."""

import io
import struct
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from tests.hostile.other_files import zipped

BOMB = bytes(60 * 2**20)


def overlapping(number: int = 500) -> bytes:
    """One packed file that stands in the directory many times (D. Fifield, 2019)."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        archive.writestr("0.png", bytes(2**20))
        only = archive.infolist()[0]
        for at in range(1, number):
            copy = ZipInfo(f"{at}.png")
            for field in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(copy, field, getattr(only, field))
            archive.filelist.append(copy)
    return stream.getvalue()


def claiming(size: int) -> bytes:
    """A zip whose directory says a smaller size than comes out."""
    data = bytearray(zipped(film=BOMB))
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, size)
    return bytes(data)


ARCHIVES = {
    "a bomb that says it is small": lambda film: claiming(1000),
    "one file five hundred times": lambda film: overlapping(),
    "names that lead out": lambda film: zipped(**{"../../x.png": film, "/etc/x.png": film, "C:\\x.png": film}),
    "a script for a name": lambda film: zipped(**{"<script>alert(1)</script>.png": b"x", "=1+1.png": b"x"}),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_zip_gets_rows_that_say_why(house, post, bounded, film, name):
    before, visitor = house.kept(), house.visitor()
    data, asked = ARCHIVES[name](film), {"model": "both", "function": "classify"}
    with bounded():
        answer = post(visitor, "/batch", data, b'filename="films.zip"', **asked)
    assert answer.status_code == 200 and "<script>alert" not in answer.text
    assert len(answer.data) < 2_000_000
    # Nothing in them is a film that may be read.
    assert house.kept() == before


def test_a_good_film_beside_a_bomb_is_read(house, post, film):
    before, visitor = house.kept(), house.visitor()
    asked = {"model": "both", "function": "classify"}
    answer = post(visitor, "/batch", zipped(bomb=BOMB, film=film), b'filename="films.zip"', **asked)
    assert "films.zip/film" in answer.text and len([each for each in house.kept() - before if "row " in each]) == 1
    visitor.post("/analyses/delete")
    assert house.kept() == before
