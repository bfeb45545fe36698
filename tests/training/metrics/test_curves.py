"""What the app draws of a model agrees with its predictions."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc, roc_auc_score

from training.metrics import curves
from training.metrics.thresholds import OperatingPoint


@pytest.fixture
def predictions() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 600)
    score = np.clip(rng.normal(0.4 + 0.2 * truth, 0.15), 0, 1)
    return pd.DataFrame({"y_true": truth, "y_score": score, "split": np.where(np.arange(600) < 200, "val", "test")})


def test_the_thinned_curve_keeps_its_area(predictions: pd.DataFrame) -> None:
    found = curves.roc(predictions)
    x, y = found["false_positive_rate"], found["sensitivity"]
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert len(x) <= curves.ROC_POINTS
    assert auc(x, y) == pytest.approx(roc_auc_score(predictions.y_true, predictions.y_score), abs=0.01)
    assert curves.roc(predictions[predictions.y_true == 1]) == {}


def test_every_score_falls_into_one_step_of_its_split_and_class(predictions: pd.DataFrame) -> None:
    found = curves.histograms(predictions)
    for split in ("val", "test"):
        part = predictions[predictions.split == split]
        assert sum(found[split]["positive"]) == (part.y_true == 1).sum()
        assert sum(found[split]["negative"]) == (part.y_true == 0).sum()
    middle = np.average(np.arange(curves.BINS), weights=found["test"]["positive"])
    assert middle > np.average(np.arange(curves.BINS), weights=found["test"]["negative"])


def test_verdicts_are_those_of_the_rounded_score() -> None:
    part = pd.DataFrame({"y_true": [1, 1, 0, 0], "y_score": [0.59996, 0.5, 0.39994, 0.39996]})
    found = curves.verdicts(part, OperatingPoint(0.5, 0.4, 0.6))
    assert found == {
        "POSITIVE": {"positive": 1, "negative": 0},
        "INCONCLUSIVE": {"positive": 1, "negative": 1},
        "NEGATIVE": {"positive": 0, "negative": 1},
    }
