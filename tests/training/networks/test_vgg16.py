"""The network that is trained on radiographs, and the plain VGG16 that is made of it."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.fit.questions import Opacity  # noqa: E402
from training.networks import vgg16  # noqa: E402


@pytest.fixture(scope="module")
def trained():
    """A network whose weights are not those of a new one."""
    keras.utils.set_random_seed(3)
    model = vgg16.vgg16_radiographs(4, dropout=0.3)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if layer.name in ("answers", "opacity"):
            layer.set_weights([rng.normal(size=each.shape) * 1e-3 for each in layer.get_weights()])
    return model


def test_three_channels_see_what_one_sees(trained):
    """The plain VGG16, fed the grey image three times, gives the features that the network learned with."""
    grey = np.random.default_rng(0).normal(size=(2, 64, 64, 1)).astype(np.float32)
    wanted = keras.Model(trained.input, trained.get_layer("block5_conv3").output).predict(grey, verbose=0)
    found = vgg16.features(vgg16.three_channels(trained)).predict(np.repeat(grey, 3, axis=3), verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * wanted.max())


def test_frozen_blocks_stay_as_they_are_and_the_others_learn():
    model = vgg16.vgg16_radiographs(2, dropout=0.0)
    vgg16.freeze(model, 2)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.get_layer("answers").kernel.assign(np.full((512, 2), (0.1, -0.1)))
    answers = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), {"answers": answers, "opacity": Opacity()})
    targets = {"answers": np.eye(2)[[0, 1, 0, 1]], "opacity": np.ones((4, 2, 2, 2))}
    model.fit(np.random.default_rng(0).normal(size=(4, 32, 32, 1)).astype(np.float32), targets, verbose=0)
    for layer in model.layers:
        for old, new in zip(before[layer.name], layer.get_weights(), strict=True):
            kept = layer.name.startswith(("block1_", "block2_"))
            assert np.array_equal(old, new) is kept, layer.name


def test_weights_load_into_keras_applications(trained, tmp_path):
    """Somebody else's VGG16 code takes our weights, by layer names and shapes."""
    plain = vgg16.resized(vgg16.three_channels(trained), 64)
    plain.save_weights(tmp_path / "vgg16.weights.h5")
    theirs = keras.applications.VGG16(include_top=False, weights=None, input_shape=(64, 64, 3))
    theirs.load_weights(tmp_path / "vgg16.weights.h5")
    assert [layer.name for layer in theirs.layers][1:] == [layer.name for layer in plain.layers][1:]
    x = np.random.default_rng(1).normal(size=(1, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(theirs.predict(x, verbose=0), plain.predict(x, verbose=0), rtol=1e-5)
