"""What may be sent at once: zips, folders, files that are no films, and 48 real ones."""

import re
import zipfile

import numpy as np
import pytest

from tests.browser.batch_page import SAID, finish, locked, names, packed, png, start, write

pytestmark = pytest.mark.browser


def test_zips_give_the_same_rows_with_script_and_without(visit, radiograph, tmp_path):
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    damaged = bytearray(packed(("a.png", b"x" * 1000 + bytes(range(256)))))
    damaged[60:80] = b"\xff" * 20
    files = write(
        tmp_path,
        films__zip=packed(
            ("ward/a.png", png(radiograph(seed=1))), ("ward/", b""), ("__MACOSX/ward/._a.png", b"x"), (".hidden", b"x"),
            ("../out.png", b"x"), (link, b"/etc/passwd"),
            ("bomb.png", bytes(5 * 2**20)), ("heavy.png", bytes(40 * 2**20)),
            ("inner.zip", packed(("a.png", b"x"))), ("letter.txt", b"Dear radiologist"), ("empty.png", b""),
        ),
        stored__zip=packed(("letter.txt", b"Dear radiologist"), method=zipfile.ZIP_STORED),
        method__zip=packed(("a.png", b"x" * 99), method=zipfile.ZIP_BZIP2),
        locked__zip=locked(packed(("a.png", b"x"))),
        cut__zip=packed(("a.png", bytes(range(256))))[:300],
        damaged__zip=bytes(damaged),
        full__zip=packed(*((f"{number}.png", b"x") for number in range(1001))),
        name__zip=packed(("x" * 12, b"x")).replace(b"x" * 12, "фото.t".encode().ljust(12, b"_")),
    )  # fmt: skip
    found = []
    for script in (True, False):
        page = visit(java_script_enabled=script)
        start(page, files, model="covid_normal")
        found.append(finish(page))
    with_script, without = found
    assert with_script == without
    words = {row[1]: row[2] for row in without}
    assert len(words) == 15 and re.match(SAID, words["films.zip/ward/a.png"])
    for name, expected in (
        ("films.zip/../out.png", "leads out"), ("films.zip/link.png", "a link"), ("films.zip/bomb.png", "100 times"),
        ("films.zip/heavy.png", "at most 32 MiB, received 40 MiB"), ("films.zip/inner.zip", "zip inside a zip"),
        ("method.zip/a.png", "packed in a way"), ("locked.zip/a.png", "password"), ("cut.zip", "truncated"),
        ("damaged.zip/a.png", "damaged inside the zip"), ("full.zip", "at most 1000 files"),
        ("stored.zip/letter.txt", "begins like none"), ("films.zip/empty.png", "0 bytes"),
    ):  # fmt: skip
        assert expected in words[name]


def test_a_zip_larger_than_one_request_is_sent_picture_by_picture(visit, radiograph, tmp_path):
    noise = np.random.default_rng(0).bytes(20 * 2**20)
    members = [("a.png", png(radiograph(seed=1))), ("b.dat", noise), ("c.dat", noise[::-1])]
    (path,) = write(tmp_path, large__zip=packed(*members, method=zipfile.ZIP_STORED))
    page = visit()
    start(page, path, model="covid_normal")
    rows = finish(page)
    assert [row[1] for row in rows] == ["large.zip/a.png", "large.zip/b.dat", "large.zip/c.dat"]
    assert re.match(SAID, rows[0][2]) and "begins like none" in rows[1][2]


def test_a_folder_keeps_its_paths_and_loses_what_systems_leave_there(visit, tmp_path):
    folder = tmp_path / "ward"
    write(folder, letter__txt=b"Dear radiologist")
    write(folder / "covid", letter__txt=b"Dear radiologist", __DS_Store=b"x")
    page = visit()
    start(page, folder, label="Or a folder")
    finish(page)
    assert sorted(names(page)) == ["ward/covid/letter.txt", "ward/letter.txt"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"__DS_Store": b"x"}, "no file in what you chose"),
        ({f"{n}__txt": b"" for n in range(1001)}, "at most 1000 files"),
    ],
    ids=["nothing", "too many"],
)
def test_what_cannot_be_started_is_said_on_the_form(visit, tmp_path, files, words):
    page = visit()
    start(page, write(tmp_path / "ward", **files))
    page.get_by_role("alert").filter(has_text=words).wait_for()
    assert page.get_by_role("button", name="Start").is_enabled()
