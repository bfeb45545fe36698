"""The operating point of two classes: where scores become verdicts, chosen on validation radiographs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.metrics.discrimination import SCORE_FLOOR, Floats, expit, logit
from xray.errors import DatasetError

# Share of the validation radiographs that the articles' heads answer INCONCLUSIVE; those that are served have the band
# of training/metrics/calibration.py.
BAND_SHARE = 0.05


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
    weights = np.asarray(weight, np.float64)
    if not ((weights * truth).sum() > 0 and (weights * ~truth).sum() > 0 and np.isfinite(score).all()):
        raise DatasetError(
            f"Expected finite validation scores of both classes. Received {truth.sum()} positives, "
            f"{(~truth).sum()} negatives, {(~np.isfinite(score)).sum()} scores that are not finite. Look at "
            "the split (`python -m training prepare`) and at the run's history.csv."
        )
    score = logit(score)
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
