"""What a score is worth: calibration, the threshold, the INCONCLUSIVE band, and how far to believe each.

Everything is chosen on validation radiographs; the errors measured here are those of other ones.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from training.metrics.discrimination import SCORE_FLOOR, Floats
from training.metrics.thresholds import OperatingPoint
from xray.errors import DatasetError
from xray.networks.metadata import OperatingPoint as EdgePoint

BINS = 10
GRID = 10_000  # serving rounds scores to 4 decimals before it judges them
PREVALENCES = (0.01, 0.05, 0.20, 0.50)


@dataclass(frozen=True)
class Line:
    """What turns a logit into a calibrated one."""

    slope: float
    intercept: float


def platt(logit: Floats, y_true: ArrayLike, weight: ArrayLike) -> Line:
    """Fit the line through which logits become probabilities.

    Args:
        logit: shape (n,).
        y_true: 0 or 1, shape (n,), both present.
        weight: at least 0, shape (n,): what each radiograph counts.

    Source:
        Platt 1999, Probabilistic Outputs for Support Vector Machines.
    """
    weights = np.asarray(weight) / np.sum(weight) * len(logit)
    model = LogisticRegression(C=1e6, max_iter=1000).fit(logit[:, None], y_true, sample_weight=weights)
    return Line(float(model.coef_[0, 0]), float(model.intercept_[0]))


def operating_point(
    y_true: NDArray[np.bool_], y_score: Floats, weight: Floats, *, sensitivity: float, error_rate: float
) -> OperatingPoint:
    """Choose the threshold for a sensitivity, and the INCONCLUSIVE band by split conformal prediction.

    A verdict is given where, of the two classes, one is implausible: fewer than a share `error_rate` of its
    validation films score so far on the other's side. In the band neither is, or both are. The band is widened
    to hold the threshold where it does not.

    Args:
        y_true: shape (n,), both present.
        y_score: in [0, 1], shape (n,).
        weight: shape (n,): what each radiograph counts.
        sensitivity: share of the positives that score at or above the threshold.
        error_rate: largest share of each class that gets the other's verdict.

    Raises:
        DatasetError: a class is missing.

    Source:
        Class-conditional split conformal prediction: Vovk 2012, arXiv:1209.2673; Sadinle et al. 2019,
        arXiv:1609.00451.
    """
    if y_true.all() or not y_true.any():
        raise DatasetError("Expected validation films of both classes. Received those of one.")
    threshold = quantile(y_score[y_true], weight[y_true], 1 - sensitivity)
    least = quantile(y_score[y_true], weight[y_true], error_rate)
    most = quantile(y_score[~y_true], weight[~y_true], 1 - error_rate)
    low, high = min(least, most, threshold), max(least, most, threshold)
    floor = SCORE_FLOOR / 2
    return OperatingPoint(*(float(np.clip(each, floor, 1 - floor)) for each in (threshold, low, high)))


def conformal_point(
    y_true: NDArray[np.bool_], y_score: Floats, weight: Floats, *, sensitivity: float, error_rate: float
) -> EdgePoint:
    """Choose the point as `operating_point` does, on the grid of scores; arguments as there."""
    point = operating_point(y_true, y_score, weight, sensitivity=sensitivity, error_rate=error_rate)
    return on_grid(point.low, point.threshold, point.high)


def on_grid(negative_below: float, threshold: float, positive_from: float) -> EdgePoint:
    """Return a point with each edge at the next score of 4 decimals, which changes no verdict.

    Args:
        negative_below: the lower edge, in [0, 1].
        threshold: between the edges.
        positive_from: the upper edge.
    """
    low, middle, high = (min(math.ceil(each * GRID) / GRID, 1.0) for each in (negative_below, threshold, positive_from))
    return EdgePoint(threshold=middle, negative_below=low, positive_from=high)


def mirrored(point: EdgePoint) -> EdgePoint:
    """Return the point of a pair's other label: its score is 1 minus this one's, and the verdicts are the opposite."""

    def mirror(edge: float) -> float:
        return min(max(round(1 + 1 / GRID - edge, 4), 0.0), 1.0)

    return EdgePoint(
        threshold=mirror(point.threshold),
        negative_below=mirror(point.positive_from),
        positive_from=mirror(point.negative_below),
    )


def quantile(values: Floats, weight: Floats, share: float) -> float:
    """Return the value below which a weighted share of the values lies, half-way between its neighbours."""
    order = np.argsort(values)
    ordered = values[order]
    below = np.cumsum(weight[order]) / weight.sum()
    above = min(int(np.searchsorted(below, share, side="right")), len(ordered) - 1)
    return float((ordered[max(above - 1, 0)] + ordered[above]) / 2)


def reliability(y_true: ArrayLike, y_score: ArrayLike, weight: ArrayLike | None = None) -> list[dict[str, float]]:
    """Return, for each tenth of the scores that holds any, their mean, the share of positives, and how many."""
    truth, score = np.asarray(y_true, float), np.asarray(y_score, float)
    weights = np.ones(len(score)) if weight is None else np.asarray(weight, float)
    tenth = np.minimum((score * BINS).astype(int), BINS - 1)
    return [
        {
            "score": float(np.average(score[inside], weights=weights[inside])),
            "positives": float(np.average(truth[inside], weights=weights[inside])),
            "share": float(weights[inside].sum() / weights.sum()),
            "n": int(inside.sum()),
        }
        for inside in (tenth == index for index in range(BINS))
        if weights[inside].sum() > 0
    ]


def expected_calibration_error(y_true: ArrayLike, y_score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean distance between score and share of positives over ten bins.

    Source:
        Naeini et al. 2015, doi 10.1609/aaai.v29i1.9602.
    """
    bins = reliability(y_true, y_score, weight)
    return float(sum(each["share"] * abs(each["score"] - each["positives"]) for each in bins))


def brier(y_true: ArrayLike, y_score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean squared distance between score and truth, 0 to 1."""
    squares = np.square(np.asarray(y_score, float) - np.asarray(y_true, float))
    return float(np.average(squares, weights=weight))


def predictive_values(sensitivity: float, specificity: float) -> list[dict[str, float]]:
    """Return how often a positive and a negative answer are right, at several prevalences (Bayes)."""
    found = []
    for prevalence in PREVALENCES:
        true_positive, false_positive = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
        true_negative, false_negative = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
        found.append(
            {
                "prevalence": prevalence,
                "positive": _share(true_positive, false_positive),
                "negative": _share(true_negative, false_negative),
            }
        )
    return found


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else float("nan")
