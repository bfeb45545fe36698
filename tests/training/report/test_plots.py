"""The plots: each is a PNG that shows its data, also where there is little of it."""

from collections.abc import Callable

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


def erased(shift: float = 1.0) -> pd.DataFrame:
    rng, parts = np.random.default_rng(0), []
    for head in ("covid_normal", "covid_pneumo"):
        for erasure in ("as_it_is", "lungs_erased"):
            y_true = np.arange(40) % 2
            scores = 1 / (1 + np.exp(-rng.normal((2 * y_true - 1) * shift)))
            parts.append(pd.DataFrame({"head": head, "erasure": erasure, "y_true": y_true, "y_score": scores}))
    return pd.concat(parts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: plots.roc({"all": scored(40)}, 0.5), lambda: plots.roc({"all": scored(40).assign(y_score=0.5)}, 0.5)),
        (lambda: plots.roc({"all": scored(40)}, 0.5), lambda: plots.roc({"all": scored(40)})),
        (lambda: plots.matrix([[9, 1], [2, 8]], LABELS, LABELS),
         lambda: plots.matrix([[0, 0], [2, 8]], LABELS, LABELS)),
        (lambda: plots.scores(scored(60), POINT), lambda: plots.scores(scored(60).assign(y_score=1.0), POINT)),
        (lambda: plots.scores(scored(60), POINT),
         lambda: plots.scores(scored(60), OperatingPoint(threshold=0.9, negative_below=0.8, positive_from=0.95))),
        (lambda: plots.auc_by_source({"a": {"all": measured()}}),
         lambda: plots.auc_by_source({"a": {"all": measured(None)}})),
        (lambda: plots.auc_by_source({"a": {"all": measured()}}),
         lambda: plots.auc_by_source({"a": {"all": measured(AREA | {"low": None, "high": None})}})),
        (lambda: plots.scores_by_erasure(erased()), lambda: plots.scores_by_erasure(erased(3))),
        (lambda: plots.scores_by_erasure(erased()), lambda: plots.scores_by_erasure(erased().assign(y_score=1.0))),
        (lambda: plots.grid([np.zeros((9, 9), np.uint8)]), lambda: plots.grid([np.zeros((9, 9), np.uint8)] * 2)),
    ],
    ids=["roc", "threshold", "matrix", "scores", "band", "one label", "interval", "erased",
         "ends", "grid"],
)  # fmt: skip
def test_a_plot_shows_its_data(one: Callable[[], bytes], other: Callable[[], bytes]) -> None:
    first, second = one(), other()
    assert first.startswith(b"\x89PNG") and second.startswith(b"\x89PNG")
    assert first != second and first == one(), "the same again, whenever it is drawn"
