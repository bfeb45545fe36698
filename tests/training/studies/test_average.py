"""Average radiographs: laid lung on lung."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

from training.data.manifest import read, root  # noqa: E402
from training.studies.average import average  # noqa: E402


def test_the_average_of_drawn_films_has_dark_lungs(collection):
    rows = read(collection)[:6]
    mean = average(rows, root(collection))
    assert (mean.shape, mean.dtype) == ((512, 512), np.uint8)
    assert mean[220:300, 140:180].mean() < mean[220:300, 240:272].mean()
