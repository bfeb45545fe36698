"""Figures of films that were judged in folds."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score

from training.metrics import folds as fold_metrics

Y = np.array([1, 0, 1, 0, 1, 0])
SCORE = np.array([0.9, 0.1, 5.0, 6.0, 7.0, 5.5])
FOLDS = np.array([0, 0, 1, 1, 1, 1])


def test_scores_of_two_folds_are_never_compared():
    # Fold 0: 1 pair won of 1. Fold 1: 7 beats 6 and 5.5; 5 beats none: 2 of 4.
    assert fold_metrics.paired_auc(FOLDS)(Y, SCORE) == pytest.approx(3 / 5)
    shifted = SCORE + 100 * (FOLDS == 0)
    assert fold_metrics.paired_auc(FOLDS)(Y, shifted) == pytest.approx(3 / 5)


@pytest.mark.parametrize(("ours", "theirs"), [(fold_metrics.precision, precision_score), (fold_metrics.f1, f1_score)])
def test_precision_and_f1_are_scikit_learns(ours, theirs):
    rng = np.random.default_rng(0)
    y, score, times = rng.integers(0, 2, 50), rng.normal(size=50), rng.integers(0, 4, (3, 50))
    expected = [theirs(y, score >= 0.2, sample_weight=each) for each in times]
    assert ours(y, score, threshold=0.2, weight=times) == pytest.approx(expected)
    assert np.isnan(fold_metrics.precision(y, score, threshold=99.0))


def test_figures_over_all_films_and_inside_a_source_differ_where_the_source_tells(fewer_draws):
    rng = np.random.default_rng(1)
    sources = np.array(["a"] * 40 + ["b"] * 40)
    y = np.array(([1] * 30 + [0] * 10) + ([1] * 10 + [0] * 30))
    margin = (sources == "a") * 2.0 - 1 + rng.normal(scale=0.01, size=80)  # knows the source and nothing else
    groups, folds = np.arange(80).astype(str), np.zeros(80, int)
    found = fold_metrics.measured(y, margin, groups, folds, sources)
    assert found["roc_auc"]["value"] > 0.7 > 0.62 > found["inside"]["value"]
    assert found["roc_auc"]["low"] < found["roc_auc"]["value"] < found["roc_auc"]["high"]
    assert set(found["by_source"]) == {"a", "b"} and found["by_source"]["a"]["n"] == 40
    assert found["sensitivity"]["value"] == pytest.approx(30 / 40)


def test_a_gain_is_that_over_the_same_films(fewer_draws):
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 60)
    groups, strata = np.arange(60).astype(str), ["0"] * 60
    worse = rng.normal(size=60)
    better = worse + 3 * y
    gain = fold_metrics.gained(y, better, worse, groups, strata)
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert fold_metrics.gained(y, worse, worse, groups, strata) == {"value": 0.0, "low": None, "high": None}
