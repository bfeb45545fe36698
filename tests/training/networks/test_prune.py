"""Channels are taken out of a network where they are missed least."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.networks import prune, vgg16  # noqa: E402

PLAN = ((4, 6), (6, 8), (8, 8, 8), (8, 8, 8), (8, 8, 12))
NARROW = ((4, 4), (5, 7), (6, 8, 7), (6, 6, 7), (6, 7, 12))


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    """Grey noise, three times, as the network gets radiographs."""
    grey = np.random.default_rng(0).normal(size=(6, 48, 48, 1)).astype(np.float32)
    return np.repeat(grey, 3, axis=3)


@pytest.fixture
def teacher() -> keras.Model:
    """A plain VGG16 of few channels whose biases and channel sizes differ."""
    keras.utils.set_random_seed(1)
    model, rng = vgg16.vgg16(None, PLAN), np.random.default_rng(1)
    for layer in vgg16.convolutions(model):
        kernel, bias = layer.get_weights()
        layer.set_weights([2 * kernel * rng.uniform(0.3, 3.0, bias.shape), rng.normal(0.1, 0.1, bias.shape)])
    return model


@pytest.fixture(autouse=True)
def few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit the corrections at few places."""
    monkeypatch.setattr(prune, "PLACES", 400)


def features(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    if "block5_pool" in [layer.name for layer in model.layers]:
        model = vgg16.features(model)
    return model.predict(inputs, verbose=0)


def test_nothing_taken_out_changes_nothing(teacher, inputs):
    student = prune.prune(teacher, PLAN, inputs, seed=1)
    assert vgg16.plan_of(student) == PLAN
    expected = features(teacher, inputs)
    assert expected.std() > 0
    np.testing.assert_array_equal(features(student, inputs), expected)


def silence(teacher: keras.Model, plan: vgg16.Plan, rng: np.random.Generator) -> None:
    """Take the voice from as many channels as a plan leaves out: they speak, and nobody listens."""
    layers = vgg16.convolutions(teacher)
    for layer, heard_by, count in zip(layers, layers[1:], [w for block in plan for w in block], strict=False):
        kernel, bias = heard_by.get_weights()
        kernel[:, :, rng.permutation(layer.filters)[count:]] = 0.0
        heard_by.set_weights([kernel, bias])


def test_channels_that_nobody_hears_are_the_ones_to_go(teacher, inputs):
    silence(teacher, NARROW, np.random.default_rng(2))
    student = prune.prune(teacher, NARROW, inputs, seed=1)
    assert vgg16.plan_of(student) == NARROW
    expected = features(teacher, inputs)
    np.testing.assert_allclose(features(student, inputs), expected, atol=1e-4 * expected.max())
