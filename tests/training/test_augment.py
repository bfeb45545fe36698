"""Augmentation: nothing by default, no black edge, reproducible."""

import numpy as np
import pytest

from training.augment import Augmentation, augment, transform, warp

HEAVY = Augmentation(12.0, (0.75, 1.1), 0.06, 0.5, (0.6, 1.6), 0.3, 12.0, 0.4)


def gradient(side=224):
    return np.tile(np.linspace(60, 200, side).astype(np.uint8), (side, 1))


def test_the_default_changes_nothing():
    picture = gradient()
    np.testing.assert_array_equal(augment(picture, 224, Augmentation(), np.random.default_rng(0)), picture)


@pytest.mark.parametrize("output", [64, 112, 192])
def test_the_default_only_resizes(output):
    small = augment(gradient(), output, Augmentation(), np.random.default_rng(0))
    assert small.shape == (output, output)
    np.testing.assert_allclose(small[output // 2], np.linspace(60, 200, output), atol=2)


def test_same_seed_same_picture():
    first, second = (augment(gradient(), 112, HEAVY, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, augment(gradient(), 112, HEAVY, np.random.default_rng(8)))


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


def test_picture_and_mask_move_together():
    picture = np.zeros((128, 128), np.uint8)
    picture[30:60, 40:90] = 255
    matrix = transform(128, 128, HEAVY, np.random.default_rng(5))
    np.testing.assert_array_equal(warp(picture, matrix, 128), warp(picture.copy(), matrix, 128))
    assert not np.array_equal(warp(picture, matrix, 128), picture)


def test_values_stay_grey_levels():
    for seed in range(20):
        changed = augment(gradient(), 64, HEAVY, np.random.default_rng(seed))
        assert changed.dtype == np.float32
        assert 0 <= changed.min() <= changed.max() <= 255
