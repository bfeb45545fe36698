"""The report of an audit: runs/audit/report.html."""

import pandas as pd

from training.metrics.figures import Json
from training.report import plots, tables
from training.report.render import Picture, Section, Table, page
from training.report.tables import MeasuredHead
from xray import head_figures

TARGETS = """What was asked of models 1 and 2, met or missed. Intervals are 95 %, over patients."""
TOGETHER = """Model 1 is read first (normal or not), then model 2 (COVID or another pneumonia): both must say COVID."""
LEFT_OUT = """Head, calibration and threshold are made anew without the source. The backbone is the same throughout: it
learned from the train split of every source, so the rows "new to head and backbone" are the honest ones."""
INSIDE = """One hospital, both labels: here knowing the hospital helps nothing."""
CALIBRATION = """Both sides weigh the same, as calibration was fitted. Expect it to fail in a new hospital: the rows
of the sources left out say by how much."""
ERASED = """The same networks, at most 30 test radiographs of each label and source. Without lungs the score should mean
nothing: 0.5."""
PROBE = """Balanced accuracy of a logistic regression that guesses the source of test radiographs; chance is 0.2."""
HEAT = """Grad-CAM for the label that the verdict names. Each cell of its grid has seen most of the image, so heat in
the lungs is no proof: the erased radiographs are. The heads are linear on the same features, so the heat of an
untrained head must differ from that of the trained one, or it would say nothing."""
ROBUSTNESS = """None of these changes should change a verdict."""


def render(report: Json, erasures: pd.DataFrame) -> str:
    """Return the page.

    Args:
        report: of `training.evaluate.audit`.
        erasures: head, erasure, y_true (-1 where unknown) and y_score of each radiograph shown.
    """
    models = {name: _with_audit(report, name) for name in report["models"]}
    audits: list[tuple[str, Json]] = [(each["title"], each["metrics"]["audit"]) for each in models.values()]
    measured = {each["title"]: MeasuredHead.of(each) for each in models.values()}
    forest = plots.auc_by_source({
        title: {part.name: dict(part.figures) for part in head_figures.parts(facts, facts.positive, "left_out")}
        for title, facts in measured.items()
    })  # fmt: skip
    pair = [audit for _, audit in audits if audit["together"]]
    sections = [
        *([Section("Targets", TARGETS, [_targets(report)])] if report["targets"] else []),
        *([Section("Both models together", TOGETHER, [tables.together(pair[0])])] if pair else []),
        Section("A source left out", LEFT_OUT, [
            _of(title, tables.left_out(facts)) for title, facts in measured.items()
        ], [Picture(forest, "ROC AUC in each source that head, calibration and threshold never saw")]),
        Section("Inside one source", INSIDE, [_of(title, tables.inside(facts)) for title, facts in measured.items()]),
        Section("Calibration and the INCONCLUSIVE range", CALIBRATION, [
            _of(title, table(audit))
            for title, audit in audits
            for table in (tables.calibration, tables.predictive_values)
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
    return page("Would the figures survive another hospital?", sections)


def _with_audit(report: Json, name: str) -> Json:
    measured: Json = report["measured"][name]
    return {**measured, "metrics": {**measured["metrics"], "audit": report["models"][name]}}


def _of(title: str, table: Table) -> Table:
    return Table(f"{title}. {table.caption}", table.head, table.rows)


def _probe(report: Json) -> Table:
    rows = [[name, f"{value:.3f}"] for name, value in report["probe"].items()]
    return Table("How well the source can be told", ["from", "balanced accuracy"], rows)


def _targets(report: Json) -> Table:
    rows = [
        [row["figure"], row["target"], row["reached"], "met" if row["met"] else "MISSED"] for row in report["targets"]
    ]
    return Table("Targets", ["figure", "target", "reached", ""], rows)
