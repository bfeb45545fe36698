"""Augmentation: nothing by default, no black edge, reproducible."""

import numpy as np
import pytest

from training.data.augment import Augmentation, augment, tone

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


def test_values_stay_grey_levels():
    for seed in range(20):
        changed = augment(gradient(), 64, HEAVY, np.random.default_rng(seed))
        assert changed.dtype == np.float32
        assert 0 <= changed.min() <= changed.max() <= 255


def test_a_curve_changes_contrast_but_keeps_black_white_and_order():
    straight = np.arange(256)
    farthest = 0.0
    for seed in range(20):
        curve = tone(Augmentation(curve=1.0), np.random.default_rng(seed))
        np.testing.assert_allclose(curve[[0, 255]], [0, 255], atol=1e-3)
        assert (np.diff(curve) > 0).all()
        farthest = max(farthest, np.abs(curve - straight).max())
    assert farthest > 30


def test_equalising_brings_out_faint_structure():
    faint = np.random.default_rng(0).normal(60, 6, (128, 128)).astype(np.uint8)
    changed = augment(faint, 128, Augmentation(equalise=1.0), np.random.default_rng(3))
    assert changed.std() > 1.5 * faint.std()


def test_brightness_multiplies_and_ends_at_white():
    picture = gradient()
    factors = []
    for seed in range(20):
        changed = augment(picture, 224, Augmentation(brightness=(0.8, 1.4)), np.random.default_rng(seed))
        factor = changed[0, 0] / picture[0, 0]
        np.testing.assert_allclose(changed, np.minimum(picture * factor, 255), rtol=1e-5)
        factors.append(factor)
    assert 0.8 <= min(factors) < 0.9
    assert 1.3 < max(factors) <= 1.4


def test_shear_slants_upright_lines_and_leaves_level_ones():
    """By at most the stated angle; a film that leans is not one that is turned."""
    picture = np.zeros((201, 201), np.uint8)
    picture[:, 99:102] = 255
    slants = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        changed = augment(picture, 201, Augmentation(shear_degrees=10.0), rng)
        top, bottom = (np.average(np.arange(201), weights=changed[row]) for row in (50, 150))
        slants.append(np.rad2deg(np.arctan((bottom - top) / 100)))
        level = augment(np.ascontiguousarray(picture.T), 201, Augmentation(shear_degrees=10.0), rng)
        np.testing.assert_allclose(level, picture.T, atol=1)
    assert -10.1 <= min(slants) < -6
    assert 6 < max(slants) <= 10.1


def test_the_same_seed_gives_what_it_gave_when_networks_were_trained():
    trained, other = (augment(gradient(), 64, HEAVY, np.random.default_rng(seed)) for seed in (3, 4))
    assert trained.sum() == pytest.approx(756060.81, rel=1e-4)
    assert not np.array_equal(trained, other)
