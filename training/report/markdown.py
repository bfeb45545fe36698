"""From report.json to report.md: the tables, and in words how far they can be believed."""

from pathlib import Path

from training.evaluate.baselines import BASELINES
from training.metrics.figures import VERDICTS, Json
from training.report.render import FIGURES as FIGURES
from training.report.render import figure_text as figure_text
from training.report.render import markdown_table as table
from xray.prediction import in_words


def markdown(report: Json, pictures: list[str]) -> str:
    """Return the report for people, with the plots of these file names."""
    point, negative, positive = report["operating_point"], report["negative"], report["positive"]
    predictors = {"network": report["test"]} | {BASELINES[name]: row for name, row in report["baselines"].items()}
    beside = [
        [predictor, name, *figure_cells(row)]
        for predictor, slices in predictors.items()
        for name, row in by_name(slices).items()
    ]
    parts = [
        f"# {report['title']}: figures of the test part",
        f"At or above {point['threshold']:.4f} a score counts as {in_words(positive)}; from "
        f"{point['low']:.4f} to below {point['high']:.4f} it is INCONCLUSIVE; both were chosen on the "
        f"validation part. Intervals: {report['interval']}; Wilson's, over patients, for shares of 0 and 1. "
        f"Commit {report['commit']}, manifest {report['manifest_sha256'][:12]}.",
        f"**How far to believe them.** {report['confounding']}",
        "## Figures",
        table(
            ["radiographs", "n (patients)", positive, negative, *FIGURES.values()],
            [_with_counts(name, row) for name, row in by_name(report["test"], finely=True).items()],
        ),
        "## Beside them: logistic regressions that see no lung",
        table(["predictor", "radiographs", "n (patients)", *FIGURES.values()], beside),
        "## Called positive, by class and source",
        called_table(report["called_positive"], ["label", "source"]),
        "## Held-out pictures: the reference article's, and others of their patients",
        called_table(report["held_out"], ["label"]),
        "## Classification report",
        table(["class", "precision", "recall", "F1", "n"], _classification_rows(report)),
        *(f"![{Path(name).stem.replace('_', ' ')}]({name})" for name in pictures),
    ]
    return "\n\n".join(parts) + "\n"


def confounding(report: Json) -> str:
    """Say in words how far the figures can be believed, given where the classes come from."""
    positive, negative = in_words(report["positive"]), in_words(report["negative"])
    sources = report["test"]["sources"]
    single = [name for name, row in sources.items() if row["roc_auc"] is None]
    both = [
        f"{name} ({row['positives']} {positive}, {row['negatives']} {negative}, {row['patients']} patients)"
        for name, row in sources.items() if row["roc_auc"]
    ]  # fmt: skip
    words = [
        f"{len(single)} of the {len(sources)} sources hold one class only ({', '.join(single) or 'none'}): "
        "there, to know the hospital is to know the answer, so the figures over all sources measure hospital "
        "and disease together."
    ]
    for name, row in report["baselines"].items():
        area = row["all"]["roc_auc"]
        if area:
            words.append(
                f"A logistic regression on the {BASELINES[name]} reaches ROC AUC {area['value']:.3f} on the "
                "same radiographs without seeing a lung."
            )
    words.append(
        f"{positive} against {negative} under one roof: {', '.join(both) or 'no source'}. Only such rows "
        "compare the classes alone; where they are small their intervals are wide. None of these figures "
        "promises the same in a hospital that is not among the sources."
    )
    return " ".join(words)


def by_name(slices: Json, *, finely: bool = False) -> dict[str, Json]:
    """Name the rows of a part: all of it, each source, the children's test part; views, sexes and ages if wanted."""
    rows = {"all": slices["all"]} | {f"source {name}": row for name, row in slices["sources"].items()}
    if finely:
        for kind, plural in (("view", "views"), ("sex", "sexes"), ("age", "ages")):
            rows |= {f"{kind} {name}": row for name, row in slices[plural].items()}
    if slices["children"]:
        rows["kermany's published test part (children)"] = slices["children"]
    return rows


def figure_cells(row: Json) -> list[str]:
    """Return how many radiographs and patients there are, and the figures of FIGURES."""
    return [_size(row), *(figure_text(row[name]) for name in FIGURES)]


def called_table(entries: list[Json], by: list[str]) -> str:
    """Return a table of the share called positive and the verdicts, for each class and whatever else."""
    head = [*by, "n (patients)", "at or above the threshold", *VERDICTS]
    rows = [[*(row[name] for name in by), _size(row), figure_text(row["called_positive"])] for row in entries]
    counts = [[str(row[name]) for name in VERDICTS] for row in entries]
    return table(head, [[*row, *count] for row, count in zip(rows, counts, strict=True)])


def _size(row: Json) -> str:
    return f"{row['n']} ({row['patients']})"


def _with_counts(name: str, row: Json) -> list[str]:
    size, *figures = figure_cells(row)
    return [name, size, str(row["positives"]), str(row["negatives"]), *figures]


def _classification_rows(report: Json) -> list[list[str]]:
    classes = {name: row for name, row in report["classification_report"].items() if isinstance(row, dict)}
    shares = ("precision", "recall", "f1-score")
    return [
        [name, *("–" if row[key] is None else f"{row[key]:.3f}" for key in shares), f"{row['support']:.0f}"]
        for name, row in classes.items()
    ]
