"""Configurations are checked when they are read."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from training.config import CONFIGS, load
from training.fit.head import HeadConfig
from xray.errors import DatasetError


@dataclass(frozen=True)
class Inner:
    """A nested table."""

    zoom: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Outer:
    """A configuration."""

    epochs: int
    rate: float
    sizes: tuple[int, ...]
    inner: Inner


GOOD = "epochs = 3\nrate = 1\nsizes = [1, 2, 3]\n[inner]\nzoom = [0.5, 2]\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "x.toml"
    path.write_text(text)
    return path


def test_a_good_file(tmp_path):
    assert load(write(tmp_path, GOOD), Outer) == Outer(3, 1.0, (1, 2, 3), Inner((0.5, 2.0)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("epochs", "epoch"), "missing required field `epochs`"),
        (GOOD.replace("epochs = 3", "epochs = 3.5"), r"Expected `int`, got `\w+` - at `\$.epochs`"),
        (GOOD.replace("epochs = 3", "epochs = true"), r"Expected `int`, got `\w+` - at `\$.epochs`"),
        (GOOD.replace("[0.5, 2]", "[0.5]"), "of length 2, got 1"),
        (GOOD.replace("zoom", "zooms"), "unknown keys zooms"),
        ("epochs = ", "Expected a TOML file"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, text, says):
    with pytest.raises(DatasetError, match=says):
        load(write(tmp_path, text), Outer)


def test_every_shipped_configuration_is_read():
    pytest.importorskip("keras")
    from training.fit.backbone import BackboneConfig
    from training.fit.out_of_distribution_data import ScreenConfig
    from training.fit.segment import SegmentConfig
    from training.fit.slim import SlimConfig
    from training.studies.folds import CompareConfig
    from training.studies.grid import GridConfig
    from training.studies.tutorial_2020.heads import Tutorial

    kinds = {
        "articles": Tutorial,
        "backbone": BackboneConfig,
        "lungs": SegmentConfig,
        "screen": ScreenConfig,
        "slim": SlimConfig,
    }
    kinds |= dict.fromkeys(("compare", "compare_imagenet"), CompareConfig)
    kinds |= dict.fromkeys(("grid", "grid_small"), GridConfig)
    for path in CONFIGS.glob("*.toml"):
        if path.stem != "own":  # a part of a head's configuration; see training/retraining/retrain.py
            load(path, kinds.get(path.stem, HeadConfig))


def test_a_positive_label_that_the_head_does_not_have_is_refused(tmp_path):
    text = (CONFIGS / "covid_pneumo.toml").read_text().replace('positive = "covid"', 'positive = "flu"')
    with pytest.raises(DatasetError, match="positive"):
        load(write(tmp_path, text), HeadConfig)
