"""NumPy's score and Grad-CAM are those of Keras and TensorFlow for the same weights."""

from dataclasses import replace

import numpy as np
import pytest

from xray.networks.grad_cam import grad_cam
from xray.networks.heads import DenseHead, Head
from xray.networks.metadata import ArtefactFile, Band, HeadFacts

pytest.importorskip("keras", reason="needs requirements-train.txt")
tf = pytest.importorskip("tensorflow", reason="needs requirements-train.txt")

FACTS = HeadFacts(
    "covid_normal", "head", "1.0.0", "2026-11-20T00:00:00Z", "COVID-19 or normal",
    ArtefactFile("head.npz", "0" * 64, 1), "MIT", {}, {}, {},
    "vgg16_cxr", "0" * 64, ("normal", "covid"), "covid", 1.7, 0.5, Band(0.4, 0.6),
)  # fmt: skip


@pytest.fixture(scope="module", params=[(12, 12, 6), (14, 14, 5)], ids=["192 px", "224 px"])
def pair(request: pytest.FixtureRequest):
    """The articles' head in Keras, on few channels, and the same weights in NumPy."""
    import keras

    keras.utils.set_random_seed(3)
    inputs = keras.Input(request.param)
    x = keras.layers.MaxPooling2D(name="block5_pool")(inputs)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    hidden = keras.layers.Dense(128, activation="relu", bias_initializer="random_normal")
    logits = keras.layers.Dense(2, bias_initializer="random_normal")
    model = keras.Model(inputs, logits(keras.layers.Dropout(0.5)(hidden(x))))
    weights = DenseHead(*(np.asarray(w) for layer in (hidden, logits) for w in layer.get_weights()))
    return model, Head(FACTS, weights)


def film(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Make features after a ReLU: half of them 0, so that the maxima have ties."""
    return np.maximum(np.random.default_rng(seed).normal(size=shape), 0).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_the_score_is_kerass(pair, seed: int) -> None:
    model, head = pair
    features = film(model.input_shape[1:], seed)
    expected = tf.nn.softmax(model(features[None], training=False) / FACTS.temperature)[0, 1]
    assert head.score(features) == pytest.approx(float(expected), abs=1e-6)
    assert replace(head, facts=replace(FACTS, positive="normal")).score(features) == pytest.approx(
        1 - float(expected), abs=1e-6
    )


@pytest.mark.parametrize("class_index", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_grad_cam_is_tensorflows(pair, seed: int, class_index: int) -> None:
    model, head = pair
    features = film(model.input_shape[1:], seed)
    watched = tf.convert_to_tensor(features[None])
    with tf.GradientTape() as tape:
        tape.watch(watched)
        logits = model(watched, training=False)
        margin = logits[0, class_index] - logits[0, 1 - class_index]
    weights = tf.reduce_mean(tape.gradient(margin, watched), axis=(0, 1, 2))
    cam = tf.nn.relu(tf.reduce_sum(watched[0] * weights, axis=-1)).numpy()
    assert cam.max() > 0
    np.testing.assert_allclose(grad_cam(features, head.weights, class_index), cam / cam.max(), atol=1e-5)
