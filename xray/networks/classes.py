"""A head with a score for each of several classes: which of them are plausible, and what that makes of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xray.networks.heads import Features, HeadWeights, Verdict, verdict
from xray.networks.metadata import Band, ClassesFacts, ClassPoint


@dataclass(frozen=True)
class ClassScore:
    """What a head says of one class.

    Attributes:
        label: of the class, such as "covid".
        score: in [0, 1], rounded to 4 decimals before it was judged.
        threshold: the operating point; where one class excludes the others, the class is plausible from it up.
        band: the scores that are INCONCLUSIVE; where one class excludes the others, nothing but the threshold.
        verdict: what the scores mean for this class.
    """

    label: str
    score: float
    threshold: float
    band: Band
    verdict: Verdict

    @property
    def score_text(self) -> str:
        """The score with 2 decimals, or with 4 where 2 would put it on the wrong side of the band."""
        return as_text(self.score, self.band)


@dataclass(frozen=True, eq=False)
class ClassesHead:
    """One model of several classes as it is served.

    Attributes:
        facts: its classes, temperature and points.
        weights: their outputs are in the order of facts.classes.
    """

    facts: ClassesFacts
    weights: HeadWeights

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Return the share of each class, or, of a multi-label head, the chance of each by itself; in [0, 1]."""
        if self.facts.exclusive:
            return self.weights.scores(features, self.facts.temperature)
        return 1 / (1 + np.exp(-self.weights.logits(features).astype(np.float64) / self.facts.temperature))

    def judge(self, features: Features) -> tuple[ClassScore, ...]:
        """Return what the head says of each class, in the order of its facts."""
        rounded = [round(float(score), 4) for score in self.scores(features)]
        verdicts = (only_plausible if self.facts.exclusive else each_by_itself)(rounded, self.facts.points)
        rows = zip(self.facts.classes, rounded, self.facts.points, verdicts, strict=True)
        return tuple(ClassScore(label, score, point.threshold, point.band, said) for label, score, point, said in rows)


def only_plausible(scores: Sequence[float], points: Sequence[ClassPoint]) -> list[Verdict]:
    """Judge classes that exclude each other: POSITIVE is the only plausible one, and then the others are NEGATIVE.

    Where none is plausible, or more than one, all are INCONCLUSIVE.

    Args:
        scores: of each class, in [0, 1].
        points: from its threshold up a class is plausible.

    Source:
        The prediction set of class-conditional split conformal prediction: Sadinle et al. 2019, arXiv:1609.00451.
    """
    plausible = [score >= point.threshold for score, point in zip(scores, points, strict=True)]
    if sum(plausible) != 1:
        return [Verdict.INCONCLUSIVE] * len(plausible)
    return [Verdict.POSITIVE if each else Verdict.NEGATIVE for each in plausible]


def each_by_itself(scores: Sequence[float], points: Sequence[ClassPoint]) -> list[Verdict]:
    """Judge classes that may hold together, each by its own band."""
    return [verdict(score, point.band) for score, point in zip(scores, points, strict=True)]


def as_text(score: float, band: Band) -> str:
    """Write a score with 2 decimals, or with 4 where 2 would put it on the wrong side of the band."""
    short = f"{score:.2f}"
    return short if verdict(float(short), band) is verdict(score, band) else f"{score:.4f}"
