"""Balanced draws."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

from training.data.crops import draw_weights  # noqa: E402

LABELS = ["covid"] * 10 + ["normal"] * 1000 + ["normal"] * 8
SOURCES = ["a"] * 10 + ["b"] * 1000 + ["c"] * 8


def share(weights, label, source=None):
    return sum(w for w, a, b in zip(weights, LABELS, SOURCES, strict=True) if a == label and source in (None, b))


def test_classes_are_drawn_equally_often():
    weights = draw_weights(LABELS, SOURCES)
    assert weights.sum() == pytest.approx(1)
    assert share(weights, "covid") == pytest.approx(0.5)


def test_a_large_source_does_not_drown_a_small_one():
    """1000 pictures against 8: cube roots 10 and 2, so a sixth of the class instead of a hundredth."""
    weights = draw_weights(LABELS, SOURCES)
    assert share(weights, "normal", "c") == pytest.approx(0.5 * 2 / 12)


@pytest.mark.parametrize(("power", "expected"), [(0.0, 0.25), (1.0, 0.5 * 8 / 1008)])
def test_power_goes_from_equal_sources_to_equal_pictures(power, expected):
    assert share(draw_weights(LABELS, SOURCES, power), "normal", "c") == pytest.approx(expected)


def test_pictures_of_one_cell_are_alike():
    weights = draw_weights(LABELS, SOURCES)
    assert np.ptp(weights[10:1010]) == 0
