"""Fine-tuning: what learns, what stays, what is kept."""

import keras
import numpy as np
import pytest
from keras import layers

from training import cache
from training.fit.linear import Linear
from training.studies.compare import fine_tune
from training.studies.compare.fine_tune import Tuning

HEAD = Linear(np.linspace(-1, 1, 4), 0.25)


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
    assert fine_tune.cut(base, share) is base.get_layer(below).output
    (maps,) = fine_tune.maps(base, (share,), images)
    model = fine_tune.tail(base, share)
    model.get_layer("logit").set_weights([HEAD.kernel[:, None], np.array([HEAD.bias])])
    averaged = np.asarray(base(images[..., None].astype(np.float32))).mean(axis=(1, 2))
    np.testing.assert_allclose(np.asarray(model(maps))[:, 0], HEAD.logits(averaged), rtol=1e-4, atol=1e-3)


def test_maps_are_computed_once(base, images, monkeypatch):
    averaged, below = fine_tune.maps(base, (0, 0.4), images)
    assert averaged.shape == (40, 4) and below.shape == (40, 8, 8, 4)
    monkeypatch.setattr(keras.Model, "predict", None)
    again, _ = fine_tune.maps(base, (0, 0.4), images)
    np.testing.assert_array_equal(averaged, again)
    base.get_layer("first").set_weights([w + 1 for w in base.get_layer("first").get_weights()])
    with pytest.raises(TypeError):  # other weights: nothing cached
        fine_tune.maps(base, (0,), images)


def parts(base, images):
    (below,) = fine_tune.maps(base, (0.4,), images)
    y = (images.mean(axis=(1, 2)) > np.median(images.mean(axis=(1, 2)))).astype(int)
    return (below[:30], y[:30], np.ones(30)), (below[30:], y[30:], np.ones(10))


def test_only_the_last_layers_learn_and_batch_norm_stays(base, images):
    train, val = parts(base, images)
    before = {layer.name: layer.get_weights() for layer in base.layers if layer.weights}
    model = fine_tune.tail(base, 0.7)
    fine_tune.fine_tune(fine_tune.tail(base, 0.4), HEAD, train, val, Tuning(0.4, 4, 8, 1e-2))
    for name in ("first", "second", "norm"):
        for one, other in zip(before[name], base.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert model.get_layer("norm").trainable is False
    assert fine_tune.tail(base, 0.4, fresh=True).get_layer("norm").trainable is True


def test_the_best_epoch_is_kept_and_it_may_be_the_first_phase(base, images):
    train, val = parts(base, images)
    model = fine_tune.tail(base, 0.7)
    train, val = ((fine_tune.maps(base, (0.7,), images)[0][s], *rest) for s, (_, *rest) in
                  ((slice(30), train), (slice(30, None), val)))  # fmt: skip
    head = Linear(np.zeros(4), 0.0)
    kept = fine_tune.fine_tune(model, head, train, val, Tuning(0.7, 3, 8, 1e3))
    assert kept == 0  # such a rate spoils everything at once
    np.testing.assert_array_equal(model.predict(val[0], verbose=0), 0.0)
    before = base.get_layer("branch").get_weights()[0]
    model = fine_tune.tail(base, 0.7)
    loss = model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    kept = fine_tune.fine_tune(model, head, train, train, Tuning(0.7, 5, 8, 1e-3))
    loss = model.evaluate(train[0], train[1], verbose=0, sample_weight=train[2])
    assert kept > 0 and loss < np.log(2)
    assert np.abs(base.get_layer("branch").get_weights()[0] - before).max() > 0
