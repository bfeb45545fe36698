"""What a score is worth: calibration, thresholds and bands against cases worked out by hand."""

import numpy as np
import pytest
from scipy.special import expit

from training.metrics import calibration
from xray.errors import DatasetError


def drawn(n: int = 4000, slope: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are too timid by a factor, and what happened."""
    rng = np.random.default_rng(0)
    logit = rng.normal(size=n)
    return logit, rng.random(n) < expit(slope * logit + 1)


def test_the_calibration_error_is_the_distance_of_the_bins() -> None:
    """Two bins: 4 scores of 0.25 with one positive (right), 6 of 0.95 with three (0.45 too high)."""
    score = np.array([0.25] * 4 + [0.95] * 6)
    truth = np.array([1, 0, 0, 0] + [1, 1, 1, 0, 0, 0])
    assert calibration.expected_calibration_error(truth, score) == pytest.approx(0.6 * 0.45)
    bins = calibration.reliability(truth, score)
    assert [each["n"] for each in bins] == [4, 6]
    assert [each["positives"] for each in bins] == pytest.approx([0.25, 0.5])
    assert calibration.brier(truth, score) == pytest.approx(
        (1 * 0.75**2 + 3 * 0.25**2 + 3 * 0.05**2 + 3 * 0.95**2) / 10
    )


def test_the_threshold_keeps_the_stated_sensitivity() -> None:
    logit, truth = drawn()
    score = expit(logit)
    point = calibration.conformal_point(truth, score, np.ones(len(score)), sensitivity=0.9, error_rate=0.1)
    assert np.mean(score[truth] >= point.threshold) == pytest.approx(0.9, abs=0.005)
    assert point.negative_below <= point.threshold <= point.positive_from


@pytest.mark.parametrize("slope", [1.0, 12.0], ids=["classes overlap", "classes stand apart"])
def test_the_band_leaves_at_most_the_error_rate_of_either_class(slope: float) -> None:
    logit, truth = drawn(slope=slope)
    score = expit(slope * logit + 1)
    point = calibration.conformal_point(truth, score, np.ones(len(score)), sensitivity=0.9, error_rate=0.05)
    assert np.mean(score[truth] < point.negative_below) <= 0.0505
    assert np.mean(score[~truth] >= point.positive_from) <= 0.0505


@pytest.mark.parametrize(
    ("y_true", "y_score", "threshold"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5),
        ([0, 0, 1, 1], [0.1, 0.2, 0.5, 0.9], 1 / 3),  # odds 1:4 and 1:1, in the middle 1:2
        ([0, 0, 1, 1], [0.3, 0.3, 0.3, 0.3], 0.3),
        ([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0], 0.5),
        # Between 0.2 and 0.3, and between 0.4 and 0.9, one of the four is on the wrong side.
        ([0, 1, 0, 1], [0.2, 0.3, 0.4, 0.9], 1 / (1 + (1.5 / 9) ** 0.5)),
    ],
    ids=["separable", "skewed", "constant", "saturated", "the widest of two gaps"],
)
def test_the_best_threshold_lies_mid_gap(y_true: list[int], y_score: list[float], threshold: float) -> None:
    assert calibration.youden_threshold(y_true, y_score, np.ones(4)) == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("y_true", "y_score", "weight"),
    [([1, 1], [0.2, 0.3], [1, 1]), ([0, 1], [0.2, 0.3], [1, 0]), ([0, 1], [0.2, np.nan], [1, 1]), ([], [], [])],
    ids=["one class", "a class without weight", "not a number", "nothing"],
)
def test_no_point_can_be_chosen(y_true: list[int], y_score: list[float], weight: list[float]) -> None:
    with pytest.raises(DatasetError, match="both classes"):
        calibration.youden_threshold(y_true, y_score, weight)
    with pytest.raises(DatasetError, match="both classes"):
        calibration.conformal_point(np.ones(3, bool), np.ones(3), np.ones(3), sensitivity=0.9, error_rate=0.1)
