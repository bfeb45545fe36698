"""Architectures: their preprocessing inside, their weights by name, their size and speed."""

import keras
import numpy as np
import pytest
from keras import applications, layers

from training.fit.features import served
from training.networks.litert import vgg16_from
from training.studies.compare import architectures
from training.studies.compare.architectures import backbone
from xray.errors import ModelError
from xray.networks.preprocess import LUNG_BOX, Recipe, scale


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
    preprocessed = architectures.ARCHITECTURES[name][1].preprocess_input(grey.repeat(3, axis=3))
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

    monkeypatch.setitem(architectures.ARCHITECTURES, "EfficientNetB0", (build, applications.efficientnet))
    plain = build(False, None, (32, 32, 3))
    norm = plain.layers[2]
    held = architectures.DEVIATIONS if imagenet else architectures.DEVIATIONS**2
    norm.set_weights([np.full(3, 0.5), held, *norm.get_weights()[2:]])
    plain.save_weights(tmp_path / "b0.weights.h5")
    model = backbone("EfficientNetB0", str(tmp_path / "b0.weights.h5"), 32)
    standardised = (grey.repeat(3, axis=3) / 255 - 0.5) / architectures.DEVIATIONS
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

    monkeypatch.setitem(architectures.ARCHITECTURES, "MobileNetV2", (offline, applications.mobilenet_v2))
    with pytest.raises(ModelError, match=r"weights of ImageNet.*URL fetch failure.*save_weights.*--weights Mob"):
        backbone("MobileNetV2", "imagenet", 32)


@pytest.mark.parametrize(("name", "head"), [("VGG16", 50_178), ("ResNet50", 200_706)])
def test_a_plain_head_has_the_parameters_that_arithmetic_says(name, head):
    base = backbone(name, "random", 224)
    assert architectures.head_parameters(base) == head
    found = {"name": name, "trainable": head, "channels": base.output_shape[-1]}
    said = architectures.compare_listed(found)
    if name == "ResNet50":  # its row repeats that of VGG
        assert (
            said.startswith("no, at no size: 25,088 inputs are no multiple of the 2,048 channels") and "VGG16" in said
        )
    else:
        assert said == "yes, at 224 px"


def test_an_architecture_is_counted_and_timed():
    found = architectures.measure("MobileNetV2")
    assert found["backbone"] == 2_257_984 and found["trainable"] == 7 * 7 * 1280 * 2 + 2
    assert found["total"] == found["backbone"] + found["trainable"]
    assert found["size_mb"] == pytest.approx(found["total"] * 4 / 1e6)
    assert 0 < found["shortest_latency_ms"] <= found["latency_ms"]
