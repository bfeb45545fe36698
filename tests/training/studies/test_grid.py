"""The grid of settings: its cells, its resuming, its report."""

import json

import pytest

from training.evaluate import baselines
from training.studies import grid

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
