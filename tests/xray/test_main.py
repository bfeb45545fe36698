"""The command line: one row per radiograph and model, and one for both models together."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import cv2
import numpy as np
import pytest

from tests.hostile.other_files import zipped
from xray import opacity
from xray.__main__ import COLUMNS, main
from xray.analysis import Analyzer
from xray.combined import Combined, combine
from xray.finding import finding_of
from xray.quality.cautions import Caution
from xray.quality.out_of_distribution import Screen
from xray.registry import PROMISED, Registry

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., tuple[int, list[dict[str, str]]]]


@pytest.fixture(scope="module")
def analyzer(analyzer: Analyzer, make_screen: Callable[..., Screen]) -> Analyzer:
    """The served analyzer, with a screen that gives every radiograph two cautions."""
    served = analyzer.registry
    screen = make_screen(Caution.CHILD, Caution.UPSIDE_DOWN, channels=served.screen.kernel.shape[0])
    return Analyzer(Registry(served.segmenter, served.backbone, screen, served.heads))


@pytest.fixture
def run(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in an empty folder; return its status and its rows."""
    monkeypatch.setattr(Analyzer, "load", lambda **_: analyzer)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, list[dict[str, str]]]:
        status = main(arguments)
        return status, list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    return run


@pytest.fixture
def film(radiograph: Callable[..., np.ndarray]) -> bytes:
    """A radiograph as PNG."""
    return cv2.imencode(".png", radiograph())[1].tobytes()


def put(path: str, content: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


def test_a_model_of_several_classes_has_a_row_for_each(run: Run, film: bytes) -> None:
    put("a.png", film)
    put("b.png", b"no picture")
    status, rows = run("a.png", "b.png", "--model", "three_classes", "--annotated", "copies")
    assert status == 1
    names = [f"three_classes:{label}" for label in ("covid", "normal", "pneumonia")]
    assert [(row["file"], row["model"]) for row in rows] == [(file, n) for file in ("a.png", "b.png") for n in names]
    assert sum(float(row["score"]) for row in rows[:3]) == pytest.approx(1, abs=2e-4)
    assert [bool(row["error"]) for row in rows] == [False] * 3 + [True] * 3
    assert len(list(Path("copies").iterdir())) == 1


def test_a_row_and_a_copy_per_model_and_a_row_for_both(run: Run, film: bytes, analyzer: Analyzer) -> None:
    put("a.png", film)
    status, rows = run("a.png")
    assert status == 0
    assert [(row["file"], row["model"]) for row in rows] == [("a.png", name) for name in (*PROMISED, "combined")]
    assert run("a.png", "--model", "both", "--annotated", "copies") == (0, rows)
    assert {path.stem.rpartition("_Name_a_")[2] for path in Path("copies").iterdir()} == set(PROMISED)
    predictions = analyzer.analyse(film, PROMISED).predictions
    for row, said in zip(rows, (*predictions, combine(predictions)), strict=True):
        assert tuple(row) == COLUMNS and row["error"] == ""
        assert said and row["verdict"] == said.verdict
        assert row["score"] == f"{said.score:.4f}" and row["threshold"] == f"{said.threshold:.4f}"
        edges = [row["negative_below"], row["positive_from"]]
        assert edges == (
            [""] * 2 if isinstance(said, Combined) else [f"{e:.4f}" for e in (said.negative_below, said.positive_from)]
        )
        assert "child" in row["cautions"].split()
    assert [row["finding"] for row in rows] == [*(finding_of([said]) for said in predictions), finding_of(predictions)]
    assert rows[-1]["threshold"] == "0.5000"


def test_sideways_radiographs_are_rotated_on_request(run: Run, film: bytes) -> None:
    put("upright.png", film)
    put("lying.png", cv2.imencode(".png", np.rot90(cv2.imdecode(np.frombuffer(film, np.uint8), 0)))[1].tobytes())
    _, upright = run("upright.png")
    _, turned = run("lying.png", "--turn", "90")
    assert [row["score"] for row in turned] == [row["score"] for row in upright]
    assert run("lying.png")[0] == 1


def test_a_folder_is_searched_through_in_order(run: Run, film: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b/z.png", "b/a/y.JPG", "b/x.jfif", "b/.hidden.png", "b/.git/w.png", "b/__MACOSX/w.png", "a.png"):
        put(name, film)
    put("b/README", b"text")
    put("b/film.heic", b"\0\0\0\x18ftypheic")
    put("b/DICOMDIR", b"\0" * 128 + b"DICM")
    put("b/c.zip", zipped(**{"in/1.png": film, "letter.txt": b"Dear"}))
    put("b/1.2.840.113619", b"\0" * 128 + b"DICM and then nothing")
    status, rows = run("b/", "a.png", "--model", "covid_normal")
    found = ["b/1.2.840.113619", "b/a/y.JPG", "b/c.zip/in/1.png", "b/x.jfif", "b/z.png", "a.png"]
    assert [row["file"] for row in rows] == found
    assert status == 1 and [bool(row["error"]) for row in rows] == [True, False, False, False, False, False]
    assert {row["model"] for row in rows} == {"covid_normal"}
    assert main(["b", "--model", "covid_normal"]) == 1
    said = capsys.readouterr().err
    assert all(each in said for each in ("1 HEIC", "b/film.heic", "2 other", "b/README", "b/c.zip/letter.txt"))


@pytest.mark.parametrize("name", ["=1+1.png", "+1.png", "@x.png", " =1.png", "＝1.png"])
def test_no_cell_is_a_formula(run: Run, name: str) -> None:
    _, rows = run(name)
    assert {row["file"] for row in rows} == {f"./{name}"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "No such file"), (b"", ""), (b"plain text, given by name", "")],
    ids=["missing", "empty", "no picture"],
)
def test_a_failure_has_its_rows_and_the_run_goes_on(run, film, analyzer, content, complaint):
    if content is not None:
        put("bad.txt", content)
    put("good.png", film)
    status, rows = run("bad.txt", "good.png")
    names = [*PROMISED, "combined"]
    bad, good = rows[: len(names)], rows[len(names) :]
    assert status == 1
    assert [row["model"] for row in bad] == [row["model"] for row in good] == names
    assert all(complaint in row["error"] and row["error"] for row in bad)
    assert all(row["verdict"] == row["score"] == row["threshold"] == row["cautions"] == "" for row in bad)
    assert all(row["verdict"] and not row["error"] for row in good)


def test_json_is_one_array_with_the_same_rows(run: Run, film: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    put("a.png", film)
    put("b.png", b"")
    _, table = run("a.png", "b.png")
    assert main(["a.png", "b.png", "--format", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [list(row) for row in rows] == [list(COLUMNS)] * len(table)
    for row, line in zip(rows, table, strict=True):
        assert row["file"] == line["file"] and row["verdict"] == (line["verdict"] or None)
        assert row["score"] == (float(line["score"]) if line["score"] else None)
        assert row["error"] == (line["error"] or None)
        assert row["cautions"] == line["cautions"].split()


def test_annotated_copies_never_overwrite_each_other(run: Run, film: bytes, analyzer: Analyzer) -> None:
    name = "фото é" + "x" * 200
    put(f"a/{name}.png", film)
    put(f"b/{name}.png", film)
    for _ in range(2):
        status, rows = run("a", "b", "--annotated", "out/copies", "--model", "covid_normal")
        assert status == 0
    copies = sorted(path.name for path in Path("out/copies").iterdir())
    percent = round(100 * float(rows[0]["score"]))
    base = f"{rows[0]['verdict']}_Prob_{percent}_Name_{name[:100]}_covid_normal"
    assert copies == sorted(f"{base}{end}.jpg" for end in ("", "_2", "_3", "_4"))
    assert all(cv2.imread(f"out/copies/{copy}") is not None for copy in copies)


def test_a_copy_that_cannot_be_saved_does_not_lose_the_verdict(run, film, monkeypatch):
    put("a.png", film)
    monkeypatch.setattr("xray.__main__._save", MagicMock(side_effect=OSError(28, "No space left on device")))
    status, rows = run("a.png", "--annotated", "out", "--model", "covid_normal")
    assert status == 1 and rows[0]["verdict"] and "No space left" in rows[0]["error"]


def test_opacity_maps_have_the_size_that_was_sent(run, analyzer, monkeypatch, make_opacity_map, radiograph, capsys):
    """The map takes each place for opaque to 88 %; what stands in the rows is empty where there is none."""
    put("a/film.png", cv2.imencode(".png", radiograph(1300, 1200))[1].tobytes())
    put("b/film.png", b"no picture")
    _, rows = run("a")
    assert all(row[name] == "" for row in rows for name in opacity.COLUMNS)
    mapped = Analyzer(replace(analyzer.registry, opacity=make_opacity_map()))
    monkeypatch.setattr(Analyzer, "load", lambda **_: mapped)
    for names in (["Opacity_Name_film.png"], ["Opacity_Name_film.png", "Opacity_Name_film_2.png"]):
        _, rows = run("a", "b", "--opacity-maps", "maps")
        assert sorted(path.name for path in Path("maps").iterdir()) == names
    measured = [[row[name] for name in opacity.COLUMNS] for row in rows]
    assert measured == [["100.0", "100.0", "7.05"]] * 3 + [[""] * 3] * 3
    assert main(["a", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["extent_score"] == 7.05
    shown = cv2.imread("maps/Opacity_Name_film.png", cv2.IMREAD_UNCHANGED)
    assert shown.shape == (1300, 1200) and shown.dtype == np.uint8 and set(np.unique(shown)) == {0, 225}
    assert shown[650, 350] == shown[650, 850] == 225 and shown[50, 600] == 0
    Path("a_file").touch()
    with pytest.raises(SystemExit):
        run("a", "--opacity-maps", "a_file")


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.png", "--model", "flu"], ["a.png", "--format", "xml"], ["a.png", "--opacity-maps", "maps"]],
    ids=["nothing", "no such model", "no such format", "no opacity map"],
)
def test_wrong_usage(run: Run, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error_message(film: bytes, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(film)
    command = [sys.executable, "-m", "xray", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == ",".join(COLUMNS).encode() + b"\n"
        process.stdout.close()
        complaints = process.stderr.read().decode()
    assert process.returncode == 1 and "Error" not in complaints
