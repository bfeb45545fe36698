"""The pages of reports with their tables and plots: of the run of a head, and of an audit."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from training.report import plots, summary, tables
from training.report.render import Picture, Section, Table, page
from training.report.tables import BASELINES, MeasuredHead
from xray import answers, head_figures
from xray.head_figures import MEAN, UNDECIDED
from xray.networks.metadata import OperatingPoint
from xray.prediction import in_words

Json = Mapping[str, Any]

READ = """Patients are kept apart, and choices were made on validation radiographs. Intervals: {interval}. Each label
is judged against the head's other labels: sensitivity is the share of the radiographs with it that are called so,
specificity the share of the others that are not. Of labels that exclude each other, if there are more than two, the
one with the highest score is called, and "all" is the mean over the labels."""
BELIEVE = """Most sources hold one label or two, so figures over all sources measure hospital and disease together. Two
logistic regressions that see no lungs stand beside the head: what they reach, the hospital tells."""
JUDGED = """{points}. Scores are rounded to 4 decimals before they are judged, as in serving."""
LEFT_OUT = """The same head trained, calibrated and given its thresholds without one source, and judged on that
source's radiographs that no part of the network saw. A source with one label has no ROC AUC."""
INSIDE = """A head that learned in one source alone, judged on that source's test radiographs: there the hospital tells
nothing. Called at 0.5."""

TOGETHER = """Model 1 is read first (normal or not), then model 2 (COVID or another pneumonia): both must say COVID."""
AUDIT_LEFT_OUT = """Head, calibration and threshold are made anew without the source. The backbone is the same
throughout: it learned from the train split of every source, so the rows "new to head and backbone" are the honest
ones."""
AUDIT_INSIDE = """One hospital, both labels: here knowing the hospital helps nothing."""
CALIBRATION = """Both sides weigh the same, as calibration was fitted. Expect it to fail in a new hospital: the rows
of the sources left out say by how much."""
ERASED = """The same networks, at most 30 test radiographs of each label and source. Without lungs the score should mean
nothing: 0.5."""
PROBE = """Balanced accuracy of a logistic regression that guesses the source of test radiographs; chance is 0.2."""
HEAT = """Grad-CAM for the label that the verdict names. Each cell of its grid has seen most of the image, so heat in
the lungs is no proof: the erased radiographs are. The heads are linear on the same features, so the heat of an
untrained head must differ from that of the trained one, or it would say nothing."""
ROBUSTNESS = """None of these changes should change a verdict."""


def run_page(report: Json, rows: Mapping[str, pd.DataFrame], wrong: Sequence[Picture] = ()) -> str:
    """Return the page."""
    facts = MeasuredHead.of(report)
    labels = head_figures.measured_labels(facts)
    sections = [
        Section(
            "Test split", READ.format(interval=report["metrics"]["interval"]), [
                tables.figures("All test radiographs, and by source", facts, labels, "all", "sources"),
                tables.figures("By view, sex and age", facts, labels, "views", "sexes", "ages", "children"),
            ], [_roc(report, rows), *_pictures(report, facts, rows)],
        ),
        Section("Without lungs", report["metrics"]["confounding"] or BELIEVE,
                [tables.figures("Beside predictors that see no lungs", facts, labels, "all", "baselines")]),
        Section("Scores and verdicts", JUDGED.format(points=_points(report)), _verdicts(facts, labels)),
        Section("Another hospital", LEFT_OUT, [
            tables.figures("Source left out", facts, labels, "left_out"), _called(facts, "left_out")]),
        Section("Inside one source", INSIDE, [tables.figures("Learned and judged there", facts, labels, "inside")]),
        Section("Held-out radiographs", "The reference article's 48, and others of their patients.",
                [_called(facts, "held_out")]),
    ]  # fmt: skip
    if wrong:
        sections.append(Section("Mistakes", "", pictures=wrong))
    kept = [each for each in map(_without_empty, sections) if each.tables or each.pictures]
    return page(
        f"{report['title']}: figures of the test split",
        kept,
        made=made(report),
        summary=summary.sentences(report),
        warnings=summary.warnings(report),
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


def _verdicts(facts: MeasuredHead, labels: list[str]) -> list[Table]:
    return [_called(facts, "test"), *(tables.verdicts(facts, label) for label in labels if label != MEAN)]


def _called(facts: MeasuredHead, part: str) -> Table:
    return tables.called("Which label was called, by true label and source", facts, part)


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


def _without_empty(section: Section) -> Section:
    return Section(section.title, section.text, [each for each in section.tables if each.rows], section.pictures)


def audit_page(report: Json, erasures: pd.DataFrame) -> str:
    """Return the page.

    Args:
        report: of `training.evaluate.audit`.
        erasures: head, erasure, y_true (-1 where unknown) and y_score of each radiograph shown.
    """
    models = {name: _with_audit(report, name) for name in report["models"]}
    audits: list[tuple[str, Json]] = [(each["title"], each["metrics"]["audit"]) for each in models.values()]
    measured = {each["title"]: MeasuredHead.of(each) for each in models.values()}
    elsewhere = {
        title: {part.name: dict(part.figures) for part in head_figures.parts(facts, facts.positive, "left_out")}
        for title, facts in measured.items()
    }
    caption = "ROC AUC in each source that head, calibration and threshold never saw"
    forest = [Picture(plots.auc_by_source(elsewhere), caption)] if any(elsewhere.values()) else []
    pair = [audit for _, audit in audits if audit["together"]]
    sections = [
        *([Section("Both models together", TOGETHER, [
            tables.together(pair[0]), tables.got(answers.of_both(next(iter(measured.values())))),
        ])] if pair else []),
        Section("A source left out", AUDIT_LEFT_OUT, [
            _of(title, tables.left_out(facts)) for title, facts in measured.items()
        ], forest),
        Section("Inside one source", AUDIT_INSIDE, [
            _of(title, tables.inside(facts)) for title, facts in measured.items()
        ]),
        Section("Calibration and the INCONCLUSIVE range", CALIBRATION, [
            _of(title, tables.calibration(audit)) for title, audit in audits
        ]),
        Section("Without the lungs", ERASED, [_of(title, tables.erased(audit)) for title, audit in audits],
                [Picture(plots.scores_by_erasure(erasures[erasures.y_true >= 0]), "Scores by what is shown")]),
        Section("How well the source can be told", PROBE, [_probe(report)]),
        Section("Where the network looks", HEAT, [
            _of(title, table(audit)) for title, audit in audits for table in (tables.heat, tables.sanity)
        ]),
        Section("What harmless changes do", ROBUSTNESS, [
            _of(title, tables.robustness(audit)) for title, audit in audits
        ]),
    ]  # fmt: skip
    title = "Would the figures survive another hospital?"
    kept = [each for each in map(_without_empty, sections) if each.tables or each.pictures]
    return page(title, kept, made=made(report))


def _with_audit(report: Json, name: str) -> Json:
    measured = report["measured"][name]
    return {**measured, "metrics": {**measured["metrics"], "audit": report["models"][name]}}


def _of(title: str, table: Table) -> Table:
    return Table(f"{title}. {table.caption}", table.head, table.rows)


def _probe(report: Json) -> Table:
    rows = [[name, f"{value:.3f}"] for name, value in report["probe"].items()]
    return Table("How well the source can be told", ["from", "balanced accuracy"], rows)
