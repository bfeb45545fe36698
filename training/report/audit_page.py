"""The audit as one page for people: runs/audit/report.html."""

from pathlib import Path

import pandas as pd

from training.metrics.figures import Json
from training.report import audit_plots, audit_tables
from training.report.html import Picture, Section, Table, page


def render(report: Json, erasures: pd.DataFrame, folder: Path) -> str:
    """Return the page.

    Args:
        report: of `training.evaluate.audit`.
        erasures: head, label, erasure, y_true and y_score of each film shown.
        folder: where the plots go.
    """
    models: dict[str, Json] = report["models"]
    forest = folder / "left_out.png"
    audit_plots.auc_by_source(
        {
            model["title"]: {row["left_out"]: row["unseen"] for row in model["leave_one_source_out"]}
            for model in models.values()
        },
        forest,
    )
    dots = folder / "erased.png"
    audit_plots.scores_by_erasure(erasures, dots)
    sections = [
        Section("Targets", TARGETS, [targets(report)]),
        Section("Both models together", TOGETHER, [audit_tables.together(report)]),
        Section(
            "A source left out",
            LEFT_OUT,
            [audit_tables.left_out(model) for model in models.values()],
            [Picture(forest, "ROC AUC in each source that head, calibration and threshold never saw")],
        ),
        Section("Inside one source", INSIDE, [audit_tables.inside(model) for model in models.values()]),
        Section("Test split", "", [audit_tables.test_parts(model) for model in models.values()]),
        Section(
            "Calibration and the INCONCLUSIVE band",
            CALIBRATION,
            [
                table(model)
                for model in models.values()
                for table in (audit_tables.calibration, audit_tables.predictive_values)
            ],
        ),
        Section("Without the lungs", ERASED, [audit_tables.erased(report)], [Picture(dots, "Scores by what is shown")]),
        Section("How well the source can be told", PROBE, [_probe(report)]),
        Section("Where the network looks", HEAT, [audit_tables.heat(report), audit_tables.sanity(report)]),
        Section("What harmless changes do", ROBUSTNESS, [audit_tables.robustness(report)]),
    ]
    return page("Would the figures survive another hospital?", sections)


TARGETS = """What issue 3 asked for, met or missed. Intervals are 95 %, over patients."""
TOGETHER = """Model 1 is read first (normal or not), then model 2 (COVID or another pneumonia): both must say COVID."""
LEFT_OUT = """Head, calibration and threshold are made anew without the source. The backbone is the same throughout: it
learned from the train split of every source, so the rows "new to head and backbone" are the honest ones."""
INSIDE = """One hospital, both classes: here knowing the hospital helps nothing."""
CALIBRATION = """Both classes weigh the same, as calibration was fitted. Expect it to fail in a new hospital: the rows
of the sources left out say by how much."""
ERASED = """The same networks, at most 30 test films of each class and source. Without lungs the score should mean
nothing: 0.5."""
PROBE = """Balanced accuracy of a logistic regression that guesses the source of test films; chance is 0.2."""
HEAT = """Grad-CAM for the class that the verdict names. Each cell of its grid has seen most of the picture, so heat in
the lungs is no proof: the erased films are. The heads are linear on the same features, so the heat of an untrained
head must differ from that of the trained one, or it would say nothing."""
ROBUSTNESS = """None of these changes should change a verdict."""


def _probe(report: Json) -> Table:
    rows = [[name, f"{value:.3f}"] for name, value in report["probe"].items()]
    return Table("How well the source can be told", ["from", "balanced accuracy"], rows)


def targets(report: Json) -> Table:
    """Return every target of the issue with what was reached."""
    rows = [
        [row["figure"], row["target"], row["reached"], "met" if row["met"] else "MISSED"] for row in report["targets"]
    ]
    return Table("Targets", ["figure", "target", "reached", ""], rows)
