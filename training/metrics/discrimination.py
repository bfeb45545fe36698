"""Figures of merit for two classes, and their intervals.

A score at or above the threshold is positive. An undefined figure is NaN with a warning, never 0.
Every figure takes weights of shape (n,), or (draws, n): a bootstrap draw is a row of weights.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
from sklearn.exceptions import UndefinedMetricWarning

Floats = NDArray[np.float64]
Metric = Callable[..., float | Floats]

LEVEL = 0.95
Z = float(stats.norm.ppf((1 + LEVEL) / 2))
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


def mean(_: ArrayLike, y_score: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
    """Return the mean score; arguments as `roc_auc`, the truth unused."""
    score = np.asarray(y_score, np.float64)
    weights = np.ones(len(score)) if weight is None else np.asarray(weight, np.float64)
    return np.asarray(weights @ score / weights.sum(axis=-1))[()]


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

    Radiographs of one patient are alike, so patients are drawn, not radiographs. Classes are not held fixed: a
    patient can have radiographs of both. Draws for which the metric is undefined are skipped.

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

    Args:
        successes: may be no whole number, which SciPy's interval refuses: a share of groups.
        trials: how many.

    Source:
        Wilson 1927, doi 10.1080/01621459.1927.10502953.
    """
    if not trials:
        return _undefined_interval("a proportion of nothing")
    share, shrink = successes / trials, 1 + Z**2 / trials
    middle = (share + Z**2 / (2 * trials)) / shrink
    reach = Z / shrink * np.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return Interval(max(0.0, float(middle - reach)), min(1.0, float(middle + reach)))


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


def logit(score: Floats) -> Floats:
    """Return log(p / (1 - p)), between -16 and 16."""
    return np.asarray(special.logit(np.clip(score, SCORE_FLOOR, 1 - SCORE_FLOOR)))
