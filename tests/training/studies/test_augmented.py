"""The page of augmented films shows each operation of a configuration, and no other."""

import json
import re

import pytest

from training.config import CONFIGS, part
from training.data.augment import Augmentation
from training.fit import train
from training.fit.train import TrainConfig
from training.studies import augmented
from training.studies.augmented import TOGETHER, change, films, operations
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

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
def made(collection, tmp_path, monkeypatch):
    """The page and its figures for a few operations, each drawn a few times."""
    monkeypatch.setattr(augmented, "DRAWS", 4)
    monkeypatch.setattr(augmented, "SHOWN", 2)
    (tmp_path / "some.toml").write_text(TEXT)
    output = tmp_path / "out"
    augmented.main([str(tmp_path / "some.toml"), "--manifest", str(collection), "--output", str(output)])
    return (output / "report.html").read_text(), json.loads((output / "report.json").read_text())


def test_a_page_of_a_film_of_each_class(made):
    page, figures = made
    assert [film["label"] for film in figures["films"]] == ["covid", "normal", "pneumonia"]
    assert len(re.findall(r'<img alt="(?:covid|normal|pneumonia), a film of [ab]', page)) == 3
    for words in ("mirrored, 50 % of the films", "grey values times 0.8 to 1.2", "turned by up to 0.1 degrees"):
        assert words in page
    assert "slanted" not in page


def test_how_far_an_operation_goes_is_measured(made):
    changes = made[1]["change_grey_levels"]
    assert changes["turned by up to 0.1 degrees"] < 1 < changes["grey values times 0.8 to 1.2"] < 255
    assert changes[TOGETHER] > changes["turned by up to 0.1 degrees"]


def test_films_come_from_the_train_split_and_nothing_changes_them_unasked(collection):
    found = films(collection, Recipe("whole-image", 64))
    assert {film.row.split for film in found} == {"train"}
    assert {film.square.shape for film in found} == {(64, 64)}
    assert change(found, Augmentation()) == 0


@pytest.mark.parametrize("text", ["epochs = 3", "[augmentation]", "[augmentation]\nflip = 0.0"])
def test_a_file_that_changes_nothing_is_refused(tmp_path, text):
    (tmp_path / "some.toml").write_text(text)
    with pytest.raises(DatasetError, match="changes something"):
        augmented.main([str(tmp_path / "some.toml")])


def test_an_unknown_operation_is_refused(tmp_path):
    (tmp_path / "some.toml").write_text("[augmentation]\nshear_range = 0.2")
    with pytest.raises(DatasetError, match=r"unknown keys \['shear_range'\].*shear_degrees"):
        augmented.main([str(tmp_path / "some.toml")])


def test_every_key_has_words():
    fields = {"zoom": (0.5, 2.0), "gamma": (0.5, 2.0), "brightness": (0.5, 2.0)}
    everything = Augmentation(**{name: fields.get(name, 0.5) for name in augmented.WORDS})
    assert everything != Augmentation()
    assert len(operations(everything)) == len(Augmentation.__dataclass_fields__) + 1


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_list_of_the_articles_is_read_and_can_be_trained_with(path, monkeypatch):
    how = part(path, "augmentation", Augmentation)
    assert len(operations(how)) > 1
    asked = []
    monkeypatch.setattr(train, "train", lambda config, *_: asked.append(config))
    command = ["train", str(CONFIGS / "articles_covid_pneumo.toml"), "--augmentation", str(path)]
    monkeypatch.setattr("sys.argv", command)
    train.main()
    assert isinstance(asked[0], TrainConfig)
    assert asked[0].augmentation == how
    assert asked[0].name == f"articles_covid_pneumo_{path.stem}"


def test_the_articles_list_six_kinds():
    set_somewhere = {
        name for path in LISTS for name in augmented.WORDS
        if getattr(part(path, "augmentation", Augmentation), name) != getattr(Augmentation, name)
    }  # fmt: skip
    assert set_somewhere == {"rotation_degrees", "flip", "brightness", "shift", "shear_degrees", "zoom"}
