"""The step from a run to its report: finished runs only, no made-up numbers, nothing but JSON."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from training.data import manifest
from training.evaluate import baselines

pytest.importorskip("keras", reason="needs requirements-train.txt")
from training.evaluate.evaluate import evaluate
from training.report import mistakes

pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture
def run_folder(tmp_path: Path, predictions: pd.DataFrame) -> Path:
    return write_run(tmp_path / "covid_normal", predictions)


def write_run(folder: Path, predictions: pd.DataFrame, manifest_sha256: str = "0" * 64) -> Path:
    folder.mkdir()
    config = {"name": "covid_normal", "title": "Model 1", "negative": "normal", "positive": "covid"}
    facts = {"config": config, "manifest_sha256": manifest_sha256, "commit": "abc", "weights": "imagenet"}
    (folder / "config.json").write_text(json.dumps(facts))
    (folder / "operating_point.json").write_text(json.dumps({"threshold": 0.5, "low": 0.4, "high": 0.6}))
    (folder / "history.csv").write_text("epoch,loss,val_loss,val_roc_auc\n1,0.5,0.6,0.7\n2,0.4,0.5,0.8\n")
    predictions.to_csv(folder / "predictions.csv", columns=list(evaluate.COLUMNS), index=False)
    return folder


def without_baselines(folder: Path) -> int:
    return evaluate.main([str(folder), "--no-baselines", "--manifest", str(folder / "none.csv")])


def report_of(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    return json.loads((folder / "report.json").read_text(), parse_constant=refuse)


def test_the_report_is_of_the_test_part_and_the_held_out_pictures(run_folder: Path) -> None:
    assert without_baselines(run_folder) == 0
    report, text = report_of(run_folder), (run_folder / "report.md").read_text()
    assert (report["test"]["all"]["n"], report["test"]["all"]["patients"]) == (9, 8)
    assert {row["label"]: row["n"] for row in report["held_out"]} == {"covid": 1, "normal": 2}
    assert report["confounding"] in text
    linked = [line.split("(")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(linked) == 4
    assert all((run_folder / name).is_file() for name in linked)


def test_a_class_never_called_has_no_precision(tmp_path: Path, predictions: pd.DataFrame) -> None:
    folder = write_run(tmp_path / "covid_normal", predictions.assign(y_score=predictions.y_score / 10))
    assert without_baselines(folder) == 0
    report = report_of(folder)
    assert report["classification_report"]["covid"]["precision"] is None
    assert report["test"]["all"]["sensitivity"]["value"] == 0


@pytest.mark.parametrize("spoil", ["no folder", "no predictions", "another column", "no test part"])
def test_an_unfinished_run_is_refused(run_folder: Path, spoil: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = run_folder / "predictions.csv"
    if spoil == "no folder":
        run_folder = run_folder / "elsewhere"
    elif spoil == "no predictions":
        table.unlink()
    else:
        old, new = ("group", "cluster") if spoil == "another column" else (",test,", ",train,")
        table.write_text(table.read_text().replace(old, new))
    assert without_baselines(run_folder) == 1
    assert str(run_folder) in capsys.readouterr().err


@pytest.fixture
def trial(telling_border: Path) -> Path:
    """A run on drawn films, with scores that are no better than chance."""
    rows = [row for row in manifest.read(telling_border) if row.split != "train"]
    table = pd.DataFrame([vars(row) for row in rows])
    scores = np.random.default_rng(0).random(len(rows))
    scored = table.assign(y_true=(table.label == "covid").astype(int), y_score=scores)
    sha256 = hashlib.sha256(telling_border.read_bytes()).hexdigest()
    return write_run(telling_border.parent / "covid_normal", scored, sha256)


def test_baselines_of_another_manifest_are_refused(
    trial: Path, telling_border: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = manifest.read(telling_border)
    manifest.write([replace(rows[0], sex="F"), *rows[1:]], telling_border, telling_border.parent)
    assert evaluate.main([str(trial), "--manifest", str(telling_border)]) == 1
    assert "trained on" in capsys.readouterr().err


def test_the_whole_road(trial: Path, telling_border: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mistakes, "Network", baselines.Network)
    assert evaluate.main([str(trial), "--manifest", str(telling_border)]) == 0
    report, text = report_of(trial), (trial / "report.md").read_text()
    assert set(report["baselines"]) == {"lungs_erased", "border_only"}
    assert report["confounding"].count("reaches ROC AUC 1.000") == 2
    assert "| whole picture, lungs erased | all | 14 (14) | 1.000 [no interval] |" in text
    assert "(mistakes.png)" in text
    assert cv2.imread(str(trial / "mistakes.png")) is not None
