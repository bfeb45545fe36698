"""The report of augmentation shows each operation of a configuration, and no other."""

import json
import re

import pytest

from training import cache
from training.studies import augmented

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
