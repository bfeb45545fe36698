"""The opacity map: what it learns from, and how it is judged."""

import cv2
import numpy as np
import pytest

from training.evaluate.opacity import Extent, Marked, _learned
from xray.networks.preprocess import Recipe


def test_the_map_learns_what_tells_places_in_boxes_from_others(marked_film):
    """Of three channels the first is bright in boxes, the others are noise."""
    data, boxes = marked_film
    rng = np.random.default_rng(0)

    def network(x):
        bright = cv2.resize(x[0, ..., 0], (4, 4), interpolation=cv2.INTER_AREA)
        return np.stack([bright, *rng.normal(size=(2, 4, 4))], axis=-1)[None].astype(np.float32)

    kernel, bias = _learned(data, boxes, network, Recipe("lung-box", 64))
    assert kernel.shape == (3,) and bias.shape == ()
    assert kernel[0] > 5 * np.abs(kernel[1:]).max()


def test_a_map_is_judged_by_its_peak_its_overlap_and_its_places():
    boxes, maps = np.zeros((2, 160, 160), bool), np.zeros((2, 160, 160), np.float32)
    boxes[:, :80, :80] = True
    maps[0, 40:120, :80], maps[0, 50, 50] = 0.6, 0.9
    maps[1, :80, :80], maps[1, 150, 150] = 0.6, 0.9
    judged = Marked(["a", "b"], boxes, np.ones_like(boxes), maps)
    assert judged.peaks().tolist() == [1, 0]
    np.testing.assert_allclose(judged.overlap(0.5), [1 / 3, 1.0], atol=1e-3)
    assert judged.threshold() <= 0.6
    assert judged.places() > 0.8


def test_the_extent_score_is_judged_on_radiographs_that_the_line_has_not_seen():
    means = np.linspace(0, 1, 20)
    found = Extent.fit(means, 1 + 6 * means, [str(i) for i in range(20)])
    assert (found.slope, found.intercept) == pytest.approx((6, 1))
    assert found.figures["pearson"]["value"] == pytest.approx(1)
    noise = np.random.default_rng(0).permutation(1 + 6 * means)
    assert abs(Extent.fit(means, noise, [str(i) for i in range(20)]).figures["pearson"]["value"]) < 0.7
