"""The audit on drawn features and drawn networks: its figures are those of the radiographs named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.evaluate import audit, heat_maps, readings
from training.evaluate.heat_maps import SHOWN
from training.evaluate.leave_one_out import Radiographs
from training.report import card, pages
from xray.combined import MODELS

MakeRun = Callable[[str], Path]


def looks(radiographs: Radiographs, heads: list[str]) -> dict[str, Callable[..., pd.DataFrame]]:
    """Make up what is measured on images."""
    test = [row for row in radiographs.rows if row.split == "test"][:60]

    def erased(*_: object) -> pd.DataFrame:
        rng = np.random.default_rng(0)
        rows = [heat_maps.about(row) | {"erasure": e, "head": h, "y_score": rng.random()} for row in test
                for e in SHOWN for h in heads]  # fmt: skip
        return pd.DataFrame(rows)

    def heat(*_: object) -> pd.DataFrame:
        rows = [heat_maps.about(row) | {"head": h, "verdict": "POSITIVE", "in_lungs": 0.6, "area": 0.5} for row in test
                for h in heads]  # fmt: skip
        return pd.DataFrame(rows)

    moved = {"n": 3, "refused": 0.0, "shift_median": 0.01, "shift_p95": 0.1, "verdict_changed": np.nan}
    return {
        "erased_scores": erased,
        "heat_in_lungs": heat,
        "robustness": lambda *_: pd.DataFrame([{"change": "jpeg_30", "head": h, **moved} for h in heads]),
        "sanity": lambda *_: pd.DataFrame(
            [{"head": h, "other": "random_weights", "n": 3, "correlation": 0.1} for h in heads]
        ),
    }


@pytest.fixture(scope="module")
def audited(radiographs, make_run, report, drawn):
    """An audit of models 1, 2 and 4 whose looks at images are made up."""
    names = [*MODELS, "findings"]
    for name in names:
        report(name)
    with drawn(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "root", lambda manifest: manifest.parent)
        for name, look in looks(radiographs, names).items():
            patch.setattr(heat_maps, name, look)
        return audit.audit([audit.load(make_run(name)) for name in names], Path("data/manifest.csv"))


def test_findings_are_counted_as_serving_gives_them(radiographs: Radiographs, audited: Any, make_run: MakeRun) -> None:
    rows = audited[0]["models"]["covid_pneumo"]["answers"]
    row = next(row for row in rows if (row["shown"], row["source"]) == ("covid-19", "cohen"))
    above = []
    for name in MODELS:
        table = pd.read_csv(make_run(name) / "predictions.csv")
        test = table[(table.split == "test") & (table.label == "covid") & (table.source == "cohen")]
        point = json.loads((make_run(name) / "head.json").read_text())["points"][1]
        above.append((test.score_covid.round(4) >= point["positive_from"]).to_numpy())
    assert row["n"] == len(test) == sum(row["got"]["combined"].values())
    assert row["got"]["covid_normal"].get("abnormal", 0) == above[0].sum()
    assert row["got"]["covid_pneumo"].get("covid-19", 0) == above[1].sum()
    assert row["got"]["combined"].get("covid-19", 0) == (above[0] & above[1]).sum()
    assert {row["shown"] for row in rows} == {"covid-19", "other-pneumonia", "normal"}, "model 1 saw pneumonias too"


def test_readings_that_are_not_taught_and_repeated_radiographs_have_their_scores(
    radiographs: Radiographs, audited: Any, make_run: MakeRun
) -> None:
    report = audited[0]
    table = pd.read_csv(make_run("covid_normal") / "predictions.csv")
    (row,) = (row for row in report["readings"] if row["label"] == "indeterminate")
    test = [place for place, each in enumerate(radiographs.rows) if (each.split, each.label) == ("test", row["label"])]
    assert (row["source"], row["n"]) == ("siim", len(test))
    medians = {each["label"]: each["median"]["covid_normal"] for each in report["readings"]}
    assert medians["normal"] < medians["indeterminate"] and medians["normal"] < medians["covid"]
    siim = table[(table.split == "test") & (table.source == "siim") & (table.label == "normal")]
    assert medians["normal"] == pytest.approx(siim.score_covid.median(), abs=1e-4)
    assert report["repeated"] == {}, "each of these has a study of its own"
    scored = {name: audit._audited(audit.load(make_run(name)), radiographs, "vgg16_cxr").scored for name in MODELS}
    studies = radiographs.table.assign(patient_id=["study" if i in test[:3] else str(i) for i in range(1800)])
    found = readings.repeated({name: replace(each, table=studies) for name, each in scored.items()})
    scores = scored["covid_normal"].scores[test[:3], 1]
    assert found["studies"] == 1
    assert found["difference"]["covid_normal"]["median"] == pytest.approx(scores.max() - scores.min())


def test_each_head_has_its_own_audit(radiographs: Radiographs, audited: Any) -> None:
    models = audited[0]["models"]
    assert models["covid_normal"]["contrast"] == "covid or pneumonia against normal"
    assert models["covid_pneumo"]["contrast"] == "covid against pneumonia or atypical"
    for model in models.values():
        assert model["calibration"]["reliability"] and model["cross_validation"]["cohen"]["roc_auc"]
        assert {row["erasure"] for row in model["erased"]} == set(SHOWN)
    assert models["findings"]["together"] == [] and models["covid_pneumo"]["together"]
    assert {row["left_out"] for row in models["covid_normal"]["left_out"]} == {row.source for row in radiographs.rows}


def test_the_page_and_the_card_hold_the_tables(audited: Any, report: Any) -> None:
    page = pages.audit_page(*audited)
    for words in (
        "Leave one source out",
        "lungs erased",
        "jpeg 30",
        "Rank correlation",
        "Both models together",
        "By source, in test radiographs",
        "Median score of test radiographs by reading",
    ):
        assert words in page
    assert page.count("data:image/png;base64") == 2
    facts = report("covid_pneumo") | {
        "kind": "head", "name": "covid_pneumo", "version": "1.0.0", "licence": "MIT", "parity": {}, "training": {},
    }  # fmt: skip
    facts["metrics"] = facts["metrics"] | {"audit": audited[0]["models"]["covid_pneumo"]}
    text = card.card(facts)
    assert "Inside one source: covid against pneumonia or atypical" in text and "Model 1" not in text
    assert "| covid, cohen |" in text and "| 50% |" in text
