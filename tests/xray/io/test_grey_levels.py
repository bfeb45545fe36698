"""Grey levels beyond 8 bits, and their window."""

import numpy as np
import pytest

from xray.io.pixels import GreyLevels

LEVELS = np.array([[0, 1, 255, 256], [4095, 40000, 65534, 65535]], np.uint16)


def test_a_window_displays_its_range() -> None:
    assert GreyLevels(LEVELS, 0, 510).shown().tolist() == [[0, 0, 128, 128], [255, 255, 255, 255]]
    assert GreyLevels(LEVELS, 0, 65535, curve=(0, 200, 255)).shown()[1].tolist() == [25, 212, 255, 255]


@pytest.mark.parametrize("curve", [(), (0, 10, 100, 255)])
def test_the_negative_is_displayed_in_its_window(curve: tuple[int, ...]) -> None:
    positive = GreyLevels(LEVELS, 100, 41000, curve)
    np.testing.assert_allclose(positive.negative().shown(), 255 - positive.shown().astype(int), atol=1)
    np.testing.assert_array_equal(positive.negative().negative().levels, LEVELS)


def test_no_level_is_lost_in_the_packed_image() -> None:
    zero, low, high = np.moveaxis(GreyLevels(LEVELS, 0, 1).packed().astype(int), 2, 0)
    np.testing.assert_array_equal(256 * high + low, LEVELS)
    assert not zero.any()
