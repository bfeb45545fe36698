"""The grid of settings: its cells, its resuming, its report."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

from training.config import CONFIGS, load
from training.data import crops
from training.evaluate import baselines
from training.studies.compare.images import sample
from training.studies.grid import cells as gridded
from training.studies.grid import grid
from training.studies.grid.cells import Cell, GridConfig
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

CONFIG = """
backbones = ["MobileNetV2"]
weights = "random"
size = 32
recipe = "whole-image"
batch = 8
shares = [0.3]
optimizers = ["SGD", "Adam"]
learning_rates = [0.001]
decays = ["cosine"]
epochs = [1]
[films]
negative = ["normal"]
positive = ["covid", "pneumonia"]
splits = ["train", "val", "test", "held_out"]
at_most = 6
folds = 3
seed = 42
"""


@pytest.fixture
def small(tmp_path, collection, monkeypatch, small_backbones, fewer_draws):
    """The command line of a grid of two cells on drawn films."""
    gridded.network.cache_clear()
    (tmp_path / "c.toml").write_text(CONFIG)
    argv = ["grid", str(tmp_path / "c.toml"), "--manifest", str(collection), "--output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", argv)
    return tmp_path / "out"


def test_the_later_projects_grid_is_whole():
    cells = gridded.cells(load(CONFIGS / "grid.toml", GridConfig))
    assert len(set(cells)) == len(cells) == 3 * 3 * 3 * 3 * 3 * 2
    assert Cell("EfficientNetB4", 0.5, "Adamax", 0.001, "cosine", 40) in cells
    # What shares a network and its frozen part stands together: its features are computed once.
    order = [(cell.backbone, cell.share) for cell in cells]
    assert sum(one != other for one, other in zip(order, order[1:], strict=False)) == 3 * 3 - 1
    assert len(gridded.cells(load(CONFIGS / "grid_small.toml", GridConfig))) == 6


def test_settings_that_nobody_knows_are_refused():
    config = load(CONFIGS / "grid_small.toml", GridConfig)
    for change in ({"optimizers": ("Adamw",)}, {"decays": ("linear",)}, {"shares": (0.0, 0.5)}):
        with pytest.raises(DatasetError, match="Expected (optimizers|decays|shares)"):
            replace(config, **change)


@pytest.mark.parametrize(("decay", "half", "end"), [("none", 1, 1), ("cosine", 0.5, 0), ("exponential", 0.1**0.5, 0.1)])
def test_a_rate_decays_over_the_whole_training(decay, half, end):
    rate = gridded.rate(Cell("", 1.0, "SGD", 0.01, decay, 10), 100)
    at = (lambda step: rate) if decay == "none" else (lambda step: float(rate(step)))
    assert [at(step) / 0.01 for step in (0, 50, 100)] == pytest.approx([1, half, end], abs=1e-6)


def test_a_grid_stops_goes_on_and_scores_test_films_of_the_best_alone(small, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--cells", "1"])
    grid.main()
    assert "1 of 2 cells" in capsys.readouterr().out
    first = next((small / "cells").iterdir())
    changed = json.loads(first.read_text()) | {"val": 1.5}  # seen again only where the cell is not done again
    first.write_text(json.dumps(changed))
    monkeypatch.setattr(sys, "argv", [*sys.argv[:-2], "--estimate"])
    grid.main()
    report = json.loads((small / "report.json").read_text())
    assert [cell["optimizer"] for cell in report["cells"]] == ["SGD", "Adam"]
    assert report["best"]["val"] == 1.5 and all(each["roc_auc"] for each in report["best"]["test"].values())
    assert list(report["best"]["test"]) == ["the best cell", *baselines.BASELINES.values()]
    assert all("test" not in name for cell in report["cells"] for name in cell)
    assert [each["cells"] for each in report["estimate"]] == [2] and report["estimate"][0]["hours"] > 0
    html = (small / "report.html").read_text()
    assert "Adam" in html and "How long the whole takes" in html and html.count("data:image/png") == 1


def test_a_cell_that_diverged_is_tabulated_as_such_and_never_chosen(small, collection):
    config = load(small.parent / "c.toml", GridConfig)
    films = sample(collection, config.films)
    pictures = crops.crops(collection, Recipe(config.recipe, 32), films.rows).pictures
    cell = gridded.learn(Cell("MobileNetV2", 0.3, "SGD", float("inf"), "none", 1), films, config, pictures)
    assert cell["val"] is None and cell["test_logits"] is None
    good = {**cell, "val": 0.5}
    assert gridded.best([cell, good]) is good and gridded.best([cell]) is None
    report = {"cells": [cell], "best": None, "estimate": []}
    parts = grid.sections(films, config, report)
    assert parts[1].tables[0].rows[0][-2] == "diverged"
    assert (
        set(map(len, gridded.parts(films).values())) != {0}
        and not np.intersect1d(gridded.parts(films)["train"], gridded.parts(films)["test"]).size
    )
