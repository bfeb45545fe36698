"""The films of a comparison: which, and in which folds."""

from dataclasses import replace

import pytest

from training.data import manifest
from training.studies.compare.images import Choice, sample
from training.studies.explore import explore
from xray.errors import DatasetError

CHOICE = Choice(("normal",), ("covid", "pneumonia"), ("val", "test", "held_out"), at_most=10, folds=2, seed=0)


def test_films_of_other_splits_are_left_out_and_patients_stay_together(collection):
    rows = manifest.read(collection)
    # Patients p18 and p21 of the validation split are one; so are p24 and p27 of the test split.
    joined = {"p21": "p18", "p27": "p24"}
    rows = [replace(row, group=joined.get(row.group, row.group)) for row in rows]
    manifest.write(rows, collection, collection.parent)
    films = sample(collection, CHOICE)
    assert {row.split for row in films.rows} == {"val", "test", "held_out"} and len(films.rows) == 18
    assert [row.label in CHOICE.positive for row in films.rows] == films.y_true.astype(bool).tolist()
    assert [manifest.read(collection)[i].path for i in films.places] == [row.path for row in films.rows]
    fold = dict(zip((row.patient_id for row in films.rows), films.folds, strict=True))
    assert fold["p18"] == fold["p21"] and fold["p24"] == fold["p27"]
    for number in range(2):
        assert set(films.y_true[films.folds == number]) == {0, 1}


def test_too_few_patients_are_refused(collection):
    with pytest.raises(
        DatasetError, match="at least 8 patients of normal for 4 folds, in the splits val, test, held_o"
    ):
        sample(collection, replace(CHOICE, folds=4))


def test_a_draw_is_the_same_in_every_process(collection):
    # Literally, as a set of names has another order in every process.
    assert [row.path for row in explore.sample(manifest.read(collection), 1)] == [
        f"{i}.png" for i in (17, 18, 19, 28, 32, 33)
    ]
