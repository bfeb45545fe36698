"""Folds and scores of the comparison."""

import numpy as np
import pytest

from training.studies.compare import folds
from training.studies.compare.fine_tune import Tuning
from training.studies.compare.folds import CompareConfig, Entry
from training.studies.compare.images import Choice, sample

CHOICE = Choice(("normal",), ("covid", "pneumonia"), ("val", "test", "held_out"), at_most=10, folds=2, seed=0)
ENTRY = Entry("MobileNetV2", "random", 32, ("lung-box",), tuned=True)
CONFIG = CompareConfig(CHOICE, 0.003, Tuning(0.1, 1, 8, 1e-4), (ENTRY,))


def test_no_film_is_judged_by_what_learned_from_its_patient(collection, small_backbones, tmp_path):
    films = sample(collection, CHOICE)
    groups, taught = films.column("group"), []

    def prepare():
        def learn(train, val):
            taught.append((set(groups[train]), set(groups[val])))
            return np.where(np.isin(np.arange(18), train), np.nan, 1.0 * films.y_true), {"note": 1}

        return learn

    found = folds.cross_validated(films, CHOICE, tmp_path / "folds", prepare)
    for number, (train, val) in enumerate(taught):
        judged = set(groups[films.folds == number])
        assert not judged & train and not judged & val and not train & val
    assert np.isfinite(found["margin"]).all()
    assert (found["margin"] >= 0).tolist() == films.y_true.astype(bool).tolist()
    assert [fold["note"] for fold in found["folds"]] == [1, 1]


def test_a_fold_that_is_done_is_not_done_again(collection, small_backbones, tmp_path, monkeypatch):
    films = sample(collection, CHOICE)
    found = folds.scored(films, CONFIG, ENTRY, "lung-box", collection, tmp_path / "out")
    assert [each["tuning"] for each in found] == ["frozen", "fine-tuned"]
    assert all(np.isfinite(each["margin"]).all() for each in found)
    assert {fold["kept_epoch"] for fold in found[1]["folds"]} <= {0, 1}
    monkeypatch.setattr(folds, "network", None)
    again = folds.scored(films, CONFIG, ENTRY, "lung-box", collection, tmp_path / "out")
    np.testing.assert_array_equal(again[1]["margin"], found[1]["margin"])
    (tmp_path / "out" / "folds").rename(tmp_path / "elsewhere")
    with pytest.raises(TypeError):
        folds.scored(films, CONFIG, ENTRY, "lung-box", collection, tmp_path / "out")
