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
from training.studies.backbones import Tuning, backbone
from xray.errors import ModelError
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


def test_weights_come_from_a_file_that_keras_wrote(tmp_path, grey):
    plain = applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    plain.save_weights(tmp_path / "mobile.weights.h5")
    model = backbone("MobileNetV2", str(tmp_path / "mobile.weights.h5"), 32)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("imagenet", [True, False])
def test_efficientnet_of_imagenet_gets_the_division_that_keras_adds_to_what_it_downloads(
    imagenet, tmp_path, grey, monkeypatch
):
    def build(include_top, weights, input_shape, input_tensor=None):  # EfficientNet's first layers
        inputs = keras.Input(input_shape) if input_tensor is None else input_tensor
        x = layers.Normalization()(layers.Rescaling(1 / 255)(inputs))
        return keras.Model(keras.utils.get_source_inputs(x), layers.ReLU()(x))

    monkeypatch.setitem(backbones.ARCHITECTURES, "EfficientNetB0", (build, applications.efficientnet))
    plain = build(False, None, (32, 32, 3))
    norm = plain.layers[2]
    held = backbones.DEVIATIONS if imagenet else backbones.DEVIATIONS**2
    norm.set_weights([np.full(3, 0.5), held, *norm.get_weights()[2:]])
    plain.save_weights(tmp_path / "b0.weights.h5")
    model = backbone("EfficientNetB0", str(tmp_path / "b0.weights.h5"), 32)
    standardised = (grey.repeat(3, axis=3) / 255 - 0.5) / backbones.DEVIATIONS
    np.testing.assert_allclose(model(grey), np.maximum(standardised, 0), rtol=1e-4, atol=1e-4)


def test_what_cannot_be_had_says_how_to_get_it(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="Expected one of VGG16, .*MobileNetV2. Received: 'VGG99'"):
        backbone("VGG99", "random", 32)
    with pytest.raises(ModelError, match="Expected VGG16 for the weights 'ours'"):
        backbone("ResNet50", "ours", 32)
    with pytest.raises(ModelError, match=r"no file at .*lost.h5.*save_weights.*--weights MobileNetV2=MobileNetV2.wei"):
        backbone("MobileNetV2", str(tmp_path / "lost.h5"), 32)

    def offline(**_):
        raise Exception("URL fetch failure")  # noqa: TRY002 - as Keras does

    monkeypatch.setitem(backbones.ARCHITECTURES, "MobileNetV2", (offline, applications.mobilenet_v2))
    with pytest.raises(ModelError, match=r"weights of ImageNet.*URL fetch failure.*save_weights.*--weights Mob"):
        backbone("MobileNetV2", "imagenet", 32)


def test_an_architecture_is_counted_and_timed(monkeypatch):
    monkeypatch.setattr(backbones, "SIZE", 32)
    found = backbones.measure("MobileNetV2")
    assert found["backbone"] == 2_257_984 and found["trainable"] == 1280 * 2 + 2
    assert found["total"] == found["backbone"] + found["trainable"]
    assert found["size_mb"] == pytest.approx(found["total"] * 4 / 1e6)
    assert 0 < found["shortest_latency_ms"] <= found["latency_ms"]


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


def test_maps_are_computed_once(base, images, monkeypatch):
    averaged, below = backbones.maps(base, (0, 0.4), images)
    assert averaged.shape == (40, 4) and below.shape == (40, 8, 8, 4)
    monkeypatch.setattr(keras.Model, "predict", None)
    again, _ = backbones.maps(base, (0, 0.4), images)
    np.testing.assert_array_equal(averaged, again)
    base.get_layer("first").set_weights([w + 1 for w in base.get_layer("first").get_weights()])
    with pytest.raises(TypeError):  # other weights: nothing cached
        backbones.maps(base, (0,), images)


def parts(base, images):
    (below,) = backbones.maps(base, (0.4,), images)
    y = (images.mean(axis=(1, 2)) > np.median(images.mean(axis=(1, 2)))).astype(int)
    return (below[:30], y[:30], np.ones(30)), (below[30:], y[30:], np.ones(10))


def test_only_the_last_layers_learn_and_batch_norm_stays(base, images):
    train, val = parts(base, images)
    before = {layer.name: layer.get_weights() for layer in base.layers if layer.weights}
    model = backbones.tail(base, 0.7)
    backbones.fine_tune(backbones.tail(base, 0.4), HEAD, train, val, Tuning(0.4, 4, 8, 1e-2))
    for name in ("first", "second", "norm"):
        for one, other in zip(before[name], base.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert model.get_layer("norm").trainable is False
    assert backbones.tail(base, 0.4, fresh=True).get_layer("norm").trainable is True


def test_the_best_epoch_is_kept_and_it_may_be_the_first_phase(base, images):
    train, val = parts(base, images)
    model = backbones.tail(base, 0.7)
    train, val = ((backbones.maps(base, (0.7,), images)[0][s], *rest) for s, (_, *rest) in
                  ((slice(30), train), (slice(30, None), val)))  # fmt: skip
    head = Linear(np.zeros(4), 0.0)
    kept = backbones.fine_tune(model, head, train, val, Tuning(0.7, 3, 8, 1e3))
    assert kept == 0  # such a rate spoils everything at once
    np.testing.assert_array_equal(model.predict(val[0], verbose=0), 0.0)
    before = base.get_layer("branch").get_weights()[0]
    model = backbones.tail(base, 0.7)
    loss = model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    kept = backbones.fine_tune(model, head, train, train, Tuning(0.7, 5, 8, 1e-3))
    loss = model.evaluate(train[0], train[1], verbose=0, sample_weight=train[2])
    assert kept > 0 and loss < np.log(2)
    assert np.abs(base.get_layer("branch").get_weights()[0] - before).max() > 0
