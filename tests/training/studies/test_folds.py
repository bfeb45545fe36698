"""Folds of the comparison: which radiographs, by patient, done once."""

from dataclasses import replace

import numpy as np

from training.data import manifest
from training.studies import folds
from training.studies.backbones import Tuning
from training.studies.folds import Choice, CompareConfig, Entry, draw

CHOICE = Choice(("normal",), ("covid", "pneumonia"), ("val", "test", "held_out"), at_most=10, folds=2, seed=0)
ENTRY = Entry("MobileNetV2", "random", 32, ("lung-box",), tuned=True)
CONFIG = CompareConfig(CHOICE, 0.003, Tuning(0.1, 1, 8, 1e-4), (ENTRY,))


def test_radiographs_of_other_splits_are_left_out_and_patients_stay_together(collection):
    rows = manifest.read(collection)
    # Patients p18 and p21 of the validation split are one; so are p24 and p27 of the test split.
    joined = {"p21": "p18", "p27": "p24"}
    rows = [replace(row, group=joined.get(row.group, row.group)) for row in rows]
    manifest.write(rows, collection, collection.parent)
    drawn = draw(collection, CHOICE, CONFIG.recipe)
    assert {row.split for row in drawn.rows} == {"val", "test", "held_out"} and len(drawn.rows) == 18
    assert [row.label in CHOICE.positive for row in drawn.rows] == drawn.y_true.astype(bool).tolist()
    fold = dict(zip((row.patient_id for row in drawn.rows), drawn.folds, strict=True))
    assert fold["p18"] == fold["p21"] and fold["p24"] == fold["p27"]
    for number in range(2):
        assert set(drawn.y_true[drawn.folds == number]) == {0, 1}


def test_no_radiograph_is_judged_by_what_learned_from_its_patient(collection, small_backbones, tmp_path):
    drawn = draw(collection, CHOICE, CONFIG.recipe)
    groups, taught = drawn.column("group"), []

    def prepare():
        def learn(train, val):
            taught.append((set(groups[train]), set(groups[val])))
            return np.where(np.isin(np.arange(18), train), np.nan, 1.0 * drawn.y_true), {"note": 1}

        return learn

    found = folds.cross_validate(drawn, CHOICE, tmp_path / "folds", prepare)
    for number, (train, val) in enumerate(taught):
        judged = set(groups[drawn.folds == number])
        assert not judged & train and not judged & val and not train & val
    assert np.isfinite(found["margin"]).all()
    assert (found["margin"] >= 0).tolist() == drawn.y_true.astype(bool).tolist()
    assert [fold["note"] for fold in found["folds"]] == [1, 1]
