"""The audit on drawn features: its figures are those of the films named, and every table and target shows them."""

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("keras", reason="needs requirements-train.txt")
from training.data.manifest import Row  # noqa: E402
from training.evaluate import audit, audit_models, targets
from training.evaluate.audit_models import MODELS  # noqa: E402
from training.evaluate.leave_one_out import Films  # noqa: E402
from training.report import audit_page, audit_tables, card
from xray.errors import DatasetError  # noqa: E402

ROW = Row("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", 0, 0)
LABELS = {
    "nih": ("normal", "pneumonia"),
    "kermany": ("normal", "pneumonia"),
    "cohen": ("normal", "covid", "pneumonia"),
    "radiography-covid": ("covid",),
    "radiography-rsna": ("normal",),
}


@pytest.fixture(scope="module")
def films() -> Films:
    """1,500 films; the first feature tells abnormal from normal, the second COVID from other pneumonia."""
    rng = np.random.default_rng(0)
    rows, inputs = [], []
    for number in range(1500):
        source = list(LABELS)[number % 5]
        label = LABELS[source][number // 5 % len(LABELS[source])]
        split = ("train", "train", "val", "test")[rng.integers(4)]
        name = f"{source}-{number}"
        rows.append(dataclasses.replace(
            ROW, path=name, source=source, label=label, split=split, group=name, patient_id=name, view="PA",
            sex="F", age_years="50", upstream_split="test" if source == "kermany" else "",
        ))  # fmt: skip
        inputs.append([(label != "normal") + rng.normal(0, 0.4), (label == "covid") + rng.normal(0, 0.4)])
    return Films(rows, np.array(inputs, np.float32)[:, None])


@pytest.fixture(scope="module")
def report(films: Films) -> dict[str, Any]:
    """An audit whose looks at pictures are made up, and whose figures from features are real."""
    patch = pytest.MonkeyPatch()
    patch.setattr("training.metrics.figures.REPEATS", 50)
    models = audit_models.audited(films)
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    found: dict[str, Any] = {
        "models": {name: audit_models.judged(films, model) for name, model in models.items()},
        "together": audit_models.together(films, models),
        "without_nih": audit_models.without_nih(films, models),
        "probe": {"features of the backbone": 0.4},
        "erased": [
            {"model": name, "erasure": erasure, "n": 9, "roc_auc": figure, "inside": {"cohen": 0.5}}
            for name in MODELS
            for erasure in audit_tables.SHOWN
        ],
        "heat": [
            {"head": n, "label": "covid", "source": "cohen", "n": 3, "in_lungs": 0.6, "area": 0.5} for n in MODELS
        ],
        "robustness": [
            {"head": n, "change": "jpeg_30", "n": 3, "refused": 0.0, "shift_median": 0.01, "shift_p95": 0.1,
             "verdict_changed": None} for n in MODELS
        ],
        "sanity": [{"head": n, "other": "random_weights", "n": 3, "correlation": 0.1} for n in MODELS],
    }  # fmt: skip
    found["targets"] = targets.reached(found)
    patch.undo()
    return found


def test_the_counts_are_of_the_films_named(films: Films, report: dict[str, Any]) -> None:
    models = audit_models.audited(films)
    above = {
        name: 1 / (1 + np.exp(-model.head.logits(films.inputs))) >= model.point.threshold
        for name, model in models.items()
    }
    test = [i for i, row in enumerate(films.rows) if (row.split, row.label, row.source) == ("test", "covid", "cohen")]
    row = next(row for row in report["together"] if row["films"] == "covid, cohen")
    assert row["n"] == len(test)
    assert row["called"]["covid_normal"] == above["covid_normal"][test].sum()
    assert row["called"]["both"] == (above["covid_normal"] & above["covid_pneumo"])[test].sum()


def test_heads_judged_on_nih_have_not_seen_it(films: Films, report: dict[str, Any]) -> None:
    spoiled = films.inputs.copy()
    nih = np.array([row.source == "nih" for row in films.rows])
    spoiled[nih] = np.random.default_rng(1).normal(size=(nih.sum(), 1, 2))
    models = audit_models.audited(films)
    again = audit_models.without_nih(Films(films.rows, spoiled), models)
    for name in MODELS:
        assert again[name]["threshold"] == report["without_nih"][name]["threshold"]
        assert again[name]["cohen COVID found"] == report["without_nih"][name]["cohen COVID found"]


def test_every_target_is_said_with_what_was_reached(report: dict[str, Any]) -> None:
    rows = {row["figure"]: row for row in report["targets"]}
    called = next(row for row in report["together"] if row["films"].startswith("normal, the children"))
    row = rows["children, model 1: normals called COVID"]
    positive = called["positive"]["covid_normal"]
    assert row["reached"] == f"{called['called']['covid_normal']} of {called['n']} ({positive} POSITIVE)"
    assert 0 <= positive <= called["called"]["covid_normal"]
    assert row["met"] is (called["called"]["covid_normal"] <= 5)
    assert rows["AUC of covid_normal with the lungs erased"]["met"] is True
    assert {"model 1, nih left out, AUC", "model 1, cohen left out, AUC"} <= rows.keys()


def test_the_page_holds_every_table_and_plot(report: dict[str, Any], tmp_path: Path) -> None:
    erasures = pd.DataFrame(
        [(n, "covid", e, 1, 0.4) for n in MODELS for e in audit_tables.SHOWN],
        columns=["head", "label", "erasure", "y_true", "y_score"],
    )
    page = audit_page.render(report, erasures, tmp_path)
    for words in ("Leave one source out", "Targets", "lungs erased", "jpeg 30", "Rank correlation", "prevalence"):
        assert words in page
    assert page.count("data:image/png;base64") == 2
    assert cv2.imread(str(tmp_path / "left_out.png")) is not None


def test_the_card_shows_the_audit_of_its_own_model(report: dict[str, Any]) -> None:
    own = {"name": "covid_pneumo", "model": report["models"]["covid_pneumo"], "together": report["together"]}
    own |= {"erased": report["erased"], "heat": report["heat"], "robustness": report["robustness"]}
    text = "\n".join(card._audit(own))
    assert "Inside one source: covid against pneumonia" in text and "abnormal" not in text
    assert "| covid, cohen |" in text and "| 50% |" in text
    assert card._audit(None) == []


def test_networks_look_at_each_class_and_source(films: Films) -> None:
    rows = audit.sample(films.rows)
    assert {(row.label, row.source) for row in rows} == {(label, s) for s, found in LABELS.items() for label in found}
    assert all(row.split == "test" for row in rows)


def test_an_export_needs_an_audit_of_the_same_data(tmp_path: Path) -> None:
    from training.export import _audited

    with pytest.raises(DatasetError, match=r"training\.audit"):
        _audited("covid_normal", tmp_path / "report.json", "0" * 64)
    (tmp_path / "report.json").write_text('{"manifest_sha256": "1"}')
    with pytest.raises(DatasetError, match="another"):
        _audited("covid_normal", tmp_path / "report.json", "0" * 64)
    assert _audited("articles_covid_normal", tmp_path / "none.json", "0" * 64) == {}
