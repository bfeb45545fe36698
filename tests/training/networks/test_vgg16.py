"""The networks' shapes, names and the fold of batch norm."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.networks import vgg16  # noqa: E402


@pytest.fixture(scope="module")
def trained():
    """A batch-norm VGG16 whose statistics are not those of a new network."""
    keras.utils.set_random_seed(3)
    model = vgg16.vgg16_batch_norm({"logits": 3}, dropout=0.4)
    rng = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean = (rng.normal(at, 0.1, layer.gamma.shape) for at in (1, 0, 0))
            layer.set_weights([gamma, beta, mean, rng.uniform(0.5, 2, mean.shape)])
    return model


def test_fold_is_exact(trained):
    """The plain VGG16, fed the grey picture three times, gives the features of the batch-norm one."""
    grey = np.random.default_rng(0).normal(size=(2, 64, 64, 1)).astype(np.float32)
    before = keras.Model(trained.inputs, trained.get_layer("block5_conv3_relu").output).predict(grey, verbose=0)
    after = vgg16.features(vgg16.fold(trained)).predict(np.repeat(grey, 3, axis=3), verbose=0)
    assert before.std() > 0
    np.testing.assert_allclose(after, before, atol=1e-4 * before.max())


def test_unfold_gives_back_the_folded_network(trained):
    """Training goes on from plain weights: on the inputs that set its statistics the function is the same."""
    grey = np.random.default_rng(0).normal(size=(4, 64, 64, 1)).astype(np.float32)
    plain = vgg16.fold(trained)
    again = vgg16.vgg16_batch_norm({"logits": 3}, dropout=0.4)
    vgg16.unfold(plain, again, grey)
    expected = plain.predict(np.repeat(grey, 3, axis=3), verbose=0)
    pooled = keras.Model(again.input, again.get_layer("block5_pool").output)
    np.testing.assert_allclose(pooled(grey, training=True), expected, atol=1e-3 * expected.max())
    refolded = vgg16.fold(again).predict(np.repeat(grey, 3, axis=3), verbose=0)
    np.testing.assert_allclose(refolded, expected, atol=1e-3 * expected.max())


def test_frozen_blocks_stay_as_they_are_and_the_others_learn():
    model = vgg16.vgg16_batch_norm({"logits": 2}, dropout=0.0)
    vgg16.freeze(model, 2)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(4, 32, 32, 1)).astype(np.float32), {"logits": np.eye(2)[[0, 1, 0, 1]]}, verbose=0)
    for layer in model.layers:
        for old, new in zip(before[layer.name], layer.get_weights(), strict=True):
            frozen = layer.name.startswith(("block1_", "block2_"))
            assert np.array_equal(old, new) is frozen, layer.name


def test_folded_weights_load_into_keras_applications(trained, tmp_path):
    """Somebody else's VGG16 code takes our weights, by layer names and shapes."""
    folded = vgg16.fold(trained, 64)
    folded.save_weights(tmp_path / "vgg16.weights.h5")
    theirs = keras.applications.VGG16(include_top=False, weights=None, input_shape=(64, 64, 3))
    theirs.load_weights(tmp_path / "vgg16.weights.h5")
    assert [layer.name for layer in theirs.layers][1:] == [layer.name for layer in folded.layers][1:]
    x = np.random.default_rng(1).normal(size=(1, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(theirs.predict(x, verbose=0), folded.predict(x, verbose=0), rtol=1e-5)
