"""Logistic regressions on averaged features, of two classes and of several."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.metrics.discrimination import Floats

# Added to the logit of a class that is not possible: its share is 0, and so is its gradient.
IMPOSSIBLE = -1e9


@dataclass(frozen=True, eq=False)
class Linear:
    """A logistic regression of two classes: the logit of averaged features is features @ kernel + bias."""

    kernel: Floats
    bias: float

    def logits(self, inputs: NDArray[np.float32]) -> Floats:
        """Return the positive class's logit of each radiograph, shape (n,)."""
        return np.asarray(inputs @ self.kernel + self.bias, np.float64)


def fit_views(inputs: NDArray[np.float32], y_true: NDArray[np.int64], weight: Floats, regularisation: float) -> Linear:
    """Fit a logistic regression on several views of each radiograph, which share its weight.

    Args:
        inputs: averaged features, shape (n, views, channels).
        y_true: as `fit_linear`.
        weight: as `fit_linear`.
        regularisation: as `fit_linear`.
    """
    views = inputs.shape[1]
    flat = inputs.reshape(len(inputs) * views, -1)
    return fit_linear(flat, y_true.repeat(views), weight.repeat(views) / views, regularisation, common_scale=True)


def fit_linear(
    inputs: NDArray[np.float32],
    y_true: NDArray[np.int64],
    weight: Floats,
    regularisation: float,
    *,
    common_scale: bool = False,
) -> Linear:
    """Fit a logistic regression on standardised features.

    Args:
        inputs: averaged features, shape (n, channels).
        y_true: 0 or 1, shape (n,), both present.
        weight: shape (n,), mean 1.
        regularisation: C of scikit-learn: the smaller, the simpler the model.
        common_scale: whether one deviation is taken of all channels, so that what the network says loudly counts more;
            otherwise each channel has its own.
    """
    mean, scale = _standard(inputs, common_scale=common_scale)
    model = LogisticRegression(C=regularisation, max_iter=5000)
    model.fit((inputs - mean) / scale, y_true, sample_weight=weight)
    kernel = model.coef_[0] / scale
    return Linear(kernel, float(model.intercept_[0] - mean @ kernel))


def _standard(inputs: NDArray[np.float32], *, common_scale: bool) -> tuple[Floats, Floats]:
    """Return the mean of each channel, and what it is divided by; both of shape (channels,)."""
    scaler = StandardScaler().fit(inputs)
    common = np.full(len(scaler.var_), max(float(np.sqrt(scaler.var_.mean())), 1e-12))
    return np.asarray(scaler.mean_), common if common_scale else np.asarray(scaler.scale_)


def fit_softmax(
    inputs: NDArray[np.float32],
    y_true: NDArray[np.int64],
    possible: NDArray[np.bool_],
    weight: Floats,
    regularisation: float,
) -> tuple[Floats, Floats]:
    """Fit a multinomial logistic regression in which each radiograph is compared with its possible classes alone.

    Where only the classes of a radiograph's own source are possible, to recognise the source helps nothing.

    Args:
        inputs: averaged features, shape (n, views, channels); the views of a radiograph share its weight.
        y_true: class of each radiograph, shape (n,).
        possible: shape (n, classes); True at the radiograph's own class.
        weight: shape (n,), mean 1.
        regularisation: C as scikit-learn has it: the smaller, the simpler the model.

    Returns:
        Kernel, shape (channels, classes), and bias, shape (classes,).

    Source:
        The likelihood conditional on the stratum: Breslow & Day 1980, Statistical Methods in Cancer Research 1,
        chapter 7; here with the classes of the strata, not their counts.
    """
    views, classes = inputs.shape[1], possible.shape[1]
    flat = inputs.reshape(len(inputs) * views, -1)
    mean, scale = _standard(flat, common_scale=True)
    x = ((flat - mean) / scale).astype(np.float32)
    truth = np.eye(classes)[y_true].repeat(views, axis=0)
    impossible = np.where(possible, 0.0, IMPOSSIBLE).repeat(views, axis=0)
    counts = (weight * regularisation / views).repeat(views)

    def loss(flat_weights: Floats) -> tuple[float, Floats]:
        weights = flat_weights.reshape(-1, classes)
        logits = x @ weights[:-1].astype(np.float32) + weights[-1] + impossible
        surprise = -(log_softmax(logits, axis=1) * truth).sum(axis=1)
        push = counts[:, None] * (softmax(logits, axis=1) - truth)
        gradient = np.vstack([x.T @ push.astype(np.float32) + weights[:-1], push.sum(axis=0)])
        return float(counts @ surprise + np.square(weights[:-1]).sum() / 2), gradient.ravel()

    start = np.zeros((x.shape[1] + 1) * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x.reshape(-1, classes)
    kernel = found[:-1] / scale[:, None]
    return kernel, found[-1] - mean @ kernel
