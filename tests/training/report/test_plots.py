"""The plots: each is a PNG that shows its data, also where there is little of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.report import plots
from xray.networks.metadata import OperatingPoint

POINT = OperatingPoint(threshold=0.5, negative_below=0.4, positive_from=0.6)
AREA = {"value": 0.8, "low": 0.7, "high": 0.9}
LABELS = ("normal", "covid")


def scored(n: int) -> pd.DataFrame:
    y_true = np.arange(n) % 2
    return pd.DataFrame({
        "y_true": y_true, "y_score": np.random.default_rng(0).random(n) * 0.5 + y_true * 0.5,
        "label": np.where(y_true, "covid", "normal"), "source": np.where(np.arange(n) % 3, "cohen", "nih"),
    })  # fmt: skip


def measured(area: dict[str, float | None] | None = AREA) -> dict[str, object]:
    return {"roc_auc": area, "positives": 30, "negatives": 20}


def erased() -> pd.DataFrame:
    parts = [
        scored(40).assign(head=head, erasure=erasure)
        for head in ("covid_normal", "covid_pneumo")
        for erasure in ("as_it_is", "lungs_erased")
    ]
    return pd.concat(parts)


@pytest.mark.parametrize(
    ("draw", "one", "other"),
    [
        (plots.roc, [{"all": scored(40)}, 0.5], [{"all": scored(40).assign(y_score=0.5)}, 0.5]),
        (plots.roc, [{"all": scored(40)}, 0.5], [{"all": scored(40)}]),
        (plots.matrix, [[[9, 1], [2, 8]], LABELS, LABELS], [[[0, 0], [2, 8]], LABELS, LABELS]),
        (plots.scores, [scored(60), POINT], [scored(60).assign(y_score=1.0), POINT]),
        (plots.scores, [scored(60), POINT],
         [scored(60), OperatingPoint(threshold=0.9, negative_below=0.8, positive_from=0.95)]),
        (plots.auc_by_source, [{"a": {"all": measured()}}], [{"a": {"all": measured(None)}}]),
        (plots.auc_by_source, [{"a": {"all": measured()}}],
         [{"a": {"all": measured(AREA | {"low": None, "high": None})}}]),
        (plots.scores_by_erasure, [erased()], [erased().assign(y_score=1.0)]),
        (plots.grid, [[np.zeros((9, 9), np.uint8)]], [[np.zeros((9, 9), np.uint8)] * 2]),
    ],
    ids=["roc", "threshold", "matrix", "scores", "band", "one label", "interval", "erased", "grid"],
)  # fmt: skip
def test_a_plot_shows_its_data(draw: Callable[..., bytes], one: list[Any], other: list[Any]) -> None:
    first, second = draw(*one), draw(*other)
    assert first.startswith(b"\x89PNG") and second.startswith(b"\x89PNG")
    assert first != second and first == draw(*one), "the same again, whenever it is drawn"
