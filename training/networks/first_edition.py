"""The first edition's heads. TEMPORARY: goes as soon as training, evaluation and export use xray.networks.heads."""

import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from xray.networks.heads import Verdict
from xray.networks.runtime import broken

Features = NDArray[np.float32]

HIDDEN_UNITS = 128
CLASSES = 2


@dataclass(frozen=True)
class Band:
    """The scores that are INCONCLUSIVE: from low up to, but not including, high."""

    low: float
    high: float


def verdict(score: float, band: Band) -> Verdict:
    """Return POSITIVE from band.high up, NEGATIVE below band.low, INCONCLUSIVE between."""
    if score >= band.high:
        return Verdict.POSITIVE
    return Verdict.NEGATIVE if score < band.low else Verdict.INCONCLUSIVE


def pool(features: Features) -> Features:
    """Apply VGG16's last max pooling (block5_pool), then the head's average pooling, both 2x2, valid.

    Args:
        features: float32, shape (height, width, channels), block5_conv3 after its ReLU.

    Returns:
        float32, shape (height // 4, width // 4, channels).
    """
    pooled: Features = _blocks(_blocks(features).max(axis=(1, 3))).mean(axis=(1, 3))
    return pooled


def average(features: Features) -> Features:
    """Apply VGG16's last max pooling (block5_pool), then the mean over all positions.

    Args:
        features: float32, shape (height, width, channels), block5_conv3 after its ReLU.

    Returns:
        float32, shape (channels,).
    """
    pooled: Features = _blocks(features).max(axis=(1, 3)).mean(axis=(0, 1))
    return pooled


def _blocks(features: Features) -> Features:
    """View as (rows, 2, columns, 2, channels); an odd last row or column is dropped, as `valid` does."""
    height, width, channels = features.shape
    rows, columns = height // 2, width // 2
    return features[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, channels)


class HeadWeights(ABC):
    """The trained part of one model: from the backbone's features to a logit for each output."""

    output_bias: NDArray[np.float32]

    @property
    def outputs(self) -> int:
        """How many there are."""
        return len(self.output_bias)

    @abstractmethod
    def logits(self, features: Features) -> NDArray[np.float32]:
        """Return the outputs before the softmax.

        Args:
            features: float32, shape (height, width, channels), block5_conv3 after its ReLU.
        """

    @abstractmethod
    def channel_gradient(self, features: Features, towards: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient of logits @ towards, summed over positions: shape (channels,).

        Exact and without autodiff: max pooling routes each pooled cell's gradient to one position, average
        pooling spreads it, so both leave the sum over positions as it was.

        Args:
            features: as `logits`.
            towards: float32, shape (outputs,), which mixture of the logits.
        """

    def scores(self, features: Features, temperature: float = 1.0) -> NDArray[np.float64]:
        """Return softmax(logits / temperature): shares in [0, 1], sum 1.

        Source:
            Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2.
        """
        scaled = self.logits(features).astype(np.float64) / temperature
        shares = np.exp(scaled - scaled.max())
        return np.asarray(shares / shares.sum())


@dataclass(frozen=True, eq=False)
class LinearHead(HeadWeights):
    """The head that is served: VGG16's last max pooling, the mean over all positions, Dense.

    Attributes:
        output_kernel: float32, shape (channels, outputs).
        output_bias: float32, shape (outputs,).
    """

    output_kernel: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    def logits(self, features: Features) -> NDArray[np.float32]:
        """Return the outputs before the softmax."""
        return average(features) @ self.output_kernel + self.output_bias

    def channel_gradient(self, features: Features, towards: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the kernel itself: the mean over positions divides what it then sums."""
        return self.output_kernel @ towards


@dataclass(frozen=True, eq=False)
class DenseHead(HeadWeights):
    """The reference articles' head: pooling, Dense 128, ReLU, Dense 2; dropout is for training only.

    Attributes:
        dense_kernel: float32, shape (inputs, 128).
        dense_bias: float32, shape (128,).
        output_kernel: float32, shape (128, 2).
        output_bias: float32, shape (2,).

    Source:
        The head of M. Rovai's and A. Rosebrock's articles: AveragePooling2D, Flatten, Dense, Dropout, Dense.
    """

    dense_kernel: NDArray[np.float32]
    dense_bias: NDArray[np.float32]
    output_kernel: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    def hidden(self, features: Features) -> NDArray[np.float32]:
        """Return the 128 hidden units before their ReLU."""
        # C order flattens by row, column, channel, as Keras does.
        return pool(features).reshape(-1) @ self.dense_kernel + self.dense_bias

    def logits(self, features: Features) -> NDArray[np.float32]:
        """Return the two outputs before the softmax."""
        return np.maximum(self.hidden(features), 0) @ self.output_kernel + self.output_bias

    def channel_gradient(self, features: Features, towards: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient through the hidden units that are above 0."""
        gradient = self.dense_kernel @ ((self.output_kernel @ towards) * (self.hidden(features) > 0))
        return np.asarray(gradient.reshape(-1, features.shape[2]).sum(axis=0), np.float32)


def load_weights(path: Path, feature_shape: tuple[int, ...], classes: int = CLASSES) -> HeadWeights:
    """Read head.npz: the arrays of a LinearHead or of a DenseHead, by their names.

    Args:
        path: the file.
        feature_shape: (height, width, channels) that the backbone gives.
        classes: how many outputs it must have.

    Raises:
        ModelError: other arrays, not float32, of other shapes, or not finite.
    """
    height, width, channels = feature_shape
    inputs = (height // 4) * (width // 4) * channels
    linear = {"output_kernel": (channels, classes), "output_bias": (classes,)}
    dense = {
        "dense_kernel": (inputs, HIDDEN_UNITS),
        "dense_bias": (HIDDEN_UNITS,),
        "output_kernel": (HIDDEN_UNITS, classes),
        "output_bias": (classes,),
    }
    arrays = read_arrays(path)
    found = {name: array.shape for name, array in arrays.items()}
    if found not in (linear, dense):
        raise broken(path, f"Expected the arrays {linear} or {dense}. Received: {found}.")
    return LinearHead(**arrays) if found == linear else DenseHead(**arrays)


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read an archive of finite float32 arrays.

    Raises:
        ModelError: no such archive, or other numbers.
    """
    try:
        with path.open("rb") as file, NpzFile(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise broken(path, f"Expected an archive of NumPy arrays. Received: {error}.") from error
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays.values()):
        raise broken(path, "Expected finite float32 weights. Received other ones.")
    return arrays


def grad_cam(features: Features, head: HeadWeights, index: int) -> Features:
    """Return Grad-CAM of one class's logit minus the mean of the others', at block5_conv3."""
    towards = np.full(head.outputs, -1.0 / (head.outputs - 1), np.float32)
    towards[index] = 1.0
    cam = np.maximum(features @ head.channel_gradient(features, towards), 0)
    peak = cam.max()
    return np.asarray(cam / peak if peak > 0 else cam, np.float32)
