"""What a head, or models 1 and 2 together, said of the test radiographs: how often each finding was right.

Read from the `metrics` of metadata.json, as `xray.head_figures`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xray import head_figures
from xray.combined import NAME
from xray.finding import Finding, of_label, of_model
from xray.head_figures import UNDECIDED, Measured
from xray.networks.metadata import OTHERS

# Shares of the radiographs that may show COVID-19, at which it is told what an answer would be worth.
PREVALENCES = (0.01, 0.05, 0.2, 0.5)


@dataclass(frozen=True)
class Group:
    """Test radiographs that show the same, all sources together.

    Attributes:
        shown: what they show, as a finding.
        count: how many there are, above 0.
        got: how many of them got each finding.
    """

    shown: str
    count: int
    got: Mapping[str, int]

    def share(self, finding: str) -> float:
        """Return the share that got a finding, in [0, 1]."""
        return self.got.get(finding, 0) / self.count


def of_head(facts: Measured) -> tuple[Group, ...]:
    """Return what a head said of test radiographs; nothing where that was not measured.

    Models 1 and 2 were also shown what they cannot tell, such as model 1 other pneumonias: where the audit counted
    it, that is a group too. A head whose labels do not exclude each other is judged by its positive label.

    Args:
        facts: of the head.
    """
    if counted := _audited(facts, facts.name):
        return counted
    if not facts.exclusive:
        return of_one(facts, facts.positive)
    rows = [
        (
            of_label(row["label"], own=facts.is_own),
            {_finding(facts, label): count for label, count in row["called"].items()},
        )
        for row in head_figures.called(facts, "test")
    ]
    return _pooled(rows)


def of_one(facts: Measured, label: str) -> tuple[Group, ...]:
    """Return how many test radiographs with and without a label were found to show it; nothing if not measured.

    Args:
        facts: of a head whose labels do not exclude each other.
        label: one of them.
    """
    verdicts = head_figures.curves(facts, label).get("verdicts", {})
    own, other = of_label(label, own=facts.is_own), OTHERS
    names = {"POSITIVE": own, "INCONCLUSIVE": Finding.UNDECIDED, "NEGATIVE": other}
    return _pooled(
        [
            (shown, {names[verdict]: sides[side] for verdict, sides in verdicts.items()})
            for shown, side in ((own, "positive"), (other, "negative"))
        ]
    )


def of_both(facts: Measured) -> tuple[Group, ...]:
    """Return what models 1 and 2 said together; nothing where that was not counted.

    Args:
        facts: of one of them, audited with the other.
    """
    return _audited(facts, NAME)


def findings(groups: Sequence[Group]) -> tuple[str, ...]:
    """Return the findings that some radiograph got, undecided last."""
    found = dict.fromkeys(finding for group in groups for finding, count in group.got.items() if count)
    return tuple(sorted(found, key=lambda finding: finding == Finding.UNDECIDED))


def worth(groups: Sequence[Group], finding: str, shown: str, prevalence: float) -> Mapping[str, float]:
    """Return how the radiographs that get a finding would be made up; nothing if none gets it.

    Args:
        groups: what was said of test radiographs; every group but one shares equally in what is left.
        finding: that they get.
        shown: the group that makes up `prevalence` of all radiographs.
        prevalence: above 0 and below 1.

    Returns:
        The share of each group among them, by what it shows; Bayes' rule.
    """
    others = max(len(groups) - 1, 1)
    weights = {
        group.shown: (prevalence if group.shown == shown else (1 - prevalence) / others) * group.share(finding)
        for group in groups
    }
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()} if total else {}


def _audited(facts: Measured, asked: str) -> tuple[Group, ...]:
    rows = head_figures.audit(facts).get("answers", [])
    return _pooled([(row["shown"], row["got"][asked]) for row in rows if asked in row["got"]])


def _finding(facts: Measured, label: str) -> str:
    return of_model(facts.name, facts.positive, None if label == UNDECIDED else label, own=facts.is_own)


def _pooled(rows: Sequence[tuple[str, Mapping[str, int]]]) -> tuple[Group, ...]:
    """Add up the counts of all sources."""
    counts: dict[str, Counter[str]] = {}
    for shown, got in rows:
        counts.setdefault(shown, Counter()).update(got)
    return tuple(Group(shown, got.total(), got) for shown, got in counts.items() if got.total())
