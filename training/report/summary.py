"""The figures of a run in plain sentences: how well, how well without lungs, of which labels nothing is known."""

from collections.abc import Mapping
from typing import Any

from training.report.tables import BASELINES, MeasuredHead
from xray import head_figures
from xray.head_figures import MEAN, Figures, Part
from xray.networks import metadata
from xray.prediction import in_words

Json = Mapping[str, Any]
CHANCE = 0.5
TOO_FEW = "too few test radiographs to tell"
NO_POINT = "No operating point was chosen, as there are too few validation radiographs: scores have no verdict."
NOT_SERVED = "It was measured, and is not served: the app's one frozen backbone serves all heads."


def sentences(report: Json) -> list[str]:
    """Return the sentences."""
    facts = MeasuredHead.of(report)
    label = next(iter(head_figures.measured_labels(facts)), facts.positive)
    tested = head_figures.tested(facts, label)
    if not tested or not tested["roc_auc"]:
        return [f"{report['title']}: no test radiographs of both sides, so nothing is known of it."]
    of = f"on {_films(tested)} that it had not seen"
    baseline = head_figures.strongest_baseline(facts, label)
    fine_tuned = report.get("fine_tuned")
    found = []
    if head_figures.too_few(facts, label):
        found.append(f"{_task(facts)}: {TOO_FEW} how well ({_counts(facts)}).")
        fine_tuned = fine_tuned and {}
    else:
        found.append(f"{_task(facts)}: ROC AUC {brief(tested['roc_auc'])} {of}.")
        if baseline:
            area = baseline.figures["roc_auc"]
            found.append(f"The {BASELINES[baseline.name]}, reaches {brief(area)} on the same radiographs{_so(area)}.")
    found += _by_label(facts)
    if fine_tuned is not None:
        reached = brief(fine_tuned["roc_auc"]) if fine_tuned else f"{TOO_FEW} what it would reach"
        found.append(f"With the backbone's last block trained too: {reached}. {NOT_SERVED}")
    return [*found, _verdicts(report, facts)]


def _by_label(facts: MeasuredHead) -> list[str]:
    """Name the labels that are told no better than without lungs, and those that too few radiographs show."""
    found = []
    if matched := head_figures.matched_without_lungs(facts):
        each = [f"{_name(facts, label)} ({_beside(facts, label, part)})" for label, part in matched]
        found.append(f"No better than without lungs, as far as so few can tell: {', '.join(each)}.")
    labels = [label for label in head_figures.measured_labels(facts) if label != MEAN]
    few = [label for label in labels if head_figures.too_few(facts, label)]
    if len(labels) > 1 and few:
        found.append(
            f"Too few to tell: {', '.join(f'{_name(facts, label)} ({_positives(facts, label)})' for label in few)}."
        )
    return found


def _beside(facts: MeasuredHead, label: str, part: Part) -> str:
    own = (head_figures.tested(facts, label) or {})["roc_auc"]
    return f"ROC AUC {brief(own)}, {BASELINES[part.name]}: {brief(part.figures['roc_auc'])}"


def _name(facts: MeasuredHead, label: str) -> str:
    return in_words(label, own=facts.is_own)


def _positives(facts: MeasuredHead, label: str) -> str:
    found = head_figures.tested(facts, label) or {"positives": 0, "negatives": 0}
    return f"{found['positives']} with it, {found['negatives']} without"


def _counts(facts: MeasuredHead) -> str:
    """Return how many test radiographs there are of each label."""
    if head_figures.is_pair(facts):
        found = head_figures.tested(facts) or {"positives": 0, "negatives": 0}
        other = next(label for label in facts.labels if label != facts.positive)
        return f"{found['positives']} {_name(facts, facts.positive)}, {found['negatives']} {_name(facts, other)}"
    labels = [label for label in head_figures.measured_labels(facts) if label != MEAN]
    return ", ".join(
        f"{(head_figures.tested(facts, label) or {}).get('positives', 0)} {_name(facts, label)}" for label in labels
    )


def warnings(report: Json) -> list[str]:
    """Return what a reader of the figures must know: of the radiographs, of the baselines, of the operating points."""
    found = list(report.get("data", {}).get("warnings", []))
    facts = MeasuredHead.of(report)
    for label in head_figures.measured_labels(facts)[:1]:
        baseline = head_figures.strongest_baseline(facts, label)
        if head_figures.too_few(facts, label):
            continue
        if baseline and (baseline.figures["roc_auc"]["low"] or 0) > CHANCE:
            found.append(
                f"Without lungs {brief(baseline.figures['roc_auc'])} is reached: part of the answer lies in the "
                "picture's frame, its exposure or its source, and will not hold elsewhere."
            )
    without = _without_point(report, facts)
    if len(without) == len(facts.labels):
        found.append(NO_POINT)
    elif without:
        names = ", ".join(_name(facts, label) for label in without)
        found.append(f"No operating point for {names}: too few validation radiographs. Those scores have no verdict.")
    return found


def _without_point(report: Json, facts: MeasuredHead) -> list[str]:
    pairs = zip(facts.labels, report["points"], strict=True)
    return [label for label, point in pairs if not decides(point)]


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
        return f"Tells {_name(facts, facts.positive)} from {_name(facts, other)}"
    names = ", ".join(_name(facts, label) for label in facts.labels)
    return f"Tells {names} apart, mean" if facts.exclusive else f"Finds {names}; {_name(facts, facts.labels[0])}"


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
    without = _without_point(report, facts)
    if len(without) == len(facts.labels):
        return NO_POINT
    if not facts.exclusive:
        parts = []
        for label in facts.labels:
            said = head_figures.curves(facts, label).get("verdicts", {})
            if said and label not in without:
                total = sum(counts["positive"] for counts in said.values())
                parts.append(f"{said['POSITIVE']['positive']} of {total} {_name(facts, label)}")
        return f"Found at the operating points: {', '.join(parts)}."
    right, all_of, open_ = dict.fromkeys(facts.labels, 0), dict.fromkeys(facts.labels, 0), 0
    for row in head_figures.called(facts, "test"):
        right[row["label"]] += row["called"][row["label"]]
        all_of[row["label"]] += row["n"]
        open_ += row["called"][head_figures.UNDECIDED]
    parts = [f"{right[label]} of {all_of[label]} {_name(facts, label)}" for label in facts.labels]
    return f"Called right: {', '.join(parts)}; {open_} of {sum(all_of.values())} stay INCONCLUSIVE."
