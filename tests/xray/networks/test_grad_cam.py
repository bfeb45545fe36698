"""Grad-CAM against its definition, with gradients measured by finite differences."""

import numpy as np
import pytest

from xray.networks.grad_cam import grad_cam, heat_in_lungs, lung_share, to_picture
from xray.networks.heads import Head
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import Box


def measured_gradient(head: Head, features: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Differentiate a mixture of the logits with respect to each feature."""
    gradient, step = np.zeros_like(features), 1e-6
    for index in np.ndindex(features.shape):
        shift = np.zeros_like(features)
        shift[index] = step
        gradient[index] = (head.logits(features + shift) - head.logits(features - shift)) @ towards / (2 * step)
    return gradient


@pytest.mark.parametrize("shape", [(8, 8, 3), (9, 6, 4)], ids=["whole cells", "odd rows and columns"])
@pytest.mark.parametrize(
    ("exclusive", "index", "towards"), [(True, 0, (1, -0.5, -0.5)), (True, 2, (-0.5, -0.5, 1)), (False, 1, (0, 1, 0))]
)
def test_it_is_the_mean_gradient_times_the_features(small_head, shape, exclusive, index, towards):
    features = np.random.default_rng(index).uniform(0, 1, shape)
    at = OperatingPoint(threshold=0.5, negative_below=0.5, positive_from=0.5)
    head = small_head(shape[2], labels=("covid", "normal", "pneumonia"), points=(at,) * 3, exclusive=exclusive)
    weights = measured_gradient(head, features, np.array(towards)).mean(axis=(0, 1))
    expected = np.maximum((features * weights).sum(axis=2), 0)
    expected /= expected.max() or 1
    found = grad_cam(features, head.kernel, index, exclusive=exclusive)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_heat_lies_where_the_network_looked() -> None:
    cam = np.zeros((4, 4), np.float32)
    cam[0, 3] = 1
    heat = to_picture(cam, Box(top=20, bottom=60, left=50, right=130), (100, 200))
    assert heat.shape == (100, 200) and heat.dtype == np.float32
    assert heat[20, 129] == 1 and heat[20, 50] == 0 and heat[59, 129] == 0
    outside = heat.copy()
    outside[20:60, 50:130] = 0
    assert not outside.any()


def test_heat_in_the_lungs_is_weighed_by_how_much_of_each_cell_is_lung() -> None:
    lungs = np.zeros((80, 120), np.bool_)
    lungs[20:60, 30:50] = True
    share = lung_share(lungs, Box(20, 60, 20, 100), (4, 8))
    assert share.shape == (4, 8)
    np.testing.assert_allclose(share[:, :4], [[0, 1, 1, 0]] * 4)
    cam = np.zeros((4, 8), np.float32)
    cam[0, 1], cam[0, 7] = 1.0, 0.5
    assert heat_in_lungs(cam, share) == pytest.approx(2 / 3)
    assert heat_in_lungs(np.ones_like(cam), share) == pytest.approx(share.mean())
    assert heat_in_lungs(np.zeros_like(cam), share) is None
