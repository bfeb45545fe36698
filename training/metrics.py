"""Figures of merit for two classes, their intervals, and the operating point.

A score at or above the threshold is positive. An undefined figure is NaN with a warning, never 0.
Every figure takes weights of shape (n,), or (draws, n): a bootstrap draw is a row of weights.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import UndefinedMetricWarning

from xray.errors import DatasetError

Floats = NDArray[np.float64]
Metric = Callable[..., float | Floats]

LEVEL = 0.95
# The 97.5 % quantile of the normal distribution.
Z = 1.959964
# Share of the validation radiographs that the articles' heads answer INCONCLUSIVE; those that are served have the band
# of training/calibrate.py.
BAND_SHARE = 0.05
# Scores are read as logits between -16 and 16: a float32 softmax can be exactly 0 or 1.
SCORE_FLOOR = 1e-7
DRAWS_AT_ONCE = 100


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


class Confusion(NamedTuple):
    """Numbers of radiographs, by truth and by verdict at one threshold."""

    true_negative: int
    false_positive: int
    false_negative: int
    true_positive: int


@dataclass(frozen=True)
class OperatingPoint:
    """Where scores become verdicts: 0 < low <= threshold <= high < 1.

    Attributes:
        threshold: at or above it a score counts as positive.
        low: below it the verdict is NEGATIVE.
        high: at or above it the verdict is POSITIVE; between the two it is INCONCLUSIVE.
    """

    threshold: float
    low: float
    high: float


def roc_auc(y_true: ArrayLike, y_score: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
    """Return the area under the ROC curve: the chance that a positive outscores a negative, ties half.

    Args:
        y_true: 0 or 1, shape (n,).
        y_score: shape (n,).
        weight: at least 0, shape (n,) or (draws, n); all 1 by default.

    Returns:
        A float, or shape (draws,), in [0, 1]; NaN where one class is missing.
    """
    truth, score = np.asarray(y_true, bool), np.asarray(y_score, np.float64)
    weights = _weights(weight, truth)
    if not len(score):
        return _ratio(weights.sum(axis=-1), weights.sum(axis=-1), "ROC AUC")
    order = np.argsort(score, kind="stable")
    first = np.flatnonzero(np.diff(score[order], prepend=-np.inf))
    ordered, positive = weights[..., order], truth[order]
    positives = np.add.reduceat(ordered * positive, first, axis=-1)
    negatives = np.add.reduceat(ordered * ~positive, first, axis=-1)
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    pairs = positives.sum(axis=-1) * negatives.sum(axis=-1)
    return _ratio((positives * below).sum(axis=-1), pairs, "ROC AUC")


def sensitivity(
    y_true: ArrayLike, y_score: ArrayLike, *, threshold: float, weight: ArrayLike | None = None
) -> float | Floats:
    """Return the share of the positives that score at or above the threshold; arguments as `roc_auc`."""
    truth, positive = np.asarray(y_true, bool), np.asarray(y_score) >= threshold
    weights = _weights(weight, truth)
    right = (weights * (truth & positive)).sum(axis=-1)
    return _ratio(right, (weights * truth).sum(axis=-1), "sensitivity")


def specificity(
    y_true: ArrayLike, y_score: ArrayLike, *, threshold: float, weight: ArrayLike | None = None
) -> float | Floats:
    """Return the share of the negatives that score below the threshold; arguments as `roc_auc`."""
    truth, negative = np.asarray(y_true, bool), np.asarray(y_score) < threshold
    weights = _weights(weight, truth)
    right = (weights * (~truth & negative)).sum(axis=-1)
    return _ratio(right, (weights * ~truth).sum(axis=-1), "specificity")


def confusion(y_true: ArrayLike, y_score: ArrayLike, *, threshold: float) -> Confusion:
    """Count the radiographs by truth and by verdict."""
    truth, positive = np.asarray(y_true, bool), np.asarray(y_score) >= threshold
    cells = np.bincount(2 * truth + positive, minlength=4)
    return Confusion(*(int(cell) for cell in cells))


def bootstrap(
    y_true: ArrayLike,
    y_score: ArrayLike,
    groups: Sequence[str],
    metric: Metric,
    *,
    repeats: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of a metric, drawing whole patients with replacement.

    Pictures of one patient are alike, so patients are drawn, not pictures. Classes are not held fixed: a
    patient can have pictures of both. Draws for which the metric is undefined are skipped.

    Args:
        y_true: 0 or 1, shape (n,).
        y_score: shape (n,).
        groups: the patient (or group of near-copies) of each radiograph.
        metric: called with y_true, y_score and `weight=` of shape (draws, n).
        repeats: number of draws.
        seed: of the draws.

    Returns:
        The interval; NaN with a warning for fewer than two patients or where no draw defines the metric.

    Source:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13; of clusters, Field & Welsh
        2007, doi 10.1111/j.1467-9868.2007.00593.x.
    """
    names, member = np.unique(np.asarray(groups, str), return_inverse=True)
    if len(names) < 2:
        return _undefined_interval("an interval needs two patients")
    rng = np.random.default_rng(seed)
    drawn = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        for start in range(0, repeats, DRAWS_AT_ONCE):
            draws = min(DRAWS_AT_ONCE, repeats - start)
            times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
            drawn.append(metric(y_true, y_score, weight=times[:, member]))
    values = np.concatenate(drawn)
    values = values[~np.isnan(values)]
    if not len(values):
        return _undefined_interval("no draw of patients defines the metric")
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def wilson(successes: float, trials: float) -> Interval:
    """Return the Wilson score interval of a proportion: unlike the bootstrap's, not a point at 0 and at 1.

    Source:
        Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if not trials:
        return _undefined_interval("a proportion of nothing")
    share, shrink = successes / trials, 1 + Z**2 / trials
    middle = (share + Z**2 / (2 * trials)) / shrink
    reach = Z / shrink * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return Interval(max(0.0, float(middle - reach)), min(1.0, float(middle + reach)))


def operating_point(
    y_true: ArrayLike, y_score: ArrayLike, weight: ArrayLike, *, share: float = BAND_SHARE
) -> OperatingPoint:
    """Choose the threshold and the INCONCLUSIVE band, on validation radiographs.

    The threshold lies where weighted sensitivity plus specificity is greatest (Youden's index), half-way in
    logit between the two neighbouring scores; of equally good gaps the widest is taken. The band reaches
    equally far to both sides in logit and holds that share of the radiographs.

    Args:
        y_true: 0 or 1, shape (n,), both present.
        y_score: in [0, 1], shape (n,).
        weight: at least 0, shape (n,): what each radiograph counts.
        share: weighted share of the radiographs in the band, 0 to 1.

    Returns:
        The operating point. Equal scores everywhere give a threshold at that score, inside its band.

    Raises:
        DatasetError: a class without weight, or a score that is no number.

    Source:
        Youden 1950, doi 10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3.
    """
    truth, score = np.asarray(y_true, bool), np.asarray(y_score, np.float64)
    weights = _weights(weight, truth)
    if not ((weights * truth).sum() > 0 and (weights * ~truth).sum() > 0 and np.isfinite(score).all()):
        raise DatasetError(
            f"Expected finite validation scores of both classes. Received {truth.sum()} positives, "
            f"{(~truth).sum()} negatives, {(~np.isfinite(score)).sum()} scores that are not finite. Look at "
            "the split (`python -m training.prepare`) and at the run's history.csv."
        )
    score = _logit(score)
    threshold = _youden(truth, score, weights)
    reach = _nearest(np.abs(score - threshold), weights, share)
    point = np.clip(expit(threshold + np.array([-reach, 0.0, reach])), SCORE_FLOOR / 2, 1 - SCORE_FLOOR / 2)
    return OperatingPoint(threshold=float(point[1]), low=float(point[0]), high=float(point[2]))


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


def _nearest(distance: Floats, weights: Floats, share: float) -> float:
    """Return the distance within which the share lies: half-way from the last one in to the first one out."""
    if share <= 0:
        return 0.0
    levels, level = np.unique(distance, return_inverse=True)
    within = np.cumsum(np.bincount(level, weights)) / weights.sum()
    last = min(int(np.searchsorted(within, share - 1e-9)), len(levels) - 1)
    following = levels[last + 1] if last + 1 < len(levels) else levels[last] + 1e-6
    return float((levels[last] + following) / 2)


def _weights(weight: ArrayLike | None, like: NDArray[np.bool_]) -> Floats:
    return np.ones(len(like)) if weight is None else np.asarray(weight, np.float64)


def _ratio(part: ArrayLike, whole: ArrayLike, name: str) -> float | Floats:
    """Divide; 0 / 0 is NaN, with a warning."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    if not whole.all():
        message = f"{name} is undefined: a class it needs is missing."
        warnings.warn(message, UndefinedMetricWarning, stacklevel=3)
    result = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return result if result.ndim else float(result)


def _undefined_interval(reason: str) -> Interval:
    warnings.warn(f"The interval is undefined: {reason}.", UndefinedMetricWarning, stacklevel=3)
    return Interval(np.nan, np.nan)


def _logit(score: Floats) -> Floats:
    clipped = np.clip(score, SCORE_FLOOR, 1 - SCORE_FLOOR)
    return np.log(clipped) - np.log1p(-clipped)


def expit(logit: Floats) -> Floats:
    """Return 1 / (1 + exp(-logit))."""
    return 1 / (1 + np.exp(-logit))
