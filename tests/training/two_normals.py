"""Made scores of two classes whose ROC area is known."""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Scored = tuple[NDArray[np.bool_], NDArray[np.float64]]

# Two normal distributions this far apart overlap so that the area under the ROC curve is 0.8.
TRUE_AUC = 0.8
DISTANCE = NormalDist().inv_cdf(TRUE_AUC) * 2**0.5


def two_normals(n: int, seed: int) -> Scored:
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % 2 == 1
    return y_true, 1 / (1 + np.exp(-(rng.normal(size=n) + DISTANCE * (y_true - 0.5))))
