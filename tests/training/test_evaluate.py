"""The report of a run: the right numbers, nothing made up, and a baseline that truly sees no lung."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from training import evaluate, manifest
from training.metrics import OperatingPoint, roc_auc
from xray.errors import DatasetError, ModelError
from xray.metadata import Band

POINT = OperatingPoint(threshold=0.5, low=0.4, high=0.6)
# path, source, patient, view, label, split, upstream split, score
PREDICTIONS = [
    ("c1", "cohen", "p1", "PA", "covid", "test", "", 0.9),
    ("c2", "cohen", "p1", "AP", "covid", "test", "", 0.55),
    ("c3", "cohen", "p2", "PA", "covid", "test", "", 0.1),
    ("c4", "cohen", "p3", "PA", "normal", "test", "", 0.3),
    ("c5", "cohen", "p4", "AP", "normal", "test", "", 0.7),
    ("r1", "radiography-covid", "p5", "", "covid", "test", "", 0.8),
    ("k1", "kermany", "p6", "AP", "normal", "test", "test", 0.45),
    ("k2", "kermany", "p7", "AP", "normal", "test", "test", 0.05),
    ("k3", "kermany", "p8", "AP", "normal", "test", "train", 0.65),
    ("v1", "cohen", "p9", "PA", "covid", "val", "", 0.01),
    ("h1", "cohen", "p10", "PA", "covid", "held_out", "", 0.95),
    ("h2", "kermany", "p11", "AP", "normal", "held_out", "train", 0.5),
    ("h3", "kermany", "p12", "AP", "normal", "held_out", "train", 0.2),
]


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "REPEATS", 100)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "covid_normal", "0" * 64)


def write_run(folder: Path, manifest_sha256: str, predictions: list[Any] = PREDICTIONS) -> Path:
    folder.mkdir()
    config = {"name": "covid_normal", "title": "Model 1", "negative": "normal", "positive": "covid"}
    facts = {"config": config, "manifest_sha256": manifest_sha256, "commit": "abc"}
    (folder / "config.json").write_text(json.dumps(facts))
    (folder / "operating_point.json").write_text(json.dumps(POINT.__dict__))
    (folder / "history.csv").write_text("epoch,loss,val_loss,val_roc_auc\n1,0.5,0.6,0.7\n2,0.4,0.5,0.8\n")
    with (folder / "predictions.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(evaluate.COLUMNS)
        for path, source, patient, view, label, split, upstream, score in predictions:
            known = (f"{path}.png", path, source, patient, patient, view, label, split, upstream)
            writer.writerow([*known, int(label == "covid"), score])
    return folder


def report_of(folder: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    return json.loads((folder / "report.json").read_text(), parse_constant=refuse)


def without_baselines(folder: Path) -> int:
    return evaluate.main([str(folder), "--no-baselines", "--manifest", str(folder / "none.csv")])


def test_figures_of_the_test_part(run_folder: Path) -> None:
    assert without_baselines(run_folder) == 0
    test = report_of(run_folder)["test"]
    everything = test["all"]
    assert (everything["n"], everything["patients"]) == (9, 8)
    assert (everything["positives"], everything["negatives"]) == (4, 5)
    assert everything["confusion"] == {
        "true_negative": 3, "false_positive": 2, "false_negative": 1, "true_positive": 3,
    }  # fmt: skip
    # Of the 20 pairs the missed 0.1 outscores only 0.05, and 0.55 loses to 0.65 and 0.7.
    assert everything["roc_auc"]["value"] == pytest.approx((5 + 3 + 1 + 5) / 20)
    assert everything["sensitivity"]["value"] == pytest.approx(3 / 4)
    assert everything["specificity"]["value"] == pytest.approx(3 / 5)
    for name in ("roc_auc", "sensitivity", "specificity"):
        assert 0 <= everything[name]["low"] < everything[name]["value"] < everything[name]["high"] <= 1
    assert {name: row["n"] for name, row in test["views"].items()} == {"PA": 3, "AP": 5, "not stated": 1}
    assert test["children"]["n"] == 2


def test_a_source_with_one_class_gets_no_auc(run_folder: Path) -> None:
    without_baselines(run_folder)
    sources = report_of(run_folder)["test"]["sources"]
    assert sources["cohen"]["roc_auc"]["value"] == pytest.approx(3 / 6)
    assert sources["kermany"]["roc_auc"] is sources["kermany"]["sensitivity"] is None
    assert sources["kermany"]["specificity"]["value"] == pytest.approx(2 / 3)
    alone = sources["radiography-covid"]
    assert alone["roc_auc"] is alone["specificity"] is None
    # One patient, always found: by Wilson's formula at least 1 / (1 + 1.96²) of such patients are.
    assert alone["sensitivity"]["value"] == 1
    assert alone["sensitivity"]["low"] == pytest.approx(1 / (1 + 1.959964**2))


def test_verdicts_by_class_and_source(run_folder: Path) -> None:
    without_baselines(run_folder)
    report = report_of(run_folder)
    cells = {(row["label"], row["source"]): row for row in report["called_positive"]}
    assert cells["normal", "kermany"]["called_positive"]["value"] == pytest.approx(1 / 3)
    given = [cells["covid", "cohen"][name] for name in ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")]
    assert given == [1, 1, 1]
    held_out = {row["label"]: row for row in report["held_out"]}
    assert (held_out["covid"]["n"], held_out["covid"]["POSITIVE"]) == (1, 1)
    normal = [held_out["normal"][name] for name in ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")]
    assert normal == [0, 1, 1]


def test_verdicts_are_those_of_the_rounded_score_that_is_served() -> None:
    part = pd.DataFrame({"y_score": [0.59996, 0.39994]})
    assert evaluate.verdicts(part, POINT) == {"POSITIVE": 1, "INCONCLUSIVE": 0, "NEGATIVE": 1}


def test_the_report_for_people(run_folder: Path) -> None:
    without_baselines(run_folder)
    report, text = report_of(run_folder), (run_folder / "report.md").read_text()
    assert report["confounding"] in text
    assert "2 of the 3 sources hold one class only (kermany, radiography-covid)" in report["confounding"]
    assert "cohen (3 COVID-19, 2 normal, 4 patients)" in report["confounding"]
    assert "| source kermany | 3 (3) | 0 | 3 | – | – | 0.667 [" in text
    linked = [line.split("(")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")]
    assert len(linked) == 4
    assert all((run_folder / name).is_file() for name in linked)


def test_a_class_never_called_has_no_precision(tmp_path: Path) -> None:
    low = [(*row[:-1], row[-1] / 10) for row in PREDICTIONS]
    folder = write_run(tmp_path / "covid_normal", "0" * 64, low)
    assert without_baselines(folder) == 0
    report = report_of(folder)
    assert report["classification_report"]["covid"]["precision"] is None
    assert report["test"]["all"]["sensitivity"]["value"] == 0


def test_a_perfect_auc_claims_no_interval(tmp_path: Path) -> None:
    perfect = [(*row[:-1], 0.9 if row[4] == "covid" else 0.1) for row in PREDICTIONS]
    folder = write_run(tmp_path / "covid_normal", "0" * 64, perfect)
    without_baselines(folder)
    assert report_of(folder)["test"]["all"]["roc_auc"] == {"value": 1, "low": None, "high": None}
    assert "1.000 [no interval]" in (folder / "report.md").read_text()


@pytest.mark.parametrize("spoil", ["no folder", "no predictions", "another column", "no test part"])
def test_an_unfinished_run_is_refused(
    run_folder: Path,
    spoil: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
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


def film(border: int, lung: int) -> NDArray[np.uint8]:
    """Draw a picture with two rectangular lungs in its centre."""
    picture = np.full((96, 120), border, np.uint8)
    picture[LUNGS] = lung
    return picture


LUNGS = np.zeros((96, 120), bool)
LUNGS[26:70, 30:52] = LUNGS[26:70, 66:90] = True


def test_what_changes_inside_the_lungs_is_not_seen() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, LUNGS.shape, dtype=np.uint8)
    changed = np.where(LUNGS, rng.integers(0, 256, LUNGS.shape, dtype=np.uint8), noise)
    seen = evaluate.without_lungs(noise, LUNGS)
    np.testing.assert_array_equal(seen, evaluate.without_lungs(changed, LUNGS))
    changed[:4] = 255 - changed[:4]
    differs = seen != evaluate.without_lungs(changed, LUNGS)
    assert differs.any(axis=(1, 2)).all()


def test_where_no_lung_is_found_the_centre_is_erased() -> None:
    erased, border = evaluate.without_lungs(film(100, 200), np.zeros_like(LUNGS))
    np.testing.assert_array_equal(erased, border)


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Sixty films whose border, but not whose lungs, tells the class; a manifest; and a lung network."""
    rows, rng = [], np.random.default_rng(0)
    for number in range(60):
        label = ("normal", "covid")[number % 2]
        picture = film(90 + 60 * (label == "covid"), 200) + rng.integers(0, 20, LUNGS.shape, dtype=np.uint8)
        cv2.imencode(".png", picture)[1].tofile(tmp_path / f"{number}.png")
        rows.append(manifest.Row(
            path=f"{number}.png", sha256=f"{number:064}", label=label, finding=label, source="cohen",
            patient_id=f"cohen-{number}", group=f"cohen-{number}", view="PA", sex="", age_years="",
            population="", upstream_split="", mask="", licence="",
            split=("train", "train", "val", "test")[number // 2 % 4],
            original_filename=f"{number}.png", width=120, height=96,
        ))  # fmt: skip
    table = tmp_path / "manifest.csv"
    manifest.write(rows, table, tmp_path)
    predictions = [
        (row.path[:-4], row.source, row.patient_id, row.view, row.label, row.split, "", rng.random())
        for row in rows if row.split != "train"
    ]  # fmt: skip
    folder = write_run(tmp_path / "covid_normal", hashlib.sha256(table.read_bytes()).hexdigest(), predictions)
    network = tmp_path / "network.tflite"
    network.write_bytes(b"weights")
    found = cv2.resize(LUNGS.astype(np.float32), (128, 128))[None, ..., None]
    monkeypatch.setattr(evaluate, "LUNG_NETWORK", network)
    monkeypatch.setattr(evaluate, "Network", lambda *_, **__: lambda _: found)
    return SimpleNamespace(folder=folder, manifest=table, pictures=tmp_path, cache=tmp_path / "cache")


def test_baselines_give_the_border_away_and_are_kept(trial: SimpleNamespace) -> None:
    found = evaluate.load(trial.folder)
    scored = evaluate.baselines(found, trial.manifest, trial.cache)
    report = evaluate.evaluate(found, scored)
    assert set(report["baselines"]) == {"lungs_erased", "border_only"}
    for table in report["baselines"].values():
        assert table["all"]["roc_auc"]["value"] == 1
        assert table["all"]["n"] == report["test"]["all"]["n"]
    assert report["confounding"].count("reaches ROC AUC 1.000") == 2
    for picture in trial.pictures.glob("*.png"):
        picture.unlink()
    again = evaluate.baselines(found, trial.manifest, trial.cache)
    assert all(again[name].equals(scored[name]) for name in scored)


def test_a_baseline_learns_from_the_train_rows_alone() -> None:
    rng = np.random.default_rng(1)
    splits = np.repeat(["train", "test"], 40)
    y_true = np.tile([0, 1], 40)
    rows = pd.DataFrame({"split": splits, "label": y_true.astype(str), "source": "cohen", "y_true": y_true})
    pictures = rng.integers(0, 200, (80, 6, 6), dtype=np.uint8)
    pictures[:, 0, 0] = 250 * y_true
    score = evaluate.baseline(pictures, rows)
    mislabelled = rows.assign(y_true=np.where(splits == "test", 1 - y_true, y_true))
    np.testing.assert_array_equal(score, evaluate.baseline(pictures, mislabelled))
    test = splits == "test"
    assert roc_auc(y_true[test], score[test]) > 0.9


def test_baselines_of_another_manifest_are_refused(trial: SimpleNamespace) -> None:
    rows = manifest.read(trial.manifest)
    manifest.write([replace(rows[0], sex="F"), *rows[1:]], trial.manifest, trial.pictures)
    with pytest.raises(DatasetError, match="trained on"):
        evaluate.baselines(evaluate.load(trial.folder), trial.manifest, trial.cache)


def test_the_grid_shows_the_worst_of_each_class_first(run_folder: Path) -> None:
    wrong = evaluate.mistakes(evaluate.load(run_folder).test, POINT.threshold)
    assert list(wrong.sha256) == ["c3", "c5", "k3"]


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.5, True), (0.52, False), (None, False)], ids=["ours", "another's", "none"]
)
def test_heat_maps_come_from_this_run_or_not_at_all(
    run_folder: Path, threshold: float | None, expected: bool, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def registry() -> SimpleNamespace:
        if threshold is None:
            raise ModelError("model: nothing there")
        facts = SimpleNamespace(threshold=threshold, band=Band(POINT.low, POINT.high))
        return SimpleNamespace(heads={"covid_normal": SimpleNamespace(facts=facts)})

    monkeypatch.setattr(evaluate.Registry, "load", registry)
    assert (evaluate.analyzer(evaluate.load(run_folder)) is not None) is expected
    assert ("Heat maps skipped" in capsys.readouterr().out) is not expected


def test_the_whole_road(trial: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "analyzer", lambda _: None)
    monkeypatch.setattr(evaluate.baselines, "__defaults__", (trial.cache,))
    assert evaluate.main([str(trial.folder), "--manifest", str(trial.manifest)]) == 0
    text = (trial.folder / "report.md").read_text()
    assert "| whole picture, lungs erased | all | 14 (14) | 1.000 [no interval] |" in text
    assert "(mistakes.png)" in text
    assert cv2.imread(str(trial.folder / "mistakes.png")) is not None
