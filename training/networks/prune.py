"""Take channels out of a plain VGG16, so that what is left says as nearly as it can what the whole one said."""

import keras
import numpy as np
from keras import ops
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training.networks.vgg16 import Plan, convolutions, features, vgg16
from xray.errors import DatasetError

# Of the equations' own size: the correction stays small where the images do not ask for it.
RIDGE = 1e-3
PLACES = 40_000  # in the images, at which each layer's correction is fitted

Array = NDArray[np.float32]


def prune(teacher: keras.Model, plan: Plan, inputs: Array, seed: int) -> keras.Model:
    """Return a network of fewer channels that starts from a plain VGG16's weights.

    Each layer keeps the channels that weigh most in the next one: those of the largest activation times outgoing
    kernel. What is left is corrected by least squares, layer after layer, to give the sums that the whole
    network gives there. Channels are scaled by powers of two to activations about 1, which changes no
    function, so that one learning rate fits all layers.

    Args:
        teacher: a `vgg16` model.
        plan: channels to keep; of the last convolution all.
        inputs: some hundred real inputs, float32, shape (n, size, size, 3).
        seed: of the places at which the correction is fitted.

    Returns:
        The convolutions to block5_conv3, of any input size. With the teacher's own plan: its very function.

    Raises:
        DatasetError: a plan with more channels than there are, other layers, or fewer channels in the last.

    Source:
        Layer-wise least squares: He et al. 2017, arXiv:1707.06168. Scaling: Nagel et al. 2019, arXiv:1906.04721.
    """
    whole = convolutions(teacher)
    _check(plan, teacher)
    student = features(vgg16(None, plan))
    rng = np.random.default_rng(seed)
    theirs, ours = inputs, inputs
    kept, gain = np.arange(inputs.shape[-1]), np.ones(inputs.shape[-1], np.float32)
    kernels = [np.asarray(layer.kernel, np.float32) for layer in whole]
    for position, layer in enumerate(convolutions(student)):
        if layer.name.endswith("_conv1") and position:
            theirs, ours = _halve(theirs), _halve(ours)
        sums = _convolve(theirs, kernels[position], np.asarray(whole[position].bias, np.float32))
        theirs = np.maximum(sums, 0.0)
        last = position == len(whole) - 1
        out = np.arange(layer.filters) if last else heard(theirs, kernels[position + 1], layer.filters)
        kernel = kernels[position][:, :, kept][..., out] / gain[:, None]
        bias = np.asarray(whole[position].bias, np.float32)[out]
        kernel, bias = _corrected(kernel, bias, ours, sums[..., out], rng)
        ours = np.maximum(_convolve(ours, kernel, bias), 0.0)
        gain = np.ones(len(out), np.float32) if last else _to_one(ours)
        layer.set_weights([kernel * gain, bias * gain])
        ours, kept = ours * gain, out
    return student


def heard(activations: Array, outgoing: Array, count: int) -> NDArray[np.intp]:
    """Return the channels that weigh most in the next layer, in their old order.

    Args:
        activations: of the layer, shape (n, height, width, channels).
        outgoing: the next layer's kernel, shape (3, 3, channels, out).
        count: how many to keep.
    """
    loudness = np.sqrt(np.square(activations).mean(axis=(0, 1, 2)) * np.square(outgoing).sum(axis=(0, 1, 3)))
    return np.sort(np.argsort(-loudness, kind="stable")[:count])


def _check(plan: Plan, teacher: keras.Model) -> None:
    wide = [layer.filters for layer in convolutions(teacher)]
    asked = [width for widths in plan for width in widths]
    fits = len(asked) == len(wide) and all(0 < a <= w for a, w in zip(asked, wide, strict=True))
    names = [layer.name for layer in convolutions(vgg16(None, plan))] if fits else []
    if names != [layer.name for layer in convolutions(teacher)] or asked[-1] != wide[-1]:
        raise DatasetError(
            f"Expected a plan of at most {wide} channels, in the same blocks, all {wide[-1]} of them in the last. "
            f"Received: {plan}."
        )


def _corrected(
    kernel: Array, bias: Array, inputs: Array, wanted: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return kernel and bias changed as little as brings their sums near the wanted ones."""
    n, height, width, channels = inputs.shape
    chosen = rng.integers(0, (n, height, width), size=(PLACES, 3)).T
    missing = (wanted - _convolve(inputs, kernel, bias))[*chosen]
    windows = sliding_window_view(np.pad(inputs, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), axis=(1, 2))
    seen = np.ones((PLACES, channels * 9 + 1), np.float32)
    seen[:, :-1] = windows[*chosen].reshape(PLACES, -1)
    products = (seen.T @ seen).astype(np.float64)
    products[np.diag_indices_from(products)] += RIDGE * np.diag(products).mean()
    change = np.linalg.solve(products, (seen.T @ missing).astype(np.float64)).astype(np.float32)
    return kernel + change[:-1].reshape(channels, 3, 3, -1).transpose(1, 2, 0, 3), bias + change[-1]


def _to_one(activations: Array) -> Array:
    """Return the powers of two that bring each channel's activations nearest to 1; 1 for a silent channel."""
    size = np.sqrt(np.square(activations).mean(axis=(0, 1, 2)))
    return np.asarray(np.exp2(-np.rint(np.log2(np.where(size > 0, size, 1.0)))), np.float32)


def _convolve(x: Array, kernel: Array, bias: Array) -> Array:
    return np.asarray(ops.convert_to_numpy(ops.conv(x, kernel, padding="same"))) + bias


def _halve(x: Array) -> Array:
    return np.asarray(ops.convert_to_numpy(ops.max_pool(x, 2, 2)))
