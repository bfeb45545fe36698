"""Operating points and calibration: where scores become verdicts, and how far to believe a score.

Thresholds are chosen on validation radiographs; the errors measured here are those of other ones. Heads that are served
use `conformal_point`, by way of `operating_points` in training/fit/head.py; `youden_threshold` is for the baselines.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from training.metrics.discrimination import Floats, logit
from xray.errors import DatasetError
from xray.networks.metadata import OperatingPoint

BINS = 10
GRID = 10_000  # serving rounds scores to 4 decimals before it judges them


def conformal_point(
    y_true: NDArray[np.bool_], y_score: Floats, weight: Floats, *, sensitivity: float, error_rate: float
) -> OperatingPoint:
    """Choose the threshold for a sensitivity, and the edges of INCONCLUSIVE by split conformal prediction.

    A verdict is given where, of the two classes, one is implausible: fewer than a share `error_rate` of its
    validation radiographs score so far on the other's side. Between the edges neither is, or both are. They are moved
    apart to hold the threshold where they do not.

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
        raise DatasetError("Expected validation radiographs of both classes. Received those of one.")
    threshold = quantile(y_score[y_true], weight[y_true], 1 - sensitivity)
    least = quantile(y_score[y_true], weight[y_true], error_rate)
    most = quantile(y_score[~y_true], weight[~y_true], 1 - error_rate)
    return on_grid(min(least, most, threshold), threshold, max(least, most, threshold))


def on_grid(negative_below: float, threshold: float, positive_from: float) -> OperatingPoint:
    """Return a point with each edge at the next score of 4 decimals, which changes no verdict.

    Args:
        negative_below: the lower edge, in [0, 1].
        threshold: between the edges.
        positive_from: the upper edge.
    """
    low, middle, high = (min(math.ceil(each * GRID) / GRID, 1.0) for each in (negative_below, threshold, positive_from))
    return OperatingPoint(threshold=middle, negative_below=low, positive_from=high)


def youden_threshold(y_true: ArrayLike, y_score: ArrayLike, weight: ArrayLike) -> float:
    """Choose the threshold at which weighted sensitivity plus specificity is greatest (Youden's index).

    It lies half-way in logit between two neighbouring scores; of equally good gaps the widest is taken.

    Args:
        y_true: 0 or 1, shape (n,), both present.
        y_score: in [0, 1], shape (n,).
        weight: at least 0, shape (n,).

    Raises:
        DatasetError: a class without weight, or a score that is no number.

    Source:
        Youden 1950, doi 10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.
    """
    truth, score = np.asarray(y_true, bool), np.asarray(y_score, np.float64)
    weights = np.asarray(weight, np.float64)
    if not ((weights * truth).sum() > 0 and (weights * ~truth).sum() > 0 and np.isfinite(score).all()):
        raise DatasetError(
            f"Expected finite validation scores of both classes. Received {truth.sum()} positives, "
            f"{(~truth).sum()} negatives, {(~np.isfinite(score)).sum()} scores that are not finite. Look at "
            "the split (`python -m training prepare`) and at the run's history.csv."
        )
    return float(expit(_youden(truth, logit(score), weights)))


def _youden(truth: NDArray[np.bool_], score: Floats, weights: Floats) -> float:
    """Return the middle of the widest gap between scores that has the greatest Youden index."""
    levels, level = np.unique(score, return_inverse=True)
    if len(levels) == 1:
        return float(levels[0])
    gain = weights * truth / (weights * truth).sum() - weights * ~truth / (weights * ~truth).sum()
    # A gap's index is what stands above it; the sum over all levels is 0.
    index = -np.cumsum(np.bincount(level, gain))[:-1]
    best = np.flatnonzero(index >= index.max() - 1e-9)
    gap = best[np.argmax(np.diff(levels)[best])]
    return float((levels[gap] + levels[gap + 1]) / 2)


def quantile(values: Floats, weight: Floats, share: float) -> float:
    """Return the value below which a weighted share of the values lies, half-way between its neighbours.

    Args:
        values: shape (n,).
        weight: shape (n,).
        share: 0 to 1.
    """
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
    return float(np.average(squares, weights=None if weight is None else np.asarray(weight, float)))
