"""The long steps on a small collection: they learn, write what they promise, and resume."""

import json

import msgspec
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training import run  # noqa: E402
from training.data.augment import Augmentation  # noqa: E402
from training.fit import backbone, segment  # noqa: E402
from training.fit.backbone_data import Workers  # noqa: E402
from training.fit.questions import Question  # noqa: E402
from training.networks.vgg16 import vgg16  # noqa: E402

LUNGS = segment.SegmentConfig(2, 6, 1e-3, 0.0, 1, (4, 8), Augmentation(flip=0.5))
STAGE = backbone.Stage(32, 1, 12, 6, 1e-5)
BACKBONE = backbone.BackboneConfig(
    start="random", crop_size=64, shares={"a": 0.5, "b": 0.5}, opacity_weight=0.7, erased=0.2, weight_decay=0.01,
    label_smoothing=0.05, dropout=0.3, average=0.9, seed=1,
    questions=(
        Question("a", ("normal", "covid", "pneumonia"), {"a": 1.0}),
        Question("any", ("normal", "abnormal"), {"a": 0.5, "b": 0.5}),
    ),
    stages=(STAGE, msgspec.structs.replace(STAGE, size=64, frozen_blocks=2)), augmentation=Augmentation(flip=0.5),
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


def test_backbone_goes_through_its_sizes_and_leaves_plain_vgg16_weights(collection, tmp_path):
    backbone.train(BACKBONE, collection, tmp_path / "run")
    history = run.history(tmp_path / "run")
    assert [(row["epoch"], row["size"]) for row in history] == [(0, 32), (1, 64)]
    assert {"val_a_a_normal_covid", "val_any_b_normal_abnormal"} <= history[0].keys()
    vgg16(64).load_weights(tmp_path / "run" / "vgg16.weights.h5")
    trained = keras.models.load_model(tmp_path / "run" / "last.keras", compile=False)
    backbone.train(BACKBONE, collection, tmp_path / "run")  # nothing is left to do
    again = keras.models.load_model(tmp_path / "run" / "last.keras", compile=False)
    for before, after in zip(trained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_source_left_out_is_neither_drawn_nor_asked(collection):
    alone = backbone.without(BACKBONE, "a")
    assert alone.shares == {"b": 1.0}
    assert [question.name for question in alone.questions] == ["any"]
    known = backbone.lessons(alone, collection, vgg16(None), 1.0)
    drawn = backbone.Draws(known, alone, STAGE, 0, Workers(known.data.images, known.data.lungs)).drawn
    assert {known.data.rows[i].source for i in drawn} == {"b"}
