"""The figures of a run in three plain sentences: how well, how well without lungs, and what a verdict is worth."""

from collections.abc import Mapping
from typing import Any

from training.report.tables import BASELINES, MeasuredHead
from xray import head_figures
from xray.head_figures import Figures
from xray.networks import metadata
from xray.prediction import in_words

Json = Mapping[str, Any]
CHANCE = 0.5


def sentences(report: Json) -> list[str]:
    """Return the sentences."""
    facts = MeasuredHead.of(report)
    label = next(iter(head_figures.measured_labels(facts)), facts.positive)
    tested = head_figures.tested(facts, label)
    if not tested or not tested["roc_auc"]:
        return [f"{report['title']}: no test radiographs of both sides, so nothing is known of it."]
    found = [f"{_task(facts)}: ROC AUC {brief(tested['roc_auc'])} on {_films(tested)} that it had not seen."]
    baseline = head_figures.strongest_baseline(facts, label)
    if baseline:
        area = baseline.figures["roc_auc"]
        found.append(f"The {BASELINES[baseline.name]}, reaches {brief(area)} on the same radiographs{_so(area)}.")
    if report.get("fine_tuned"):
        reached = brief(report["fine_tuned"]["roc_auc"])
        found.append(f"With the backbone's last block trained too, {reached}; the app serves the frozen one.")
    return [*found, _verdicts(report, facts)]


def warnings(report: Json) -> list[str]:
    """Return what a reader of the figures must know: of the radiographs, of the baselines, of the operating points."""
    found = list(report.get("data", {}).get("warnings", []))
    facts = MeasuredHead.of(report)
    for label in head_figures.measured_labels(facts)[:1]:
        baseline = head_figures.strongest_baseline(facts, label)
        if baseline and (baseline.figures["roc_auc"]["low"] or 0) > CHANCE:
            found.append(
                f"Without lungs {brief(baseline.figures['roc_auc'])} is reached: part of the answer lies in the "
                "picture's frame, its exposure or its source, and will not hold elsewhere."
            )
    if not all(decides(point) for point in report["points"]):
        found.append("No operating point was chosen: there are too few validation radiographs. Scores have no verdict.")
    return found


def decides(point: Json) -> bool:
    """Tell whether an operating point was chosen."""
    return metadata.decides(point["negative_below"], point["positive_from"])


def brief(figure: Json) -> str:
    """Return a figure with two decimals, and its interval."""
    if figure["low"] is None:
        return f"{figure['value']:.2f} (no interval)"
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def _task(facts: MeasuredHead) -> str:
    if head_figures.is_pair(facts):
        other = next(label for label in facts.labels if label != facts.positive)
        return f"Tells {in_words(facts.positive)} from {in_words(other)}"
    names = ", ".join(map(in_words, facts.labels))
    return f"Tells {names} apart, mean" if facts.exclusive else f"Finds {names}; {in_words(facts.labels[0])}"


def _films(figures: Figures) -> str:
    return f"{figures['n']} radiographs of {figures['patients']} patients"


def _so(area: Json) -> str:
    if area["low"] is None:
        return "; too few to tell"
    if area["low"] > CHANCE:
        return ": part of the answer does not come from the lungs"
    return "; no better than chance, as far as so few can tell"


def _verdicts(report: Json, facts: MeasuredHead) -> str:
    """Say how many test radiographs of each label got the right verdict."""
    if not all(decides(point) for point in report["points"]):
        return "No operating point was chosen, as there are too few validation radiographs: scores have no verdict."
    if not facts.exclusive:
        parts = []
        for label in facts.labels:
            said = head_figures.curves(facts, label).get("verdicts", {})
            if said:
                total = sum(counts["positive"] for counts in said.values())
                parts.append(f"{said['POSITIVE']['positive']} of {total} {in_words(label)}")
        return f"Found at the operating points: {', '.join(parts)}."
    right, all_of, open_ = dict.fromkeys(facts.labels, 0), dict.fromkeys(facts.labels, 0), 0
    for row in head_figures.called(facts, "test"):
        right[row["label"]] += row["called"][row["label"]]
        all_of[row["label"]] += row["n"]
        open_ += row["called"][head_figures.UNDECIDED]
    parts = [f"{right[label]} of {all_of[label]} {in_words(label)}" for label in facts.labels]
    return f"Called right: {', '.join(parts)}; {open_} of {sum(all_of.values())} stay INCONCLUSIVE."
