"""The grid of mistakes: the worst first, the heat of this very run, or none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from training.networks.first_edition import DenseHead
from xray.networks.preprocess import LUNG_BOX, Recipe

keras = pytest.importorskip("keras", reason="needs requirements-train.txt")
from training.fit import features  # noqa: E402
from training.report import mistakes  # noqa: E402

RECIPE = Recipe(LUNG_BOX, 64)
CLASSES = ("normal", "covid")
FILM = np.full((120, 160), 100, np.uint8)
LUNGS = np.zeros(FILM.shape, bool)
LUNGS[20:100, 40:120] = True
# One channel, warm in the upper left quarter, which speaks for the second class: logits 0 and 2.
WARM = np.zeros((1, 4, 4, 1), np.float32)
WARM[0, :2, :2] = 4
HEAD = DenseHead(*(np.array(each, np.float32) for each in ([[1]], [0], [[0, 2]], [0, 0])))
SCORE = 1 / (1 + np.exp(-2))


@pytest.fixture
def explainer() -> mistakes.Explainer:
    return mistakes.Explainer(lambda _: WARM, RECIPE, HEAD)


def test_the_worst_of_each_class_come_first(predictions: pd.DataFrame) -> None:
    wrong = mistakes.worst(predictions[predictions.split == "test"], 0.5)
    assert list(wrong.sha256) == ["c3", "c5", "k3"]


def test_heat_lies_where_the_network_saw_the_wrong_class(explainer: mistakes.Explainer) -> None:
    heat = explainer.heat(FILM, LUNGS, SCORE, 1).astype(int)
    assert heat.shape == (*FILM.shape, 3)
    colour = np.ptp(heat, axis=2)
    assert colour[40, 60] > 50
    assert colour[90, 110] == 0 and colour[5, 5] == 0
    none = explainer.heat(FILM, LUNGS, SCORE, 0)
    assert np.ptp(none[40, 60].astype(int)) == 0, "nothing speaks for the other class"


@pytest.mark.parametrize(("score", "same"), [(SCORE, True), (SCORE - 0.01, True), (SCORE - 0.05, False)])
def test_heat_of_another_score_is_not_shown(explainer: mistakes.Explainer, score: float, same: bool) -> None:
    assert (explainer.heat(FILM, LUNGS, score, 1) is not None) is same


def test_the_head_is_the_run_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(mistakes, "Network", opened.append)
    arrays = {"output_kernel": np.ones((512, 2), np.float32), "output_bias": np.zeros(2, np.float32)}
    np.savez(tmp_path / "head.npz", **arrays)
    facts = {"weights": "vgg16_cxr", "config": {"recipe": {"name": LUNG_BOX, "size": 64}}}
    found = mistakes.explainer(tmp_path, facts)
    assert found is not None and found.recipe == RECIPE and opened == [features.served("vgg16_cxr")]
    for name, array in arrays.items():
        np.testing.assert_array_equal(getattr(found.head, name), array)


@pytest.mark.parametrize("weights", ["imagenet", "runs/backbone/vgg16.weights.h5"])
def test_a_run_on_another_backbone_has_no_heat(tmp_path: Path, weights: str) -> None:
    assert mistakes.explainer(tmp_path, {"weights": weights}) is None


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Seven wide and tall missed radiographs, and a lung network that finds the same in all."""
    names = [f"{number}.png" for number in range(7)]
    for number, name in enumerate(names):
        picture = np.full((80 + 40 * number, 160), 90 + 20 * number, np.uint8)
        cv2.imencode(".png", picture)[1].tofile(tmp_path / name)
    found = cv2.resize(LUNGS.astype(np.float32), (128, 128))[None, ..., None]
    monkeypatch.setattr(mistakes, "Network", lambda _: lambda _: found)
    kinds = {"label": "covid", "source": "cohen", "view": "PA", "y_true": 1}
    return pd.DataFrame({"path": names, **kinds, "y_score": 1 - SCORE})


def grid(wrong: pd.DataFrame, folder: Path, explainer: mistakes.Explainer | None) -> np.ndarray:
    mistakes.draw(wrong, folder, CLASSES, explainer, folder / "grid.png")
    return cv2.imread(str(folder / "grid.png")).astype(int)


def middles(picture: np.ndarray, row: int) -> list[Any]:
    """Look at the middle of each panel of a row of the grid."""
    panel, below = mistakes.PANEL, mistakes.PANEL + mistakes.CAPTION
    top = picture.shape[0] % below + row * below
    return [tuple(picture[top + panel // 2, left + panel // 2]) for left in range(0, picture.shape[1], panel)]


def test_every_film_has_its_heat_beside_it(wrong: pd.DataFrame, tmp_path: Path) -> None:
    # Evidence for normal, which is what the missed films were called.
    head = DenseHead(HEAD.dense_kernel, HEAD.dense_bias, HEAD.output_kernel[:, ::-1], HEAD.output_bias)
    everywhere = np.ones((1, 4, 4, 1), np.float32)
    picture = grid(wrong, tmp_path, mistakes.Explainer(lambda _: everywhere, RECIPE, head))
    assert picture.shape[1] == mistakes.PANELS_A_ROW * mistakes.PANEL
    films, heats = middles(picture, 0)[::2], middles(picture, 0)[1::2]
    assert len(set(films)) == 3 and all(np.ptp(film) == 0 for film in films)
    assert all(np.ptp(heat) > 20 for heat in heats)
    assert len(set(middles(picture, 2)[2:])) == 1, "no radiograph is left for the last places"


@pytest.mark.parametrize("make", [lambda: None, lambda: mistakes.Explainer(lambda _: WARM * 0, RECIPE, HEAD)])
def test_without_heat_the_films_stay(
    wrong: pd.DataFrame, tmp_path: Path, make: Callable[[], mistakes.Explainer | None]
) -> None:
    explainer = make()
    picture = grid(wrong, tmp_path, explainer)
    assert all(np.ptp(middle) <= 5 for middle in middles(picture, 0))
    assert len(set(middles(picture, 0))) == (3 if explainer else 6)


def test_the_grid_says_whether_it_has_heat(
    wrong: pd.DataFrame, explainer: mistakes.Explainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    title = mistakes._title
    monkeypatch.setattr(mistakes, "_title", lambda text, width: said.append(text) or title(text, width))
    for each in (explainer, None):
        grid(wrong, tmp_path, each)
    assert said[0].startswith("7 radiographs") and mistakes.HEAT in said[0]
    assert said[1].startswith("7 radiographs") and mistakes.NO_HEAT in said[1]
