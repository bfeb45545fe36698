"""Grad-CAM against its definition, with gradients measured by finite differences."""

from collections.abc import Callable

import numpy as np
import pytest

from xray.classifier import Head, HeadWeights
from xray.explain import grad_cam, to_picture
from xray.preprocess import Box


def measured_gradient(head: HeadWeights, features: np.ndarray, class_index: int) -> np.ndarray:
    """Differentiate the class's logit minus the other's with respect to each feature."""

    def margin(x: np.ndarray) -> float:
        logits = head.logits(x)
        return float(logits[class_index] - logits[1 - class_index])

    gradient, step = np.zeros_like(features), 1e-6
    for index in np.ndindex(features.shape):
        shift = np.zeros_like(features)
        shift[index] = step
        gradient[index] = (margin(features + shift) - margin(features - shift)) / (2 * step)
    return gradient


@pytest.mark.parametrize("class_index", [0, 1])
@pytest.mark.parametrize("shape", [(8, 8, 3), (9, 6, 4)], ids=["whole cells", "odd rows and columns"])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_mean_gradient_times_the_features(
    small_head: Callable[..., Head], shape: tuple[int, int, int], class_index: int, seed: int
) -> None:
    features = np.random.default_rng(seed).uniform(0, 1, shape)
    head = small_head(shape, seed).weights
    weights = measured_gradient(head, features, class_index).mean(axis=(0, 1))
    expected = np.maximum((features * weights).sum(axis=2), 0)
    expected /= expected.max() or 1
    np.testing.assert_allclose(grad_cam(features, head, class_index), expected, atol=1e-5)


def test_no_evidence_is_no_heat(small_head: Callable[..., Head]) -> None:
    cam = grad_cam(np.zeros((8, 8, 3), np.float32), small_head((8, 8, 3)).weights, 1)
    assert cam.shape == (8, 8) and not cam.any()


def test_heat_lies_where_the_network_looked() -> None:
    cam = np.zeros((4, 4), np.float32)
    cam[0, 3] = 1
    heat = to_picture(cam, Box(top=20, bottom=60, left=50, right=130), (100, 200))
    assert heat.shape == (100, 200) and heat.dtype == np.float32
    assert heat[20, 129] == 1 and heat[20, 50] == 0 and heat[59, 129] == 0
    outside = heat.copy()
    outside[20:60, 50:130] = 0
    assert not outside.any()


def test_heat_fades_evenly_between_cells() -> None:
    heat = to_picture(np.array([[0, 1]], np.float32), Box(0, 4, 0, 8), (4, 8))
    np.testing.assert_allclose(heat[0], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
