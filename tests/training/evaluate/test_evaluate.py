"""The evaluation of a head: every figure is of the radiographs it names, and no number is made up."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.training.evaluate.conftest import HEADS, config
from training.evaluate import evaluate
from training.evaluate.leave_one_out import Radiographs
from training.evaluate.scored import Scored
from training.report.tables import MeasuredHead
from training.steps import STEPS
from xray import head_figures
from xray.errors import DatasetError
from xray.head_figures import MEAN
from xray.networks.metadata import NO_POINT, OperatingPoint

MakeRun = Callable[[str], Path]


@pytest.mark.parametrize("name", HEADS)
def test_a_report_holds_what_cards_and_pages_show(name: str, report: Any, make_run: MakeRun) -> None:
    found = report(name)
    facts = MeasuredHead.of(found)
    labels = head_figures.measured_labels(facts)
    assert set(labels) - {MEAN} == ({"covid"} if head_figures.is_pair(facts) else set(config(name).names))
    for label in labels:
        kinds = {part.kind for part in head_figures.parts(facts, label, "all", "sources", "views", "baselines")}
        assert kinds == {"all", "sources", "views", "baselines"}
    assert json.loads((make_run(name) / "report.json").read_text()) == found
    assert "NaN" not in (make_run(name) / "report.json").read_text()
    text = evaluate.page(evaluate.load(make_run(name)), found, None)
    for words in ("Another hospital", "Inside one source", "border of the image", "Verdicts for COVID-19"):
        assert words in text
    assert text.count("data:image/png;base64") >= 2


def test_figures_are_of_the_test_split_and_of_each_source(report: Any, radiographs: Radiographs) -> None:
    test = report("covid_normal")["metrics"]["test"]["covid"]
    shown = [row for row in radiographs.rows if row.split == "test" and row.label in ("covid", "normal")]
    assert (test["all"]["n"], test["all"]["positives"]) == (len(shown), sum(row.label == "covid" for row in shown))
    assert test["sources"].keys() == {row.source for row in shown}
    assert test["sources"]["kermany"]["roc_auc"] is None and test["sources"]["cohen"]["roc_auc"]
    assert test["children"]["n"] == test["sources"]["kermany"]["n"]


@pytest.mark.parametrize(("point", "found"), [(OperatingPoint(0.5, 0.4, 0.6), [1, 1, 1]), (NO_POINT, [0, 3, 0])])
def test_verdicts_of_several_findings_are_those_of_serving(point: OperatingPoint, found: list[int]) -> None:
    truth, scores = np.array([[1], [1], [0]]), np.array([[0.99999], [0.5], [0.1]])
    counted = Scored(("nodule",), (point,), False, "nodule", pd.DataFrame(index=range(3)), truth, scores)
    verdicts = counted.verdicts("nodule")
    assert [sum(verdicts[name].values()) for name in ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")] == found


def test_a_source_left_out_is_judged_on_radiographs_that_nothing_was_chosen_on(report, radiographs):
    """A backbone without kermany is there: its train split is new too. Points are chosen on validation radiographs."""
    metrics = report("covid_normal")["metrics"]
    of = {name: [row.split for row in radiographs.rows if row.source == name] for name in ("kermany", "nih")}
    assert metrics["left_out"]["kermany"]["covid"]["n"] == len(of["kermany"]) - of["kermany"].count("val")
    assert metrics["left_out"]["nih"]["covid"]["n"] == of["nih"].count("test"), "pneumonia too: it is taught with it"
    views = metrics["left_out_views"]
    assert views["nih, AP"]["covid"]["n"] + views["nih, PA"]["covid"]["n"] == of["nih"].count("test")
    assert metrics["inside"].keys() == {"siim", "kermany", "cohen"}
    assert report("three_classes")["metrics"]["inside"]["kermany"].keys() == {"covid", "normal", "pneumonia", MEAN}


def test_baselines_stand_beside_the_same_radiographs(report: Any) -> None:
    for name in HEADS:
        metrics = report(name)["metrics"]
        for labels in metrics["baselines"].values():
            for label, part in labels.items():
                assert part["all"]["n"] == metrics["test"][label]["all"]["n"]
    words = report("covid_normal")["metrics"]["confounding"]
    assert "4 of the 6 sources hold one class only" in words and words.count("reaches ROC AUC") == 2


def test_an_unfinished_run_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="trained already"):
        evaluate.load(tmp_path)
    for name in ("config.json", "head.json", "left_out.csv"):
        (tmp_path / name).write_bytes((make_run("covid_normal") / name).read_bytes())
    head = (make_run("covid_normal") / "predictions.csv").read_text().splitlines()[0]
    (tmp_path / "predictions.csv").write_text(head + "\n")
    with pytest.raises(DatasetError, match="radiographs of the test split"):
        evaluate.load(tmp_path)


def test_another_manifest_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("another")
    with pytest.raises(DatasetError, match="Name the right one by --manifest"):
        evaluate.radiographs_of(evaluate.load(make_run("covid_normal")), tmp_path / "manifest.csv")


def test_the_step_measures_scores_alone_where_it_is_asked_to(make_run, drawn, tmp_path, capsys):
    [step] = [each for each in STEPS if each.name == "evaluate"]
    folder = tmp_path / "findings"
    shutil.copytree(make_run("findings"), folder)
    with drawn():
        evaluate.run(step.parser().parse_args([str(folder), "--scores-only"]))
    said = capsys.readouterr().out
    assert (
        f"{folder}/report.html" in said and "Finds abnormal, COVID-19, bacterial, viral; abnormal: ROC AUC 0." in said
    )
    metrics = json.loads((folder / "report.json").read_text())["metrics"]
    assert metrics["test"]["viral"]["all"]["roc_auc"] and not metrics["baselines"]
    assert "Scores and verdicts" in (folder / "report.html").read_text()
