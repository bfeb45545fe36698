"""The plots of an audit: each shows its data, also where there is little of it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib", reason="needs requirements-train.txt")

from training.evaluate.lung_audit import SHOWN  # noqa: E402
from training.report import audit_plots

AREA = {"value": 0.8, "low": 0.7, "high": 0.9}


def scored(n: int, power: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    share = rng.random(n)
    return pd.DataFrame({"y_true": (rng.random(n) < share).astype(int), "y_score": share**power})


def measured(area: dict[str, float | None] | None = AREA, positives: int = 30) -> dict[str, object]:
    return {"roc_auc": area, "positives": positives, "negatives": 20}


def erased(shift: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    parts = []
    for head in ("covid_normal", "covid_pneumo"):
        for erasure in SHOWN:
            y_true = np.arange(40) % 2
            logits = rng.normal((2 * y_true - 1) * shift)
            parts.append(pd.DataFrame({
                "head": head, "erasure": erasure, "y_true": y_true, "y_score": 1 / (1 + np.exp(-logits)),
            }))  # fmt: skip
    return pd.concat(parts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda path: audit_plots.reliability({"a": scored(400)}, path),
         lambda path: audit_plots.reliability({"a": scored(400, 2)}, path)),
        (lambda path: audit_plots.reliability({"a": scored(400)}, path),
         lambda path: audit_plots.reliability({"a": scored(400).iloc[:3]}, path)),
        (lambda path: audit_plots.reliability({"a": scored(400)}, path),
         lambda path: audit_plots.reliability({"a": scored(400), "b": scored(400, 0.5)}, path)),
        (lambda path: audit_plots.auc_by_source({"a": {"all": measured(), "nih": measured()}}, path),
         lambda path: audit_plots.auc_by_source({"a": {"all": measured(), "nih": measured(None)}}, path)),
        (lambda path: audit_plots.auc_by_source({"a": {"all": measured()}}, path),
         lambda path: audit_plots.auc_by_source({"a": {"all": measured(AREA | {"low": 0.5})}}, path)),
        (lambda path: audit_plots.auc_by_source({"a": {"all": measured()}}, path),
         lambda path: audit_plots.auc_by_source({"a": {"all": measured(AREA | {"low": None, "high": None})}}, path)),
        (lambda path: audit_plots.auc_by_source({"a": {"all": measured()}, "b": {}}, path),
         lambda path: audit_plots.auc_by_source({"a": {}, "b": {"all": measured()}}, path)),
        (lambda path: audit_plots.scores_by_erasure(erased(), path),
         lambda path: audit_plots.scores_by_erasure(erased(3), path)),
        (lambda path: audit_plots.scores_by_erasure(erased(), path),
         lambda path: audit_plots.scores_by_erasure(erased().assign(y_score=1.0), path)),
        (lambda path: audit_plots.scores_by_erasure(erased(), path),
         lambda path: audit_plots.scores_by_erasure(erased().assign(y_true=1), path)),
    ],
    ids=["calibration", "few", "curves", "one class", "interval", "no interval", "head", "scores", "ends", "truth"],
)  # fmt: skip
def test_a_plot_shows_its_data(one: Callable[[Path], None], other: Callable[[Path], None], tmp_path: Path) -> None:
    one(tmp_path / "one.png")
    other(tmp_path / "other.png")
    first, second = (cv2.imread(str(tmp_path / name)) for name in ("one.png", "other.png"))
    assert first.shape[0] == second.shape[0]
    assert first.shape != second.shape or (first != second).any()


def test_a_plot_drawn_again_is_the_same(tmp_path: Path) -> None:
    for name in ("one.png", "other.png"):
        audit_plots.scores_by_erasure(erased(), tmp_path / name)
    first, second = (cv2.imread(str(tmp_path / name)) for name in ("one.png", "other.png"))
    np.testing.assert_array_equal(first, second)


def test_scores_of_0_and_1_have_their_bins(tmp_path: Path) -> None:
    ends = pd.DataFrame({"y_true": [0, 1, 1], "y_score": [0.0, 1.0, 1.0]})
    audit_plots.reliability({"ends": ends}, tmp_path / "ends.png")
    assert cv2.imread(str(tmp_path / "ends.png")) is not None
