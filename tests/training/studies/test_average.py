"""Average radiographs: laid lung on lung."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

from training.data.manifest import read, root  # noqa: E402
from training.studies.average import PLACE, _placement, average  # noqa: E402
from xray.networks.preprocess import Box  # noqa: E402


def test_a_box_is_laid_onto_its_place():
    matrix = _placement(Box(100, 900, 50, 850))
    corners = np.array([[50, 100, 1], [850, 900, 1]]) @ matrix.T
    np.testing.assert_allclose(corners, [[PLACE.left, PLACE.top], [PLACE.right, PLACE.bottom]])


def test_the_average_of_drawn_films_has_dark_lungs(collection):
    rows = read(collection)[:6]
    mean = average(rows, root(collection))
    assert (mean.shape, mean.dtype) == ((512, 512), np.uint8)
    assert mean[220:300, 140:180].mean() < mean[220:300, 240:272].mean()
