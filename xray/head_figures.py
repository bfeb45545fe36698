"""Figures of a head from the `metrics` of its metadata.json, for the app's model pages and for training's reports.

Each label has figures of its own, against the head's other labels; of a pair only the positive label has. A head whose
exclusive labels are more than a pair also has their means, under MEAN. What was not measured is absent or None.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# n, patients, positives, negatives, roc_auc, sensitivity, specificity; the last three hold value, low and high.
Figures = Mapping[str, Any]
FIGURES = ("roc_auc", "sensitivity", "specificity")
MEAN = "mean"
# With fewer radiographs on either side nothing is said of how well they are told apart: even ten that are all on the
# right side leave the sensitivity anywhere from 0.72 to 1 (Wilson's 95 % interval).
FEWEST = 10
# A radiograph of which an exclusive head calls no label.
UNDECIDED = "undecided"


class Measured(Protocol):
    """What was measured: a head with its metadata.json, or the run of one."""

    @property
    def name(self) -> str:
        """Of the head, for machines."""

    @property
    def labels(self) -> Sequence[str]:
        """Of the outputs, in their order."""

    @property
    def exclusive(self) -> bool:
        """Whether a radiograph shows one label only."""

    @property
    def positive(self) -> str:
        """The label that the head's own score and verdict are for."""

    @property
    def is_own(self) -> bool:
        """Whether the labels are a user's own words."""

    @property
    def metrics(self) -> Mapping[str, object]:
        """As metadata.json holds them."""


@dataclass(frozen=True)
class Part:
    """The figures of some radiographs.

    Attributes:
        kind: all, sources, views, sexes, ages or children (of the served head on the test split), baselines (predictors
            that see no lungs), inside (trained and tested in one source), left_out (trained without this source's
            hospital) or left_out_views (the same, its views apart).
        name: of the source, view, sex, age group or baseline; empty for `all` and `children`.
        figures: of these radiographs.
    """

    kind: str
    name: str
    figures: Figures


def is_pair(facts: Measured) -> bool:
    """Tell whether one score says both labels: there are two, and they exclude each other."""
    return facts.exclusive and len(facts.labels) == 2


def measured_labels(facts: Measured) -> list[str]:
    """Return what the head was measured for: its labels, of a pair the positive one, after MEAN where there is one."""
    test = _metrics(facts).get("test", {})
    return [label for label in (MEAN, *facts.labels) if label in test]


def parts(facts: Measured, label: str, *kinds: str) -> list[Part]:
    """Return the figures of one label, part by part.

    Args:
        facts: of the head.
        label: one of its labels, or MEAN.
        kinds: of `Part`, in the order in which they are wanted.
    """
    return [part for kind in kinds for part in _parts(_metrics(facts), label, kind)]


def by_label(facts: Measured, labels: Sequence[str], *kinds: str) -> Iterator[tuple[str, Part]]:
    """Yield part by part the figures of each label, without labels that none of the part's radiographs shows.

    Args:
        facts: of the head.
        labels: of them, MEAN among them.
        kinds: as `parts`.
    """
    found = {label: {(part.kind, part.name): part for part in parts(facts, label, *kinds)} for label in labels}
    for key in dict.fromkeys(key for label in labels for key in found[label]):
        for label in labels:
            part = found[label].get(key)
            if part and part.figures["n" if label == MEAN else "positives"]:
                yield label, part


def tested(facts: Measured, label: str | None = None) -> Figures | None:
    """Return the figures of a label on all test radiographs; None for a head that was not tested.

    Args:
        facts: of the head.
        label: the positive one by default.
    """
    found = parts(facts, label or facts.positive, "all")
    return found[0].figures if found else None


def curves(facts: Measured, label: str | None = None) -> Mapping[str, Any]:
    """Return `roc`, `score_histograms` and `verdicts` of a label, as far as they were measured.

    Args:
        facts: of the head.
        label: the positive one by default.
    """
    found: Mapping[str, Any] = _metrics(facts).get("curves", {}).get(label or facts.positive, {})
    return found


def called(facts: Measured, part: str) -> Sequence[Mapping[str, Any]]:
    """Return how many radiographs of each label and source an exclusive head called each of its labels, or none.

    Args:
        facts: of the head.
        part: test, held_out or left_out.
    """
    return [row for row in _metrics(facts).get("called", []) if row["part"] == part]


def confusion(facts: Measured) -> Mapping[str, Any] | None:
    """Return `highest` and `called` of the test split, counts by true label; None but for several exclusive labels."""
    found: Mapping[str, Any] | None = _metrics(facts).get("confusion")
    return found


def audit(facts: Measured) -> Mapping[str, Any]:
    """Return what the audit measured; nothing for a head that was not audited."""
    found: Mapping[str, Any] = _metrics(facts).get("audit") or {}
    return found


def strongest_baseline(facts: Measured, label: str) -> Part | None:
    """Return the baseline of the largest ROC AUC.

    Args:
        facts: of the head.
        label: one of its labels, or MEAN.
    """
    found = [part for part in parts(facts, label, "baselines") if part.figures["roc_auc"]]
    return max(found, key=lambda part: float(part.figures["roc_auc"]["value"]), default=None)


def too_few(facts: Measured, label: str) -> bool:
    """Tell whether the test split holds fewer than FEWEST radiographs with a label, or without it.

    Args:
        facts: of the head.
        label: one of those measured; of MEAN it is told whether that is so of any of them.
    """
    if label == MEAN:
        return any(too_few(facts, each) for each in measured_labels(facts) if each != MEAN)
    figures = tested(facts, label)
    return not figures or min(figures["positives"], figures["negatives"]) < FEWEST


def matched_without_lungs(facts: Measured) -> list[tuple[str, Part]]:
    """Return the labels that are told no better than without lungs, as far as the test split can show.

    Returns:
        Each label with the baseline whose interval reaches highest, where that reaches the label's own ROC AUC. Labels
        with too few radiographs are left out: nothing is known of them either way.
    """
    found = []
    for label in measured_labels(facts):
        own = (tested(facts, label) or {}).get("roc_auc")
        beside = [part for part in parts(facts, label, "baselines") if part.figures["roc_auc"]]
        if label == MEAN or not own or not beside or too_few(facts, label):
            continue
        best = max(beside, key=lambda part: _reach(part.figures["roc_auc"]))
        if _reach(best.figures["roc_auc"]) >= own["value"]:
            found.append((label, best))
    return found


def _reach(area: Figures) -> float:
    return float(area["value"] if area["high"] is None else area["high"])


def _parts(metrics: Mapping[str, Any], label: str, kind: str) -> Iterator[Part]:
    test = metrics.get("test", {}).get(label, {})
    match kind:
        case "all" | "children":
            if test.get(kind):
                yield Part(kind, "", test[kind])
        case "baselines" | "inside" | "left_out" | "left_out_views":
            for name, labels in metrics.get(kind, {}).items():
                if label in labels:
                    yield Part(kind, name, labels[label]["all"] if kind == "baselines" else labels[label])
        case _:
            for name, figures in test.get(kind, {}).items():
                yield Part(kind, name, figures)


def _metrics(facts: Measured) -> Mapping[str, Any]:
    found: Any = facts.metrics
    return found  # type: ignore[no-any-return]  # as training wrote it
