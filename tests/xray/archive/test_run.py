"""A run analyses what is missing and nothing else, and every file has its rows once, whatever came before."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from xray.analysis import Analyzer
from xray.archive import results, sources
from xray.archive.command import main
from xray.archive.local_engine import AHEAD, Local
from xray.archive.run import run
from xray.archive.worker import Task
from xray.combined import combine
from xray.finding import finding_of
from xray.opacity import COLUMNS

ROOT = Path(__file__).resolve().parents[3]
OF = {"covid_normal": "3.0.0", "covid_pneumo": "3.0.0", "combined": "3.0.0+3.0.0"}


def go(engine: Any, source: Path, destination: Path, of: dict[str, str] = OF, **options: Any) -> int:
    """Run once; return how many films have no verdict."""
    task = Task(tuple(of), "vgg16_cxr", **{key: options.pop(key) for key in ("masks", "heat_maps") if key in options})
    found, to = sources.find(str(source)), results.to(str(destination))
    return run(found, to, engine, task, of, io.StringIO(), **options)


def rows(destination: Path) -> list[dict[str, str]]:
    return [row._asdict() for row in results.to(str(destination)).rows()]


@pytest.fixture(params=["results.csv", "results"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "results":
        pytest.importorskip("pyarrow")
    return tmp_path / request.param


def test_each_film_has_a_row_of_each_model(engine: Any, films: Path, destination: Path) -> None:
    shutil.copy(films / "a.png", films / "again.png")
    assert go(engine, films, destination) == 0
    found = rows(destination)
    names = ("a.png", "again.png", "b.png", "deeper/c.png")
    assert Counter(row["path"] for row in found) == dict.fromkeys([str(films / name) for name in names], 3)
    assert len(engine.seen) == 3, "the same content is judged once"
    predictions = Analyzer.load().analyse((films / "a.png").read_bytes(), ["both"]).predictions
    together = combine(predictions)
    assert together
    expected = {each.model: (each.verdict, each.score, round(each.threshold, 4)) for each in predictions}
    expected["combined"] = together.verdict, together.score, 0.5
    for name in ("a.png", "again.png"):
        of_name = [row for row in found if row["path"] == str(films / name)]
        assert {row["model"]: (row["verdict"], row["score"], row["threshold"]) for row in of_name} == expected
        assert {row["model"]: row["finding"] for row in of_name}["combined"] == finding_of(predictions)
    assert {(row["model"], row["version"], row["backbone"]) for row in found} == {
        (model, version, "vgg16_cxr") for model, version in OF.items()
    }


def test_what_is_measured_on_the_opacity_map_stands_in_each_row(
    engine, films, destination, monkeypatch, make_opacity_map
):
    mapped = replace(engine.worker._analyzer.registry, opacity=make_opacity_map())
    monkeypatch.setattr(engine.worker, "_analyzer", Analyzer(mapped))
    (films / "torn.png").write_bytes((films / "a.png").read_bytes()[:500])
    assert go(engine, films, destination) == 1
    shutil.copy(films / "a.png", films / "again.png")
    assert go(engine, films, destination) == 1
    found = [(row["verdict"] != "", *(row[name] for name in COLUMNS)) for row in rows(destination)]
    assert Counter(found) == {(True, 100, 100, 7.05): 12, (False, None, None, None): 3}


@pytest.mark.parametrize(
    ("name", "number", "judged"),
    [("", 0, 0), ("d.png", 3, 1), ("a.png", 7, 1), ("later.png", 0, 0)],
    ids=["nothing", "a new film", "a changed film", "the same content by another name"],
)
def test_a_second_run_judges_new_content_alone(engine, films, destination, film, name, number, judged):
    go(engine, films, destination)
    before = rows(destination)
    engine.seen.clear()
    changed = [films / name] if name else []
    for path in changed:
        path.write_bytes(film(number))
    go(engine, films, destination)
    added = [row for row in rows(destination) if row not in before]
    assert len(rows(destination)) == len(before) + len(added)
    assert [row["path"] for row in added] == [str(path) for path in changed] * 3
    assert engine.seen == [str(path) for path in changed] * judged


@pytest.mark.parametrize(
    ("first", "second", "versions"),
    [
        (OF, {"covid_normal": "4.0.0"}, {"3.0.0": 6, "3.0.0+3.0.0": 3, "4.0.0": 3}),
        ({"covid_normal": "3.0.0"}, OF, {"3.0.0": 6, "3.0.0+3.0.0": 3}),
    ],
    ids=["another version stands beside the old", "both models after one"],
)
def test_other_models_add_what_is_missing(engine, films, destination, first, second, versions):
    go(engine, films, destination, first)
    go(engine, films, destination, second)
    assert len(engine.seen) == 6 and Counter(row["version"] for row in rows(destination)) == versions


def test_a_bad_film_is_a_row_with_its_error_and_is_not_tried_again(engine: Any, films: Path, destination: Path) -> None:
    (films / "bad.png").write_bytes(b"no picture")
    assert go(engine, films, destination) == 1
    assert go(engine, films, destination) == 1
    bad = [row for row in rows(destination) if row["path"] == str(films / "bad.png")]
    assert [row["model"] for row in bad] == [*OF] and all("Expected" in row["error"] for row in bad)
    assert engine.seen.count(str(films / "bad.png")) == 1 and len(rows(destination)) == 12


def test_a_film_that_cannot_be_read_is_tried_again(engine, tmp_path, destination, film):
    (tmp_path / "list.txt").write_text(f"{tmp_path}/late.png\n", encoding="utf-8")
    assert [go(engine, tmp_path / "list.txt", destination) for _ in range(2)] == [1, 1]
    assert [row["sha256"] for row in rows(destination)] == [""] * 3
    (tmp_path / "late.png").write_bytes(film(0))
    assert go(engine, tmp_path / "list.txt", destination) == 0
    assert Counter(bool(row["verdict"]) for row in rows(destination)) == {False: 3, True: 3}


@pytest.mark.parametrize("error", [MemoryError(), ZeroDivisionError("by\nnothing")])
def test_a_film_that_ends_in_an_unexpected_error_is_a_row_and_is_tried_again(
    engine, films, destination, error, monkeypatch
):
    shutil.copy(films / "a.png", films / "again.png")
    analyse, data = engine.worker._analyzer.analyse, (films / "a.png").read_bytes()

    def analysed(given: bytes, asked: list[str]) -> Any:
        if given == data:
            raise error
        return analyse(given, asked)

    with monkeypatch.context() as patch:
        patch.setattr(engine.worker._analyzer, "analyse", analysed)
        assert [go(engine, films, destination) for _ in range(2)] == [2, 2]
    bad = [row for row in rows(destination) if row["error"]]
    assert [Path(row["path"]).name for row in bad] == ["a.png"] * 3 + ["again.png"] * 3
    assert all(type(error).__name__ in row["error"] for row in bad) and len(rows(destination)) == 12
    assert go(engine, films, destination) == 0 and len(rows(destination)) == 18


def test_a_run_that_was_killed_is_taken_up(engine, films, destination, monkeypatch):
    judge = engine.outcomes

    def interrupted(*arguments: Any) -> Any:
        yield next(judge(*arguments))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "outcomes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            go(engine, films, destination)
    assert len(rows(destination)) == 3
    go(engine, films, destination)
    assert len(engine.seen) == 3
    assert len({(row["path"], row["model"]) for row in rows(destination)}) == len(rows(destination)) == 9


def test_a_run_that_is_told_to_end_writes_the_rows_in_hand(tmp_path: Path, film: Callable[[int], bytes]) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "films").mkdir()
    for number in range(1000):
        # What follows a PNG's end is not looked at, but makes it another content.
        (tmp_path / "films" / f"{number}.png").write_bytes(film(0) + number.to_bytes(2, "big"))
    command = [sys.executable, "-m", "xray", "archive", "films", "out", "--workers", "2", "--masks", "masks"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL) as process:
        while len(list(tmp_path.glob("masks/*/*.png"))) < 30:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130
    assert 30 - 2 * AHEAD <= len(rows(tmp_path / "out")) / 3 < 1000


@pytest.mark.parametrize("written", [["file/out.csv"], ["file/out"], ["out.csv", "--masks", "file/masks"]])
def test_what_cannot_be_written_is_said_before_a_film_is_read(written, films, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"where a folder would have to be")
    read: list[Any] = []
    monkeypatch.setattr(Local, "hashed", lambda self, addresses: iter(read.append(addresses) or ()))
    assert main([str(films), *written]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err and read == []


def test_names_that_are_trusted_are_not_read(engine: Any, films: Path, destination: Path) -> None:
    go(engine, films, destination)
    engine.read.clear()
    (films / "new.png").write_bytes((films / "a.png").read_bytes())
    go(engine, films, destination, trust_names=True)
    assert engine.read == [str(films / "new.png")] and len(rows(destination)) == 12


def test_masks_and_heat_maps_are_pictures_named_by_content(engine: Any, films: Path, tmp_path: Path) -> None:
    go(engine, films, tmp_path / "out.csv", masks=f"{tmp_path}/masks", heat_maps=f"{tmp_path}/heat")
    sha256 = next(row["sha256"] for row in rows(tmp_path / "out.csv") if row["path"].endswith("a.png"))
    mask = cv2.imread(str(tmp_path / "masks" / sha256[:2] / f"{sha256}.png"), cv2.IMREAD_GRAYSCALE)
    assert mask is not None and mask.shape == (256, 240) and set(mask.ravel()) == {0, 255}
    assert len(list((tmp_path / "masks").rglob("*"))) - len(list((tmp_path / "masks").iterdir())) == 3
    names = sorted(path.name for path in (tmp_path / "heat" / sha256[:2]).iterdir())
    assert f"{sha256}_covid_normal.jpg" in names and f"{sha256}_covid_pneumo.jpg" in names
