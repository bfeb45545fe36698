"""The pages of reports with their tables and plots: of the run of a head, and of an audit."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from training.report import plots, reading_tables, summary, tables
from training.report.render import Picture, page
from training.report.tables import BASELINES, MeasuredHead
from xray import answers, head_figures
from xray.head_figures import MEAN, UNDECIDED
from xray.networks.metadata import OperatingPoint
from xray.prediction import in_words

Json = Mapping[str, Any]

CALLED = "Which label was called, by true label and source"


def run_page(report: Json, rows: Mapping[str, pd.DataFrame], wrong: Sequence[Picture] = ()) -> str:
    """Return the page of a run; its words are in training/report/templates/run.html.

    Args:
        report: report.json.
        rows: of the test split by label, with y_true, y_score, label and source.
        wrong: radiographs that the head got wrong; see `mistakes.pictures`.
    """
    facts = MeasuredHead.of(report)
    return page(
        f"{report['title']}: figures of the test split",
        template="run.html",
        made=made(report),
        summary=summary.sentences(report),
        warnings=summary.warnings(report),
        report=report,
        tables=tables,
        facts=facts,
        labels=head_figures.measured_labels(facts),
        mean=MEAN,
        points=_points(report),
        called=CALLED,
        drawn=[_roc(report, rows), *_pictures(report, facts, rows)],
        wrong=wrong,
    )


def made(report: Json) -> dict[str, object]:
    """Return when, of what and by what a report was made, by the names that people read."""
    said, data = report.get("made", {}), report.get("data", {})
    words: dict[str, object] = {
        "date": said.get("started"), "data": data.get("name"), "command": said.get("command"),
        "commit": report.get("commit"), "list of radiographs, sha256": report.get("manifest_sha256"),
        "licence of the radiographs": said.get("licence"), "machine": said.get("machine"),
    }  # fmt: skip
    words["radiographs"] = "; ".join(data.get("lines", []))
    return {name: value for name, value in words.items() if value}


def confounding(report: Json) -> str:
    """Say in words how far the figures of a pair can be believed, given where its labels come from.

    Of a head that is no pair, nothing is said.
    """
    facts = MeasuredHead.of(report)
    if not head_figures.is_pair(facts):
        return ""
    positive = in_words(facts.positive, own=facts.is_own)
    negative = in_words(next(label for label in facts.labels if label != facts.positive), own=facts.is_own)
    sources = {part.name: part.figures for part in head_figures.parts(facts, facts.positive, "sources")}
    single = [name for name, row in sources.items() if row["roc_auc"] is None]
    both = [
        f"{name} ({row['positives']} {positive}, {row['negatives']} {negative}, {row['patients']} patients)"
        for name, row in sources.items()
        if row["roc_auc"]
    ]
    words = (
        [
            f"{len(single)} of the {len(sources)} sources hold one class only ({', '.join(single)}): "
            "there, to know the hospital is to know the answer, so the figures over all sources measure hospital "
            "and disease together."
        ]
        if single
        else []
    )
    words += [
        f"A logistic regression on the {BASELINES[part.name]} reaches ROC AUC {part.figures['roc_auc']['value']:.3f} "
        "on the same radiographs without seeing a lung."
        for part in head_figures.parts(facts, facts.positive, "baselines")
        if part.figures["roc_auc"]
    ]
    words.append(
        f"{positive} against {negative} under one roof: {', '.join(both) or 'no source'}. Only such rows "
        "compare the classes alone; where they are small their intervals are wide. None of these figures "
        "promises the same in a hospital that is not among the sources."
    )
    return " ".join(words)


def _points(report: Json) -> str:
    points = zip(report["labels"], report["points"], strict=True)
    own = bool(report.get("data"))
    return "; ".join(
        f"{in_words(label, own=own)}: NEGATIVE below {point['negative_below']:.4f}, POSITIVE from "
        f"{point['positive_from']:.4f}, threshold {point['threshold']:.4f}"
        if summary.decides(point)
        else f"{in_words(label, own=own)}: no operating point"
        for label, point in points
    )


def _roc(report: Json, rows: Mapping[str, pd.DataFrame]) -> Picture:
    """Draw the ROC curves of all labels; of a pair also those of sources that hold both."""
    own = rows[report["positive"]]
    if len(rows) == 1:
        sources = list(own.groupby("source"))
        both = {str(name): part for name, part in sources if len(sources) > 1 and part.y_true.nunique() == 2}
        threshold = _point(report).threshold if _point(report).decides else None
        return Picture(plots.roc({"all": own, **both}, threshold), "ROC curves of the test split")
    own_words = bool(report.get("data"))
    curves = {in_words(label, own=own_words): part for label, part in rows.items() if part.y_true.nunique() == 2}
    return Picture(plots.roc(curves), "ROC curves of the test split, each label against the others")


def _pictures(report: Json, facts: MeasuredHead, rows: Mapping[str, pd.DataFrame]) -> list[Picture]:
    words = partial(in_words, own=facts.is_own)
    shown = plots.scores(rows[facts.positive], _point(report), words)
    pictures = [Picture(shown, f"Scores for {words(facts.positive)}")]
    if found := head_figures.confusion(facts):
        labels = list(map(words, found["labels"]))
        pictures.append(Picture(plots.matrix(found["highest"], labels, labels), "The label with the highest score"))
        if _point(report).decides:
            pictures.append(Picture(plots.matrix(found["called"], labels, [*labels, UNDECIDED]), "The verdict"))
    return pictures


def _point(report: Json) -> OperatingPoint:
    return OperatingPoint(**report["points"][list(report["labels"]).index(report["positive"])])


def audit_page(report: Json, erasures: pd.DataFrame) -> str:
    """Return the page of an audit; its words are in training/report/templates/audit.html.

    Args:
        report: of `training.evaluate.audit`.
        erasures: head, erasure, y_true (-1 where unknown) and y_score of each radiograph shown.
    """
    models = {name: _with_audit(report, name) for name in report["models"]}
    audits: dict[str, Json] = {each["title"]: each["metrics"]["audit"] for each in models.values()}
    measured = {each["title"]: MeasuredHead.of(each) for each in models.values()}
    elsewhere = {
        title: {part.name: dict(part.figures) for part in head_figures.parts(facts, facts.positive, "left_out")}
        for title, facts in measured.items()
    }
    titles = {name: each["title"] for name, each in models.items()}
    caption = "ROC AUC in each source that head, calibration and threshold never saw"
    return page(
        "Would the figures survive another hospital?",
        template="audit.html",
        made=made(report),
        tables=tables,
        measured=measured,
        audits=audits,
        pair=next((audit for audit in audits.values() if audit["together"]), None),
        reading_tables=reading_tables,
        readings=report["readings"],
        repeated=report["repeated"],
        titles=titles,
        answers=answers.of_both(next(iter(measured.values()))),
        forest=[Picture(plots.auc_by_source(elsewhere), caption)] if any(elsewhere.values()) else [],
        erased=Picture(plots.scores_by_erasure(erasures[erasures.y_true >= 0]), "Scores by what is shown"),
        probe=[[name, f"{value:.3f}"] for name, value in report["probe"].items()],
    )


def _with_audit(report: Json, name: str) -> Json:
    measured = report["measured"][name]
    return {**measured, "metrics": {**measured["metrics"], "audit": report["models"][name]}}
