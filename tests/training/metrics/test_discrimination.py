"""Figures of merit: known values, and honest intervals."""

from functools import partial

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import confusion_matrix, recall_score, roc_auc_score

from tests.training.two_normals import TRUE_AUC, two_normals
from training.metrics import discrimination


def each_alone(n: int) -> list[str]:
    return [f"patient {number}" for number in range(n)]


def width(interval: discrimination.Interval) -> float:
    return interval.high - interval.low


@pytest.mark.parametrize("decimals", [1, 9], ids=["ties", "no ties"])
def test_figures_agree_with_scikit_learn(decimals: int) -> None:
    y_true, y_score = two_normals(300, 1)
    y_score = np.round(y_score, decimals)
    weight = np.random.default_rng(2).integers(0, 4, (2, 300))
    called = y_score >= 0.6
    sensitivity = partial(discrimination.sensitivity, y_true, y_score, threshold=0.6)
    specificity = partial(discrimination.specificity, y_true, y_score, threshold=0.6)
    for drawn in (None, *weight):
        assert discrimination.roc_auc(y_true, y_score, weight=drawn) == pytest.approx(
            roc_auc_score(y_true, y_score, sample_weight=drawn)
        )
        assert sensitivity(weight=drawn) == pytest.approx(recall_score(y_true, called, sample_weight=drawn))
        right = recall_score(y_true, called, pos_label=0, sample_weight=drawn)
        assert specificity(weight=drawn) == pytest.approx(right)
    many = discrimination.roc_auc(y_true, y_score, weight=weight)
    np.testing.assert_allclose(many, [discrimination.roc_auc(y_true, y_score, weight=row) for row in weight])
    counts = discrimination.confusion(y_true, y_score, threshold=0.6)
    assert counts == tuple(confusion_matrix(y_true, called).ravel())


@pytest.mark.parametrize(
    ("metric", "y_true"),
    [
        (discrimination.roc_auc, [1, 1]),
        (discrimination.roc_auc, [0, 0]),
        (discrimination.roc_auc, []),
        (partial(discrimination.sensitivity, threshold=0.5), [0, 0]),
        (partial(discrimination.specificity, threshold=0.5), [1, 1]),
    ],
)
def test_an_undefined_figure_is_nan_and_says_so(metric: discrimination.Metric, y_true: list[int]) -> None:
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(metric(y_true, [0.4, 0.6][: len(y_true)]))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = 0
    for seed in range(100):
        y_true, y_score = two_normals(120, seed)
        low, high = discrimination.bootstrap(y_true, y_score, each_alone(120), discrimination.roc_auc, repeats=300)
        held += low <= TRUE_AUC <= high
    # Of 100 draws at 95 % fewer than 87 or as many as 100 come once in hundreds of times.
    assert 87 <= held < 100


def test_copies_of_a_patient_add_no_certainty() -> None:
    y_true, y_score = (np.repeat(values, 9) for values in two_normals(100, 4))
    patients = np.repeat(each_alone(100), 9)
    by_patient = discrimination.bootstrap(y_true, y_score, list(patients), discrimination.roc_auc)
    by_picture = discrimination.bootstrap(y_true, y_score, each_alone(900), discrimination.roc_auc)
    assert width(by_patient) / width(by_picture) == pytest.approx(3, rel=0.25)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (20, 20), (52, 54), (0, 234), (185, 390)])
def test_wilson_agrees_with_scipy(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    assert discrimination.wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)
