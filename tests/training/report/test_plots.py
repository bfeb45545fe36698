"""The plots: each is a picture that shows its data, also where there is little of it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from training.metrics.discrimination import Confusion
from training.metrics.thresholds import OperatingPoint
from training.report import plots

POINT = OperatingPoint(threshold=0.5, low=0.4, high=0.6)
HISTORY = [{"epoch": 1.0, "loss": 0.7, "val_loss": 0.8, "val_roc_auc": 0.6},
           {"epoch": 2.0, "loss": 0.5, "val_loss": 0.6, "val_roc_auc": 0.8}]  # fmt: skip


def scored(n: int, seed: int = 0) -> pd.DataFrame:
    y_true = np.arange(n) % 2
    return pd.DataFrame({
        "y_true": y_true, "y_score": np.random.default_rng(seed).random(n) * 0.5 + y_true * 0.5,
        "label": np.where(y_true, "covid", "normal"), "source": np.where(np.arange(n) % 3, "cohen", "nih"),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda path: plots.learning_curves(HISTORY, path),
         lambda path: plots.learning_curves(HISTORY[:1], path)),
        (lambda path: plots.roc({"all": scored(40)}, POINT, path),
         lambda path: plots.roc({"all": scored(40).assign(y_score=0.5)}, POINT, path)),
        (lambda path: plots.confusion_matrix(Confusion(9, 1, 2, 8), ("normal", "covid"), path),
         lambda path: plots.confusion_matrix(Confusion(0, 0, 2, 8), ("normal", "covid"), path)),
        (lambda path: plots.scores(scored(60), POINT, path),
         lambda path: plots.scores(scored(60).assign(y_score=1.0), POINT, path)),
        (lambda path: plots.scores(scored(60), POINT, path),
         lambda path: plots.scores(scored(60), OperatingPoint(0.9, 0.8, 0.95), path)),
    ],
    ids=["learning_curves", "roc", "confusion_matrix", "scores", "band"],
)  # fmt: skip
def test_a_plot_shows_its_data(
    one: Callable[[Path], None],
    other: Callable[[Path], None],
    tmp_path: Path,
) -> None:
    one(tmp_path / "one.png")
    other(tmp_path / "other.png")
    first, second = (cv2.imread(str(tmp_path / name)) for name in ("one.png", "other.png"))
    assert first.shape == second.shape
    assert (first != second).any()


def test_a_run_without_history_has_empty_curves(tmp_path: Path) -> None:
    plots.learning_curves([], tmp_path / "curves.png")
    assert cv2.imread(str(tmp_path / "curves.png")) is not None
