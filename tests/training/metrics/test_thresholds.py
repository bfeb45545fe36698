"""A threshold that means what it says, and its band."""

import numpy as np
import pytest

from tests.training.two_normals import two_normals
from training.metrics import discrimination
from training.metrics.thresholds import operating_point
from training.networks.first_edition import Band, verdict
from xray.errors import DatasetError
from xray.networks.heads import Verdict


def logit(score: float) -> float:
    return float(np.log(score / (1 - score)))


@pytest.mark.parametrize(
    ("y_score", "threshold"),
    [
        ([0.1, 0.2, 0.8, 0.9], 0.5),
        ([0.01, 0.1, 0.9, 0.99], 0.5),
        ([0.1, 0.2, 0.5, 0.9], 1 / 3),  # odds 1:4 and 1:1, in the middle 1:2
        ([0.3, 0.3, 0.3, 0.3], 0.3),
        ([0.0, 0.0, 1.0, 1.0], 0.5),
    ],
    ids=["separable", "wide", "skewed", "constant", "saturated"],
)
def test_threshold_lies_mid_gap_with_the_band_around_it(y_score: list[float], threshold: float) -> None:
    point = operating_point([0, 0, 1, 1], y_score, np.ones(4))
    assert point.threshold == pytest.approx(threshold)
    assert 0 < point.low < point.threshold < point.high < 1
    assert logit(point.high) + logit(point.low) == pytest.approx(2 * logit(point.threshold), abs=1e-6)


def test_one_score_for_everything_is_inconclusive() -> None:
    point = operating_point([0, 1], [0.7, 0.7], [1, 1])
    assert verdict(0.7, Band(point.low, point.high)) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_dead_network_still_gives_a_valid_point(score: float) -> None:
    point = operating_point([0, 1], [score, score], [1, 1])
    assert 0 < point.low <= point.threshold <= point.high < 1


def test_of_equally_good_gaps_the_widest_is_taken() -> None:
    # Between 0.2 and 0.3, and between 0.4 and 0.9, one of the four is on the wrong side.
    point = operating_point([0, 1, 0, 1], [0.2, 0.3, 0.4, 0.9], np.ones(4))
    assert 0.4 < point.threshold < 0.9


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better(seed: int) -> None:
    y_true, y_score = two_normals(150, seed)
    weight = np.random.default_rng(seed).random(150)

    def youden(threshold: float) -> float:
        found = (figure(y_true, y_score, threshold=threshold, weight=weight)
                 for figure in (discrimination.sensitivity, discrimination.specificity))  # fmt: skip
        return float(sum(found))

    point = operating_point(y_true, y_score, weight)
    assert youden(point.threshold) == pytest.approx(max(youden(score) for score in y_score))


def test_a_hospital_that_weighs_more_moves_the_threshold_but_class_sizes_do_not() -> None:
    y_true, y_score = [0, 0, 1, 1], [0.2, 0.6, 0.4, 0.8]
    low = operating_point(y_true, y_score, [1, 1, 3, 1])
    high = operating_point(y_true, y_score, [1, 3, 1, 1])
    assert 0.2 < low.threshold < 0.4
    assert 0.6 < high.threshold < 0.8
    rarer = operating_point(y_true, y_score, [1, 3, 0.01, 0.01])
    assert rarer.threshold == high.threshold


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3, 1.0])
def test_the_band_holds_its_share_of_the_weight(share: float) -> None:
    y_true, y_score = two_normals(2000, 6)
    weight = np.where(y_true, 3.0, 1.0)
    point = operating_point(y_true, y_score, weight, share=share)
    inside = (y_score >= point.low) & (y_score < point.high)
    assert share - 1e-9 <= weight[inside].sum() / weight.sum() <= share + 3 / weight.sum()


def test_no_share_gives_no_band() -> None:
    point = operating_point(*two_normals(50, 7), np.ones(50), share=0)
    assert point.low == point.threshold == point.high


@pytest.mark.parametrize(
    ("y_true", "y_score", "weight"),
    [
        ([1, 1], [0.2, 0.3], [1, 1]),
        ([0, 1], [0.2, 0.3], [1, 0]),
        ([0, 1], [0.2, np.nan], [1, 1]),
        ([], [], []),
    ],
    ids=["one class", "a class without weight", "not a number", "nothing"],
)
def test_no_point_can_be_chosen(y_true: list[int], y_score: list[float], weight: list[float]) -> None:
    with pytest.raises(DatasetError, match="both classes"):
        operating_point(y_true, y_score, weight)
