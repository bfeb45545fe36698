"""The right figures, and none where the classes do not define them."""

import pandas as pd
import pytest

from training.metrics import figures

pytestmark = pytest.mark.usefixtures("fewer_draws")


@pytest.fixture
def test_part(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of the test split."""
    return predictions[predictions.split == "test"]


def test_figures_of_a_part(test_part: pd.DataFrame) -> None:
    everything = figures.measure(test_part, 0.5)
    assert (everything["n"], everything["patients"]) == (9, 8)
    assert (everything["positives"], everything["negatives"]) == (4, 5)
    assert everything["confusion"] == {
        "true_negative": 3, "false_positive": 2, "false_negative": 1, "true_positive": 3,
    }  # fmt: skip
    # Of the 20 pairs the missed 0.1 outscores only 0.05, and 0.55 loses to 0.65 and 0.7.
    assert everything["roc_auc"]["value"] == pytest.approx((5 + 3 + 1 + 5) / 20)
    assert everything["sensitivity"]["value"] == pytest.approx(3 / 4)
    assert everything["specificity"]["value"] == pytest.approx(3 / 5)
    for name in ("roc_auc", "sensitivity", "specificity"):
        assert 0 <= everything[name]["low"] < everything[name]["value"] < everything[name]["high"] <= 1


def test_a_source_with_one_class_gets_no_auc(test_part: pd.DataFrame) -> None:
    sources = {name: figures.measure(rows, 0.5) for name, rows in test_part.groupby("source")}
    assert sources["cohen"]["roc_auc"]["value"] == pytest.approx(3 / 6)
    assert sources["kermany"]["roc_auc"] is sources["kermany"]["sensitivity"] is None
    assert sources["kermany"]["specificity"]["value"] == pytest.approx(2 / 3)
    alone = sources["radiography-covid"]
    assert alone["roc_auc"] is alone["specificity"] is None
    # One patient, always found: by Wilson's formula at least 1 / (1 + 1.96²) of such patients are.
    assert alone["sensitivity"]["value"] == 1
    assert alone["sensitivity"]["low"] == pytest.approx(1 / (1 + 1.959964**2))


def test_a_perfect_auc_claims_no_interval(test_part: pd.DataFrame) -> None:
    perfect = test_part.assign(y_score=0.1 + 0.8 * test_part.y_true)
    assert figures.measure(perfect, 0.5)["roc_auc"] == {"value": 1, "low": None, "high": None}
