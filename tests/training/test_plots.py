"""The plots: each is a picture that shows its data, also where there is little of it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from training import plots
from training.metrics import Confusion, OperatingPoint
from xray.analysis import Analysis, Prediction
from xray.classifier import Verdict
from xray.errors import NotAChestXrayError
from xray.metadata import Band
from xray.preprocess import Box

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


@pytest.fixture
def wrong(tmp_path: Path) -> pd.DataFrame:
    """Five wide and tall radiographs."""
    names = [f"{number}.png" for number in range(5)]
    for number, name in enumerate(names):
        picture = np.full((80 + 60 * number, 160), 90 + 20 * number, np.uint8)
        cv2.imencode(".png", picture)[1].tofile(tmp_path / name)
    return pd.DataFrame({"path": names, "label": "covid", "source": "cohen", "view": "PA", "y_score": 0.1})


def analysis_of(picture: NDArray[np.uint8]) -> Analysis:
    box = Box(0, picture.shape[0], 0, picture.shape[1])
    shape = (picture.shape[0], picture.shape[1])
    prediction = Prediction(
        model="covid_normal", title="Model 1", version="1.0.0", verdict=Verdict.NEGATIVE, score=0.1,
        threshold=0.5, band=Band(0.4, 0.6), positive="covid", negative="normal", explained="normal",
        cam=np.ones((12, 12), np.float32), box=box, shape=shape,
    )  # fmt: skip
    return Analysis(picture, np.zeros(shape, bool), box, (prediction,))


def refuse(content: bytes, models: list[str]) -> Analysis:
    raise NotAChestXrayError("no lungs")


def warm(content: bytes, models: list[str]) -> Analysis:
    return analysis_of(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE))


@pytest.mark.parametrize(
    ("analyse", "coloured"), [(None, False), (refuse, False), (warm, True)], ids=["bare", "refused", "heat"]
)
def test_every_mistake_has_its_tile(
    wrong: pd.DataFrame, tmp_path: Path, analyse: Callable[..., Analysis] | None, coloured: bool
) -> None:
    analyzer = analyse and SimpleNamespace(analyse=analyse)
    plots.mistakes(wrong, tmp_path, "covid_normal", analyzer, tmp_path / "grid.png")
    grid = cv2.imread(str(tmp_path / "grid.png"))
    height, width = plots.TILE + plots.CAPTION, plots.TILE
    assert grid.shape == (2 * height, plots.COLUMNS * width, 3)
    centres = [grid[row * height + plots.TILE // 2, column * width + width // 2].astype(int)
               for row, column in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 0))]  # fmt: skip
    assert len({tuple(centre) for centre in centres}) == len(wrong)
    assert all((np.ptp(centre) > 20) == coloured for centre in centres)
