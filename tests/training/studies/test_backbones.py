"""Networks of the comparison: their preprocessing and weights, their size and speed, and what of them is fine-tuned."""

import keras
import numpy as np
import pytest
from keras import applications, layers

from training import cache
from training.fit.features import served
from training.fit.linear import Linear
from training.networks.litert import vgg16_from
from training.studies import backbones
from training.studies.backbones import backbone
from xray.networks.preprocess import LUNG_BOX, Recipe, scale

HEAD = Linear(np.linspace(-1, 1, 4), 0.25)


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "plain"), [("VGG16", applications.VGG16), ("MobileNetV2", applications.MobileNetV2)]
)  # one that takes colours less a mean, one that takes -1 to 1
def test_grey_images_of_0_to_255_go_in_and_are_preprocessed_inside(name, plain, grey):
    model = backbone(name, "random", 32)
    other = plain(include_top=False, weights=None, input_shape=(32, 32, 3))
    other.set_weights(model.get_weights())
    preprocessed = backbones.ARCHITECTURES[name][1].preprocess_input(grey.repeat(3, axis=3))
    expected = np.asarray(other(preprocessed, training=False))
    np.testing.assert_allclose(np.asarray(model(grey, training=False)), expected, atol=1e-5)
    assert np.abs(expected - np.asarray(other(grey.repeat(3, axis=3), training=False))).max() > 0


def test_ours_sees_what_it_sees_when_served():
    picture = np.random.default_rng(1).integers(0, 256, (64, 64)).astype(np.uint8)
    seen = backbone("VGG16", "ours", 64)(picture[None, ..., None].astype(np.float32))
    expected = vgg16_from(served("vgg16_cxr"), 64)(scale(picture, Recipe(LUNG_BOX, 64))[None])
    np.testing.assert_allclose(seen, expected, rtol=1e-3, atol=1e-4)


@pytest.fixture
def base():
    """Two convolutions, then a block with a shortcut and batch norm."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1), name="radiograph")
    first = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(inputs)
    second = layers.Conv2D(4, 3, padding="same", activation="relu", name="second")(first)
    x = layers.Conv2D(4, 3, padding="same", name="branch")(second)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Add(name="sum")([x, second])
    return keras.Model(inputs, layers.ReLU(name="out")(x), name="small")


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")


@pytest.mark.parametrize(("share", "below"), [(0.2, "sum"), (0.4, "second"), (0.7, "first"), (1.0, "radiograph")])
def test_nothing_passes_by_a_cut(base, share, below, images):
    # 0.4 makes the batch norm learn: its shortcut begins at the second convolution, so the cut lies there.
    assert backbones.cut(base, share) is base.get_layer(below).output
    (maps,) = backbones.maps(base, (share,), images)
    model = backbones.tail(base, share)
    model.get_layer("logit").set_weights([HEAD.kernel[:, None], np.array([HEAD.bias])])
    averaged = np.asarray(base(images[..., None].astype(np.float32))).mean(axis=(1, 2))
    np.testing.assert_allclose(np.asarray(model(maps))[:, 0], HEAD.logits(averaged), rtol=1e-4, atol=1e-3)
