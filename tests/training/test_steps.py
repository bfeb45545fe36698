"""The long steps on a small collection: they learn, write what they promise, and resume."""

import csv
import dataclasses
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training import run  # noqa: E402
from training.data.augment import Augmentation  # noqa: E402
from training.data.crops import crops  # noqa: E402
from training.fit import backbone, segment, train  # noqa: E402
from training.fit.workers import Workers  # noqa: E402
from training.networks.vgg16 import vgg16  # noqa: E402
from xray.networks.preprocess import Recipe  # noqa: E402

LUNGS = segment.SegmentConfig(2, 6, 1e-3, 0.0, 1, (4, 8), Augmentation(flip=0.5))
STAGE = backbone.Stage(32, 1, 12, 6, 0.01)
BACKBONE = backbone.PretrainConfig(
    ("normal", "covid", "pneumonia"), 1.0, 64, 5e-4, 0.05, 0.4, 1,
    (STAGE, dataclasses.replace(STAGE, size=64, frozen_blocks=2)), Augmentation(flip=0.5),
)  # fmt: skip
HEAD = train.TrainConfig(
    "covid_normal",
    "Model 1",
    "normal",
    "covid",
    Recipe("lung-box", 64),
    1,
    2,
    4,
    1e-3,
    0.5,
    1,
    Augmentation(flip=0.5),
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep the cached crops and features of these tests out of runs/."""
    monkeypatch.setattr("training.cache.FOLDER", tmp_path / "cache")


def test_segment_resumes_where_it_was_killed(collection, tmp_path, monkeypatch):
    """A run killed after its first epoch goes on with the second, and ends with a test figure."""
    killed = tmp_path / "run"

    def kill(folder, row, log=run.log):
        log(folder, row)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "log", kill)
        segment.train(LUNGS, collection, killed)
    assert [row["epoch"] for row in run.history(killed)] == [1]
    segment.train(LUNGS, collection, killed)
    assert [row["epoch"] for row in run.history(killed)] == [1, 2]
    assert 0 <= json.loads((killed / "test.json").read_text())["dice"] <= 1


def test_pretrain_goes_through_its_sizes_and_leaves_plain_vgg16_weights(collection, tmp_path):
    backbone.train(BACKBONE, collection, tmp_path / "run")
    history = run.history(tmp_path / "run")
    assert [(row["epoch"], row["size"]) for row in history] == [(1, 32), (2, 64)]
    assert {"val_covid_a", "val_normal_b", "val_balanced_accuracy"} <= history[0].keys()
    vgg16(64).load_weights(tmp_path / "run" / "vgg16.weights.h5")
    trained = keras.models.load_model(tmp_path / "run" / "last.keras")
    backbone.train(BACKBONE, collection, tmp_path / "run")  # nothing is left to do
    again = keras.models.load_model(tmp_path / "run" / "last.keras")
    for before, after in zip(trained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_films_to_start_from_are_all_there_are_where_an_epoch_has_fewer(collection):
    data = crops(collection, Recipe("lung-box", 64))
    stage = dataclasses.replace(STAGE, batch=backbone.START_PICTURES)
    draws = backbone.Draws(data, backbone.Findings.of(data.rows), BACKBONE, stage, 0, Workers(data.images))
    inputs, targets = draws[0]
    assert inputs.shape == (STAGE.pictures, 32, 32, 1)
    assert len(targets["logits"]) == STAGE.pictures


def test_within_a_source_only_its_own_findings_count():
    """The hospital gives nothing away: a source with a single finding has no loss, whatever is said of it."""
    loss = backbone.WithinSource(reduction="none")
    finding = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0]], np.float32)
    possible = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]], np.float32)
    logits = np.array([[-5.0, 9.0, 9.0], [0.0, 0.0, 50.0], [0.0, 0.0, 0.0]], np.float32)
    found = np.asarray(loss(np.hstack([finding, possible]), logits))
    np.testing.assert_allclose(found, [0.0, np.log(2), np.log(3)], atol=1e-6)


def test_train_writes_predictions_of_patients_kept_apart(collection, tmp_path):
    keras.utils.set_random_seed(1)
    weights = tmp_path / "vgg16.weights.h5"
    vgg16(64).save_weights(weights)
    folder = tmp_path / "run"
    train.train(HEAD, collection, str(weights), folder)
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} == {"val", "test", "held_out"}
    assert {row["label"] for row in rows} == {"covid", "normal"}
    assert all((row["label"] == "covid") == (row["y_true"] == "1") for row in rows)
    assert all(0 <= float(row["y_score"]) <= 1 for row in rows)
    point = json.loads((folder / "operating_point.json").read_text())
    assert 0 < point["low"] <= point["threshold"] <= point["high"] < 1
    assert json.loads((folder / "config.json").read_text())["config"]["name"] == "covid_normal"


def test_training_twice_gives_the_same_scores(collection, tmp_path):
    keras.utils.set_random_seed(1)
    weights = tmp_path / "vgg16.weights.h5"
    vgg16(64).save_weights(weights)
    for name in ("one", "two"):
        train.train(HEAD, collection, str(weights), tmp_path / name)
    first, second = ((tmp_path / name / "predictions.csv").read_text() for name in ("one", "two"))
    assert first == second


def test_missing_weights_say_what_to_do(collection, tmp_path):
    from xray.errors import ModelError

    with pytest.raises(ModelError, match="name vgg16_cxr"):
        train.train(HEAD, collection, str(tmp_path / "none.h5"), tmp_path / "run")
