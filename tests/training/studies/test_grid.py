"""The grid of settings: its cells, its resuming, its report."""

import json

import numpy as np
import pytest

from training.config import CONFIGS, load
from training.data.crops import crops
from training.evaluate import baselines
from training.studies import grid
from training.studies.folds import draw
from training.studies.grid import Cell, GridConfig

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
def small(tmp_path, collection, small_backbones, fewer_draws, step):
    """Run a grid of two cells on drawn radiographs, with options."""
    grid.network.cache_clear()
    (tmp_path / "c.toml").write_text(CONFIG)
    arguments = (tmp_path / "c.toml", "--manifest", collection, "--output", tmp_path / "out")
    return lambda *options: step(grid, *arguments, *options)


def test_the_later_projects_grid_is_whole():
    cells = grid.cells(load(CONFIGS / "grid.toml", GridConfig))
    assert len(set(cells)) == len(cells) == 3 * 3 * 3 * 3 * 3 * 2
    assert Cell("EfficientNetB4", 0.5, "Adamax", 0.001, "cosine", 40) in cells
    # What shares a network and its frozen part stands together: its features are computed once.
    order = [(cell.backbone, cell.share) for cell in cells]
    assert sum(one != other for one, other in zip(order, order[1:], strict=False)) == 3 * 3 - 1
    assert len(grid.cells(load(CONFIGS / "grid_small.toml", GridConfig))) == 6


@pytest.mark.parametrize(("decay", "half", "end"), [("none", 1, 1), ("cosine", 0.5, 0), ("exponential", 0.1**0.5, 0.1)])
def test_a_rate_decays_over_the_whole_training(decay, half, end):
    rate = grid.learning_rate(Cell("", 1.0, "SGD", 0.01, decay, 10), 100)
    at = (lambda step: rate) if decay == "none" else (lambda step: float(rate(step)))
    assert [at(step) / 0.01 for step in (0, 50, 100)] == pytest.approx([1, half, end], abs=1e-6)


def test_a_grid_stops_goes_on_and_scores_test_films_of_the_best_alone(small, tmp_path, capsys):
    small("--cells", 1)
    assert "1 of 2 cells" in capsys.readouterr().out
    first = next((tmp_path / "out" / "cells").iterdir())
    changed = json.loads(first.read_text()) | {"val": 1.5}  # seen again only where the cell is not done again
    first.write_text(json.dumps(changed))
    small()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [cell["optimizer"] for cell in report["cells"]] == ["SGD", "Adam"]
    assert report["best"]["val"] == 1.5 and all(each["roc_auc"] for each in report["best"]["test"].values())
    assert list(report["best"]["test"]) == ["the best cell", *baselines.BASELINES.values()]
    assert all("test" not in name for cell in report["cells"] for name in cell)
    html = (tmp_path / "out" / "report.html").read_text()
    assert "Adam" in html and html.count("data:image/png") == 1


def test_a_cell_that_diverged_is_tabulated_as_such_and_never_chosen(small, collection, tmp_path):
    config = load(tmp_path / "c.toml", GridConfig)
    drawn = draw(collection, config.films, config.crop)
    data = crops(collection, config.crop, drawn.rows)
    cell = grid.learn(Cell("MobileNetV2", 0.3, "SGD", float("inf"), "none", 1), drawn, config, lambda: data.images)
    assert cell["val"] is None and cell["test_logits"] is None
    good = {**cell, "val": 0.5}
    assert grid.best([cell, good]) is good and grid.best([cell]) is None
    report = {"cells": [cell], "best": None}
    assert "<td>diverged</td>" in grid.report_page(drawn, config, report)

    parts = grid.parts(drawn)
    assert all(map(len, parts.values())) and not np.intersect1d(parts["train"], parts["test"]).size
