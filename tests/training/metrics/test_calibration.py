"""What a score is worth: calibration, thresholds and bands against cases worked out by hand."""

import numpy as np
import pytest

from training.metrics import calibration
from training.metrics.discrimination import expit
from xray.errors import DatasetError


def drawn(n: int = 4000, slope: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are too timid by a factor, and what happened."""
    rng = np.random.default_rng(0)
    logit = rng.normal(size=n)
    return logit, rng.random(n) < expit(slope * logit + 1)


def test_platt_finds_the_line_and_lowers_the_calibration_error() -> None:
    logit, truth = drawn()
    line = calibration.platt(logit, truth, np.ones(len(logit)))
    assert line.slope == pytest.approx(3.0, abs=0.3) and line.intercept == pytest.approx(1.0, abs=0.2)
    before = calibration.expected_calibration_error(truth, expit(logit))
    after = calibration.expected_calibration_error(truth, expit(line.slope * logit + line.intercept))
    assert before > 0.1 and after < 0.02


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
    point = calibration.operating_point(truth, score, np.ones(len(score)), sensitivity=0.9, error_rate=0.1)
    assert np.mean(score[truth] >= point.threshold) == pytest.approx(0.9, abs=0.005)
    assert point.low <= point.threshold <= point.high


@pytest.mark.parametrize("slope", [1.0, 12.0], ids=["classes overlap", "classes stand apart"])
def test_the_band_leaves_at_most_the_error_rate_of_either_class(slope: float) -> None:
    logit, truth = drawn(slope=slope)
    score = expit(slope * logit + 1)
    point = calibration.operating_point(truth, score, np.ones(len(score)), sensitivity=0.9, error_rate=0.05)
    assert np.mean(score[truth] < point.low) <= 0.0505
    assert np.mean(score[~truth] >= point.high) <= 0.0505


def test_weights_count_as_copies() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4])
    weighted = calibration.quantile(values, np.array([3.0, 1.0, 1.0, 1.0]), 0.5)
    assert (
        weighted
        == calibration.quantile(np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.4]), np.ones(6), 0.5)
        == pytest.approx(0.15)
    )


def test_predictive_values_are_bayes() -> None:
    rare, *_, even = calibration.predictive_values(0.9, 0.8)
    assert (rare["prevalence"], even["prevalence"]) == (0.01, 0.5)
    assert rare["positive"] == pytest.approx(0.009 / (0.009 + 0.198))
    assert even["negative"] == pytest.approx(0.4 / (0.4 + 0.05))


def test_one_class_has_no_threshold() -> None:
    with pytest.raises(DatasetError, match="both classes"):
        calibration.operating_point(np.ones(3, bool), np.ones(3), np.ones(3), sensitivity=0.9, error_rate=0.1)
