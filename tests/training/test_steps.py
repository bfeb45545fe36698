"""The long steps on a small collection: they learn, write what they promise, and resume."""

import json

import msgspec
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training import run  # noqa: E402
from training.data.augment import Augmentation  # noqa: E402
from training.data.crops import crops  # noqa: E402
from training.fit import backbone, features, segment  # noqa: E402
from training.fit.backbone_data import Workers  # noqa: E402
from training.networks.vgg16 import vgg16  # noqa: E402
from xray.errors import ModelError  # noqa: E402
from xray.networks.preprocess import Recipe  # noqa: E402

LUNGS = segment.SegmentConfig(2, 6, 1e-3, 0.0, 1, (4, 8), Augmentation(flip=0.5))
STAGE = backbone.Stage(32, 1, 12, 6, 0.01)
BACKBONE = backbone.PretrainConfig(
    ("normal", "covid", "pneumonia"), 1.0, 64, 5e-4, 0.05, 0.4, 1,
    (STAGE, msgspec.structs.replace(STAGE, size=64, frozen_blocks=2)), Augmentation(flip=0.5),
)  # fmt: skip


def test_segment_resumes_where_it_was_killed(collection, tmp_path, killed_after_an_epoch):
    """A run killed after its first epoch goes on with the second, and ends with a test figure."""
    killed = tmp_path / "run"

    with killed_after_an_epoch():
        segment.train(LUNGS, collection, killed)
    assert [row["epoch"] for row in run.history(killed)] == [0]
    segment.train(LUNGS, collection, killed)
    segment.train(LUNGS, collection, tmp_path / "whole")
    resumed, whole = (run.history(folder) for folder in (killed, tmp_path / "whole"))
    assert [row["epoch"] for row in resumed] == [0, 1]
    assert resumed[1]["loss"] == pytest.approx(whole[1]["loss"], rel=1e-3), "the second epoch's radiographs and rate"
    assert 0 <= json.loads((killed / "test.json").read_text())["dice"] <= 1


def test_pretrain_goes_through_its_sizes_and_leaves_plain_vgg16_weights(collection, tmp_path):
    backbone.train(BACKBONE, collection, tmp_path / "run")
    history = run.history(tmp_path / "run")
    assert [(row["epoch"], row["size"]) for row in history] == [(0, 32), (1, 64)]
    assert {"val_covid_a", "val_normal_b", "val_balanced_accuracy"} <= history[0].keys()
    vgg16(64).load_weights(tmp_path / "run" / "vgg16.weights.h5")
    trained = keras.models.load_model(tmp_path / "run" / "last.keras")
    backbone.train(BACKBONE, collection, tmp_path / "run")  # nothing is left to do
    again = keras.models.load_model(tmp_path / "run" / "last.keras")
    for before, after in zip(trained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_films_to_start_from_are_all_there_are_where_an_epoch_has_fewer(collection):
    data = crops(collection, Recipe("lung-box", 64))
    stage = msgspec.structs.replace(STAGE, batch=backbone.START_PICTURES)
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


def test_missing_weights_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="name vgg16_cxr"):
        features.vgg16_with(str(tmp_path / "none.h5"), 64)
