"""A linear head: what the contrasts, the screen and the ablation train on averaged features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.metrics.calibration import Line
from training.metrics.discrimination import Floats


@dataclass(frozen=True, eq=False)
class Linear:
    """A head before it is served: the logit of an averaged feature vector is features @ kernel + bias."""

    kernel: Floats
    bias: float

    def logits(self, inputs: NDArray[np.float32]) -> Floats:
        """Return the positive side's logit of each radiograph, shape (n,)."""
        return np.asarray(inputs @ self.kernel + self.bias, np.float64)

    def calibrated(self, line: Line) -> "Linear":
        """Return the head whose logit is the line of this one's."""
        return Linear(self.kernel * line.slope, self.bias * line.slope + line.intercept)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays of `xray.networks.heads.LinearHead`: two outputs, half of the logit to either side."""
        sides = np.array([-0.5, 0.5])
        return {
            "output_kernel": np.outer(self.kernel, sides).astype(np.float32),
            "output_bias": (self.bias * sides).astype(np.float32),
        }


def fit_views(inputs: NDArray[np.float32], y_true: NDArray[np.int64], weight: Floats, regularisation: float) -> Linear:
    """Fit a logistic regression on several views of each picture, which share what the picture counts.

    Args:
        inputs: averaged features, shape (n, views, channels).
        y_true: as `fit_linear`.
        weight: as `fit_linear`.
        regularisation: as `fit_linear`.
    """
    views = inputs.shape[1]
    flat = inputs.reshape(len(inputs) * views, -1)
    return fit_linear(flat, y_true.repeat(views), weight.repeat(views) / views, regularisation)


def fit_linear(inputs: NDArray[np.float32], y_true: NDArray[np.int64], weight: Floats, regularisation: float) -> Linear:
    """Fit a logistic regression on standardised features.

    Args:
        inputs: averaged features, shape (n, channels).
        y_true: 0 or 1, shape (n,), both present.
        weight: shape (n,), mean 1: what each picture counts.
        regularisation: C of scikit-learn: the smaller, the simpler the head.
    """
    scaler = StandardScaler().fit(inputs)
    model = LogisticRegression(C=regularisation, max_iter=5000)
    model.fit(scaler.transform(inputs), y_true, sample_weight=weight)
    kernel = model.coef_[0] / scaler.scale_
    return Linear(kernel, float(model.intercept_[0] - scaler.mean_ @ kernel))
