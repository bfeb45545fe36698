"""A linear head of several classes: the softmax of averaged features, learned inside sources."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.preprocessing import StandardScaler

from training.metrics.discrimination import Floats

# What an impossible class adds to its logit: its share is 0, and so is its gradient.
NEVER = -1e9


@dataclass(frozen=True, eq=False)
class Softmax:
    """A head before it is served: the logits of an averaged feature vector are features @ kernel + bias.

    Attributes:
        kernel: shape (channels, classes).
        bias: shape (classes,).
    """

    kernel: Floats
    bias: Floats

    def logits(self, inputs: NDArray[np.float32]) -> Floats:
        """Return the logits of each radiograph, shape (n, classes)."""
        return np.asarray(inputs @ self.kernel + self.bias, np.float64)

    def scores(self, inputs: NDArray[np.float32]) -> Floats:
        """Return each class's share, shape (n, classes): in [0, 1], sum 1."""
        return softmax(self.logits(inputs))

    def calibrated(self, y_true: NDArray[np.int64], inputs: NDArray[np.float32], weight: Floats) -> "Softmax":
        """Return the head whose shares fit the validation films best: one slope for all classes, a shift for each.

        Args:
            y_true: class of each validation film, shape (n,).
            inputs: their averaged features.
            weight: shape (n,): what each counts.

        Source:
            Bias-corrected temperature scaling: Alexandari et al. 2020, arXiv:1901.06852.
        """
        logits, classes, share = self.logits(inputs), len(self.bias), weight / weight.sum()

        def loss(line: Floats) -> float:
            shares = softmax(logits * np.exp(line[0]) + line[1:])
            return float(-(share * np.log(np.maximum(shares[np.arange(len(y_true)), y_true], 1e-12))).sum())

        line = minimize(loss, np.zeros(1 + classes), method="BFGS").x
        return Softmax(self.kernel * np.exp(line[0]), self.bias * np.exp(line[0]) + line[1:] - line[1:].mean())

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays of `xray.networks.heads.LinearHead`."""
        return {"output_kernel": self.kernel.astype(np.float32), "output_bias": self.bias.astype(np.float32)}


def softmax(logits: Floats) -> Floats:
    """Return the shares of the last axis."""
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def fit(
    inputs: NDArray[np.float32],
    y_true: NDArray[np.int64],
    possible: NDArray[np.bool_],
    weight: Floats,
    regularisation: float,
) -> Softmax:
    """Fit a multinomial logistic regression in which each film is compared with its possible classes alone.

    Where only the classes that a film's own source holds are possible, to know the source helps nothing.

    Args:
        inputs: averaged features, shape (n, views, channels); the views of a film share what it counts.
        y_true: class of each film, shape (n,).
        possible: shape (n, classes); True where the film's own class stands.
        weight: shape (n,), mean 1: what each film counts.
        regularisation: C as scikit-learn has it: the smaller, the simpler the head.

    Source:
        The likelihood conditional on the stratum: Breslow & Day 1980, Statistical Methods in Cancer Research 1,
        chapter 7; here with the strata's classes, not their counts.
    """
    views = inputs.shape[1]
    flat = inputs.reshape(len(inputs) * views, -1)
    scaler = StandardScaler().fit(flat)
    x = scaler.transform(flat)
    classes = possible.shape[1]
    truth = np.eye(classes)[y_true].repeat(views, axis=0)
    never = np.where(possible, 0.0, NEVER).repeat(views, axis=0)
    counts = (weight * regularisation / views).repeat(views)

    def loss(flat_weights: Floats) -> tuple[float, Floats]:
        weights = flat_weights.reshape(-1, classes)
        shares = softmax(x @ weights[:-1].astype(np.float32) + weights[-1] + never)
        surprise = -np.log(np.maximum((shares * truth).sum(axis=1), 1e-300))
        push = counts[:, None] * (shares - truth)
        gradient = np.vstack([x.T @ push.astype(np.float32) + weights[:-1], push.sum(axis=0)])
        return float(counts @ surprise + np.square(weights[:-1]).sum() / 2), gradient.ravel()

    start = np.zeros((x.shape[1] + 1) * classes)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x.reshape(-1, classes)
    kernel = found[:-1] / scaler.scale_[:, None]
    return Softmax(kernel, found[-1] - scaler.mean_ @ kernel)
