"""Files as the world has them: every kind is read as the film it is, or refused by its right name, at every door.

All are made here from one drawn film. Expected is the caution that a file is read with, "" for none, or words of its
refusal.
"""

import csv
import io
import re
import sys
from html import unescape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage

from tests.odd.cases import CASES, FILM
from tests.web.sending import posted
from training.data import layouts
from training.data.collection import Collection, Measure, measured
from web.factory import create_app
from xray import __main__ as command
from xray.analysis import Analyzer, Prepared, prepare
from xray.archive import sources
from xray.archive.worker import Task, Worker, hashed
from xray.errors import ImageError
from xray.quality.cautions import CAUTIONS, TILTED, Caution, of_image
from xray.registry import BACKBONE

Rows = list[dict[str, str]]
OTHER_PIXELS = ("tilt", "noise of 25", "padding -1", "padding 63536", "padding as text")


def opened(analyzer: Analyzer, data: bytes) -> Prepared:
    return prepare(data, analyzer.registry.segmenter, analyzer.registry.backbone.recipe, deep=True)


@pytest.mark.parametrize("name", CASES)
def test_every_kind_is_read_or_refused_by_its_name(analyzer: Analyzer, name: str) -> None:
    data, expected = CASES[name]
    try:
        found = opened(analyzer, data)
    except ImageError as refusal:
        assert expected and expected in str(refusal), str(refusal)
        return
    said = set(map(str, found.cautions))
    if expected in ("tilted", "noisy"):
        said = {expected} & set(map(str, of_image(found.image, found.lungs, inverted=False)))
    assert said == ({expected} if expected else set())
    if not name.startswith(OTHER_PIXELS):
        height, width = found.image.shape
        assert width / height == pytest.approx(FILM.shape[1] / FILM.shape[0], rel=0.03)
        like = cv2.resize(FILM, found.image.shape[::-1]).astype(float)
        assert np.corrcoef(like.ravel(), found.image.ravel())[0, 1] > 0.97


@pytest.fixture
def client(analyzer: Analyzer, tmp_path: Path) -> FlaskClient:
    """A browser of an application with the networks that are served."""
    settings = {"SECRET_KEY": "a key for tests only", "WTF_CSRF_ENABLED": False}
    folders = {"INSTANCE_DIR": str(tmp_path / "instance"), "ANALYSIS_DIR": str(tmp_path / "copies")}
    return create_app(settings | folders, registry=analyzer.registry).test_client()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Where a file may lie alone in a folder."""
    (tmp_path / "films").mkdir()
    return tmp_path / "films" / "film"


@pytest.fixture
def read_by_command(analyzer, monkeypatch, capsys):
    """Run the command line; return its rows, and leave its complaints to be read."""
    monkeypatch.setattr(Analyzer, "load", lambda **_: analyzer)

    def run(path: Path, *options: str) -> Rows:
        status = command.main([str(path), "--model", "covid_normal", *options])
        out, err = capsys.readouterr()
        sys.stderr.write(err)
        rows = list(csv.DictReader(io.StringIO(out)))
        assert status == int(any(row["error"] for row in rows))
        return rows

    return run


def sent(client: FlaskClient, address: str, data: bytes, **fields: str) -> Any:
    """Send a file to a page, or to the API."""
    asked = {"file": FileStorage(io.BytesIO(data), "film"), "model": "both", **fields}
    return posted(client, address, asked | ({"function": "classify"} if "batch" in address else {}))


@pytest.mark.parametrize(
    ("name", "asked", "said"),
    [
        ("two films, gutter 8 of 0", {"part": "right"}, "right_part"),
        ("tilt of 18", {"straighten": "1"}, "straightened"),
    ],
)
def test_a_part_is_read_and_a_tilt_straightened_where_it_is_asked_for(client, film, read_by_command, name, asked, said):
    film.write_bytes(CASES[name][0])
    offered = re.findall(r'data-field="part" value="(\w+)"', sent(client, "/query", film.read_bytes()).text)
    assert offered == (["left", "right"] if "part" in asked else [])
    answer = sent(client, "/api/v1/analyses", film.read_bytes(), **asked).json
    words = CAUTIONS[Caution(said)]
    assert words in [each["words"] for each in answer["cautions"]] and abs(answer["tilt"]) < TILTED
    assert words in unescape(sent(client, "/query", film.read_bytes(), **asked).text)
    options = [f"--{name}" if name == "straighten" else f"--{name}={value}" for name, value in asked.items()]
    assert said in read_by_command(film, *options)[0]["cautions"]


# One case of each kind that is read, and of each that is refused: after decoding, while decoding, and before.
AT_DOORS = (
    "center b'2048,00'", "window of 8 bits", "slope 0", "VOI table of zeros", "padding of all values",
    "marker of 12 pixels at 65535", "no preamble", "without all that can be inferred", "RGB of grey", "TIFF", "WebP",
    "PNG of alpha 0", "another picture beside the left part, gutter 8", "tilt of 18", "two films, gutter 8 of 0",
    "without Rows", "colours of a photograph", "JPEG-LS", "animated PNG", "tiny", "DICOMDIR", "HEIC", "text",
)  # fmt: skip
REFUSED = AT_DOORS[AT_DOORS.index("two films, gutter 8 of 0") :]


@pytest.mark.parametrize("name", AT_DOORS)
def test_every_door_says_the_same(client, film, read_by_command, name):
    data, expected = CASES[name]
    page, row, answer = (sent(client, address, data) for address in ("/query", "/batch/one", "/api/v1/analyses"))
    film.write_bytes(data)
    (line,) = read_by_command(film)
    (filed,) = Worker(Task(("covid_normal",), BACKBONE)).analyse(hashed(str(film))).results
    trained = measured(film)
    if name in REFUSED:
        assert (page.status_code, answer.status_code) == (answer.json["status"], page.status_code)
        for words in (unescape(page.text), row.json["error"], answer.json["detail"], line["error"], filed.error):
            assert expected in words
        assert expected in str(trained) or name.startswith("two films")
        return
    words = CAUTIONS[Caution(expected)] if expected else ""
    assert words in unescape(page.text) and words in unescape(row.json["row"])
    names = [each["name"] for each in answer.json["cautions"]]
    assert names == line["cautions"].split() == filed.cautions.split() and {expected} - {""} <= set(names)
    assert isinstance(trained, Measure)


def test_what_else_a_folder_holds_is_counted_but_what_is_hidden(analyzer, film, read_by_command, capsys, caplog):
    folder = film.parent / "chest_xray" / "train" / "NORMAL"
    folder.mkdir(parents=True)
    for number, name in enumerate(("TIFF", "JPEG in colour mode", "HEIC", "GIF", "text")):
        (folder / f"IM-000{number}").write_bytes(CASES[name][0])
    for hidden in ("._IM-0001", ".DS_Store"):
        (folder / hidden).write_bytes(CASES["TIFF"][0])
    rows = read_by_command(film.parent)
    assert [Path(row["file"]).name for row in rows] == ["IM-0000", "IM-0001"]
    assert "1 HEIC, 1 GIF, 1 other than pictures" in capsys.readouterr().err
    assert len(list(sources.find(str(film.parent)))) == 2 and "1 HEIC, 1 GIF" in caplog.text
    found = Collection(film.parent)
    layouts.collect(film.parent, found)
    assert len(found.rows) == 2
    assert {kind for *_, kind in found.left} == {"HEIC", "GIF", "other than pictures"}
