"""The audit's figures as tables, for the report and for the cards."""

from training.metrics.figures import Json
from training.report.html import Table
from training.report.markdown import FIGURES, by_name, figure_cells, figure_text

SHOWN = {
    "as_it_is": "the film as it is",
    "lungs_only": "the lungs only",
    "lungs_erased": "lungs erased",
    "scrambled": "scrambled in blocks",
    "border_only": "the border only",
}


def left_out(model: Json) -> Table:
    """Return what heads reach in a source that they, their calibration and their threshold never saw."""
    rows = [
        [row["left_out"], kind, *figure_cells(row[key]), f"{row['threshold']:.3f}"]
        for row in model["leave_one_source_out"]
        for key, kind in (("unseen", "new to head and backbone"), ("all", "new to the head"))
    ]
    head = ["left out", "films", "n (patients)", *FIGURES.values(), "threshold"]
    return Table(f"Leave one source out: {model['contrast']}", head, rows)


def inside(model: Json) -> Table:
    """Return contrasts inside one source."""
    rows = [[name, "learned there alone, test split", *figure_cells(row)] for name, row in model["inside"].items()]
    rows += [[name, "five folds over patients", *figure_cells(row)] for name, row in model["cross_validation"].items()]
    return Table(f"Inside one source: {model['contrast']}", ["source", "how", "n (patients)", *FIGURES.values()], rows)


def test_parts(model: Json) -> Table:
    """Return the served head's figures on the test split, by source, view, sex and age."""
    rows = [[name, *figure_cells(row)] for name, row in by_name(model["test"], finely=True).items()]
    return Table("The served head on the test split", ["test radiographs", "n (patients)", *FIGURES.values()], rows)


def together(report: Json) -> Table:
    """Return how many test films each model, and both together, put at COVID."""
    rows = [
        [row["films"], f"{row['n']} ({row['patients']})"]
        + [
            f"{row['called'][name]} = {figure_text(row['share'][name])}; {row['positive'][name]} POSITIVE"
            for name in row["called"]
        ]
        for row in report["together"]
    ]
    return Table(
        "Test films at or above the threshold, and those with the verdict POSITIVE",
        ["films", "n (patients)", "model 1", "model 2", "both"],
        rows,
    )


def calibration(model: Json) -> Table:
    """Return how far the scores are probabilities, in the training sources and in those left out."""
    parts = {
        "training sources, test split": model["calibration"],
        "two labels, test split": model["calibration_of_labels"],
    }
    left_out = model["leave_one_source_out"]
    parts |= {f"{row['left_out']}, left out": row["calibration"] for row in left_out if row["calibration"]}
    rows = [
        [
            name,
            f"{row['expected_calibration_error']:.3f}",
            f"{row['brier']:.3f}",
            f"{1 - row['decided']:.1%}",
            f"{row['wrong_of_positives']:.1%}",
            f"{row['wrong_of_negatives']:.1%}",
        ]
        for name, row in parts.items()
    ]
    head = ["films", "calibration error (ECE)", "Brier", "INCONCLUSIVE", "positives called NEGATIVE",
            "negatives called POSITIVE"]  # fmt: skip
    return Table("Calibration, and what the INCONCLUSIVE band leaves", head, rows)


def predictive_values(model: Json) -> Table:
    """Return how often an answer is right at several prevalences."""
    rows = [
        [f"{row['prevalence']:.0%}", f"{row['positive']:.3f}", f"{row['negative']:.3f}"]
        for row in model["predictive_values"]
    ]
    return Table(
        "How often an answer would be right, at the test split's sensitivity and specificity",
        ["prevalence", "positive answers right", "negative answers right"],
        rows,
    )


def erased(report: Json, model: str | None = None) -> Table:
    """Return how well scores tell the labels apart when the lungs are not to be seen."""
    rows = [
        [
            SHOWN[row["erasure"]] if model else f"{row['model']}: {SHOWN[row['erasure']]}",
            row["n"],
            figure_text(row["roc_auc"]),
            ", ".join(f"{name} {value:.3f}" for name, value in row["inside"].items()) or "–",
        ]
        for row in report["erased"]
        if model in (None, row["model"])
    ]
    return Table("ROC AUC when the network is shown", ["shown", "n", "all sources", "inside a source"], rows)


def robustness(report: Json, model: str | None = None) -> Table:
    """Return how far harmless changes move scores and verdicts."""
    rows = [
        [
            row["change"].replace("_", " ") if model else f"{row['head']}: {row['change'].replace('_', ' ')}",
            _figure(row["shift_median"], "{:.3f}"),
            _figure(row["shift_p95"], "{:.3f}"),
            _figure(row["verdict_changed"], "{:.1%}"),
            _figure(row["refused"], "{:.1%}"),
        ]
        for row in report["robustness"]
        if model in (None, row["head"])
    ]
    head = ["change", "score moved (median)", "(95 % of films below)", "verdict changed", "refused"]
    return Table("What harmless changes do", head, rows)


def heat(report: Json, model: str | None = None) -> Table:
    """Return how much of the heat lies in the lungs."""
    rows = [
        [
            f"{row['label']}, {row['source']}" if model else f"{row['head']}: {row['label']}, {row['source']}",
            row["n"],
            _figure(row["in_lungs"], "{:.2f}"),
            _figure(row["area"], "{:.2f}"),
        ]
        for row in report["heat"]
        if model in (None, row["head"])
    ]
    return Table(
        "Share of the heat inside the lungs (median)", ["films", "n", "heat in lungs", "lung's share of the box"], rows
    )


def sanity(report: Json) -> Table:
    """Return how alike the heat of heads that know nothing is."""
    rows = [
        [f"{row['head']}: {row['other'].replace('_', ' ')}", row["n"], _figure(row["correlation"], "{:.2f}")]
        for row in report["sanity"]
    ]
    return Table("Rank correlation of the heat with that of a head that knows nothing", ["head", "n", "Spearman"], rows)


def screen(figures: Json) -> list[Table]:
    """Return one table for each check of the screen."""
    return [
        Table(
            f"{check.replace('_', ' ')}: {what}",
            ["pictures", "flagged", "of", "95 % interval"],
            [[name, row["flagged"], row["n"], f"{row['low']:.3f}, {row['high']:.3f}"] for name, row in kinds.items()],
        )
        for check, parts in figures.items()
        for what, kinds in parts.items()
    ]


def _figure(value: float | None, how: str) -> str:
    return "–" if value is None else how.format(value)
