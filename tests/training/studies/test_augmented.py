"""The report of augmentation shows each operation of a configuration, and no other."""

import json
import re

import numpy as np
import pytest

from training import cache
from training.config import CONFIGS
from training.data.augment import Augmentation
from training.data.manifest import read
from training.studies import augmented
from training.studies.augmented import TOGETHER, change, draw_rows, operations
from xray.errors import DatasetError

LISTS = sorted((CONFIGS / "augmentation").glob("*.toml"))
TEXT = """
[recipe]
name = "whole-image"
size = 64

[augmentation]
flip = 0.5
brightness = [0.8, 1.2]
rotation_degrees = 0.1
"""


@pytest.fixture
def made(collection, tmp_path, monkeypatch, step):
    """The report and its figures for a few operations, each drawn a few times."""
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(augmented, "DRAWS", 4)
    monkeypatch.setattr(augmented, "SHOWN", 2)
    (tmp_path / "some.toml").write_text(TEXT)
    output = tmp_path / "out"
    step(augmented, tmp_path / "some.toml", "--manifest", collection, "--output", output)
    return (output / "report.html").read_text(), json.loads((output / "report.json").read_text())


def test_a_report_of_a_radiograph_of_each_class(made):
    page, figures = made
    assert [film["label"] for film in figures["films"]] == ["covid", "normal", "pneumonia"]
    assert len(re.findall(r'<img alt="(?:covid|normal|pneumonia), a film of [ab]', page)) == 3
    for words in ("mirrored, 50 % of the radiographs", "grey values times 0.8 to 1.2", "rotated by up to 0.1 degrees"):
        assert words in page
    assert "sheared" not in page


def test_how_far_an_operation_goes_is_measured(made):
    changes = made[1]["change_grey_levels"]
    assert changes["rotated by up to 0.1 degrees"] < 1 < changes["grey values times 0.8 to 1.2"] < 255
    assert changes[TOGETHER] > changes["rotated by up to 0.1 degrees"]


def test_radiographs_come_from_the_train_split_and_nothing_changes_them_unasked(collection):
    rows = draw_rows(collection)
    assert [row.label for row in rows] == ["covid", "normal", "pneumonia"]
    assert {row.split for row in rows} == {"train"} and all(row in read(collection) for row in rows)
    assert change(np.full((1, 64, 64), 90, np.uint8), Augmentation()) == 0


@pytest.mark.parametrize("text", ["epochs = 3", "[augmentation]", "[augmentation]\nflip = 0.0"])
def test_a_file_that_changes_nothing_is_refused(tmp_path, text, step):
    (tmp_path / "some.toml").write_text(text)
    with pytest.raises(DatasetError, match="changes something"):
        step(augmented, tmp_path / "some.toml")


def test_every_key_has_words():
    fields = {"zoom": (0.5, 2.0), "gamma": (0.5, 2.0), "brightness": (0.5, 2.0)}
    everything = Augmentation(**{name: fields.get(name, 0.5) for name in augmented.WORDS})
    assert everything != Augmentation()
    assert len(operations(everything)) == len(Augmentation.__dataclass_fields__) + 1
