"""Augmentation: nothing by default, no black edge, reproducible."""

import numpy as np
import pytest

from training.data.augment import Augmentation, augment

HEAVY = Augmentation(12.0, (0.75, 1.1), 0.06, 0.5, (0.6, 1.6), 0.5, 0.25, 0.3, 12.0, 0.4)


def gradient(side=224):
    return np.tile(np.linspace(60, 200, side).astype(np.uint8), (side, 1))


@pytest.mark.parametrize("output", [64, 112, 192, 224])
def test_the_default_only_resizes(output):
    small = augment(gradient(), output, Augmentation(), np.random.default_rng(0))
    assert small.shape == (output, output)
    np.testing.assert_allclose(small[output // 2], np.linspace(60, 200, output), atol=2)


def test_no_black_edge_comes_in():
    """Reflection, not padding: an edge would tell the network how a picture was changed."""
    how = Augmentation(rotation_degrees=12.0, zoom=(0.75, 0.75), shift=0.06)
    for seed in range(20):
        assert augment(gradient(), 112, how, np.random.default_rng(seed)).min() >= 59


def test_flip_mirrors():
    picture = gradient()
    np.testing.assert_allclose(
        augment(picture, 224, Augmentation(flip=1.0), np.random.default_rng(0)), picture[:, ::-1], atol=1
    )


def test_the_same_seed_gives_what_it_gave_when_networks_were_trained():
    trained, other = (augment(gradient(), 64, HEAVY, np.random.default_rng(seed)) for seed in (3, 4))
    assert trained.sum() == pytest.approx(756060.81, rel=1e-4)
    assert not np.array_equal(trained, other)
