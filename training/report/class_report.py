"""The report of a head of several classes, for people: tables, plots, and how far to believe them."""

from collections.abc import Sequence
from pathlib import Path

from training.evaluate.baselines import BASELINES
from training.metrics.class_figures import INCONCLUSIVE
from training.metrics.figures import INTERVAL, Json
from training.report.html import Picture, Section, Table
from training.report.markdown import FIGURES, figure_text
from xray.prediction import in_words

READ = """Patients kept apart; the test part was scored once. Sensitivity is the share of a class that is called so,
specificity the share of the others that is not; called is the class with the highest score. "all" is the mean over the
classes, each counting the same.

How far to believe it: most sources hold one class or two, so to know the hospital is nearly to know the class. Two
logistic regressions that see no lung stand beside the network; what they reach, the hospital tells. The head itself
compares each film with the classes of its own source alone, so it gains nothing by knowing the source; the backbone
below it saw every source."""
LEFT_OUT = """The same head trained, calibrated and given its thresholds without one source, and judged on that
source's films that no part of the network saw. A source with one class has no ROC AUC: there the sensitivity counts."""
INSIDE = """A head that learned in one source alone, judged on that source's test films: to know the hospital tells
nothing. Its raw scores, not calibrated, so that only the ROC AUC means something."""
PLAUSIBLE = """A class is plausible from the score up that all but {rate:.0%} of its own validation films reach (split
conformal prediction). The verdict is the only plausible class; none or several of them is INCONCLUSIVE."""


def sections(report: Json, folder: Path) -> list[Section]:
    """Return the report's parts; the plots lie in the run's folder."""
    classes = report["classes"]
    test = report["test"]["all"]
    beside = {"network": test} | {BASELINES[name]: row for name, row in report["baselines"].items()}
    sources = report["test"]["sources"]
    points = "; ".join(f"{in_words(name)} {point:.3f}" for name, point in report["points"].items())
    words = PLAUSIBLE.format(rate=report["error_rate"])
    return [
        Section("Test films, all sources mixed", READ, [figures("Beside predictors that see no lung", beside)], [
            Picture(folder / "roc.png", "ROC curves of the test films, each class against the rest"),
            Picture(folder / "confusion.png", "Test films: what they are, and the class with the highest score"),
        ]),
        Section("Verdicts", f"{words}\n\nPlausible from: {points}. Of the test films {test['covered']:.1%} have "
                "their own class among the plausible ones.", [verdicts("By class", {"all": test}, classes),
                verdicts("By source", sources, classes)],
                [Picture(folder / "verdicts.png", "Test films: what they are, and the verdict")]),
        Section("Another hospital", LEFT_OUT, [
            figures("Source left out", report["left_out"]), verdicts("Verdicts", report["left_out"], classes)]),
        Section("Inside one source", INSIDE, [figures("Learned and judged there", report["inside"], ("roc_auc",))]),
        Section("Source by source", "The served head on test films.", [figures("Test films", sources)]),
        Section("Held-out films", "The reference article's 48 and others of their patients.",
                [verdicts("Verdicts", {"held out": report["held_out"]}, classes)] if report["held_out"] else []),
    ]  # fmt: skip


def figures(caption: str, parts: Json, kept: Sequence[str] = tuple(FIGURES)) -> Table:
    """List the figures of parts by name: all classes together, then each that is there."""
    rows = []
    for name, part in parts.items():
        rows.append([name, "all", part["n"], *(figure_text(part["macro"][key]) for key in kept)])
        for label, row in part["classes"].items():
            if row["n"]:
                rows.append(["", in_words(label), row["n"], *(figure_text(row[key]) for key in kept)])
    return Table(f"{caption}. {INTERVAL}", ("films of", "class", "n", *(FIGURES[key] for key in kept)), rows)


def verdicts(caption: str, parts: Json, classes: Sequence[str]) -> Table:
    """Count the verdicts of parts by name and class."""
    rows = [
        [name, in_words(label), *counts]
        for name, part in parts.items()
        for label, counts in zip(classes, part["verdicts"], strict=True)
        if sum(counts)
    ]
    return Table(caption, ("films of", "class", *(in_words(name) for name in classes), INCONCLUSIVE), rows)
