"""The networks: a U-Net for the lungs, VGG16 with batch norm for pretraining, plain VGG16.

Models are built flat (never a model inside a model), so that Grad-CAM tools work on them.
"""

import re

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from xray.networks.preprocess import Recipe

# Channels of each convolution, block by block.
Plan = tuple[tuple[int, ...], ...]
# Simonyan & Zisserman 2015, arXiv:1409.1556, table 1, column D.
VGG16: Plan = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
FEATURE_LAYER = "block5_conv3"


def unet(size: int = 128, filters: tuple[int, ...] = (16, 32, 64, 128)) -> keras.Model:
    """Build the lung segmentation network.

    Args:
        size: side of the square input in pixels.
        filters: channels of each level, outermost first.

    Returns:
        A model from float32 (batch, size, size, 1) to float32 (batch, size, size, 1) in [0, 1].

    Source:
        Ronneberger et al. 2015, arXiv:1505.04597, narrower, with batch norm.
    """
    inputs = keras.Input((size, size, 1), name="radiograph")
    x, skips = inputs, []
    for width in filters:
        x = _double_convolution(x, width)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _double_convolution(x, filters[-1])
    for width, skip in zip(reversed(filters), reversed(skips), strict=True):
        x = layers.UpSampling2D(interpolation="bilinear")(x)
        x = _double_convolution(layers.Concatenate()([x, skip]), width)
    x = layers.Conv2D(1, 1)(x)
    return keras.Model(inputs, layers.Activation("sigmoid", dtype="float32", name="lungs")(x), name="lung_unet")


def _double_convolution(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    for _ in range(2):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    return x


def vgg16(size: int | None = None, plan: Plan = VGG16) -> keras.Model:
    """Build VGG16's convolutions with the names and shapes of `keras.applications.VGG16(include_top=False)`.

    Args:
        size: side of the square input in pixels, or None for any.
        plan: other channels than VGG16's, with the same names.

    Returns:
        A model from float32 (batch, size, size, 3) to float32 (batch, size/32, size/32, channels).
    """
    inputs = keras.Input((size, size, 3), name="radiograph")
    x = inputs
    for block, widths in enumerate(plan, start=1):
        for index, width in enumerate(widths, start=1):
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"block{block}_conv{index}")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    return keras.Model(inputs, x, name="vgg16")


def convolutions(model: keras.Model) -> list[layers.Conv2D]:
    """Return a network's convolutions, in order."""
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


def plan_of(model: keras.Model) -> Plan:
    """Return the channels of a plain VGG16's convolutions, block by block."""
    blocks: dict[str, tuple[int, ...]] = {}
    for layer in convolutions(model):
        block = layer.name.split("_")[0]
        blocks[block] = (*blocks.get(block, ()), layer.filters)
    return tuple(blocks.values())


def resized(trained: keras.Model, size: int | None) -> keras.Model:
    """Return a plain VGG16 of another input size, in the precision that is set, with the same weights."""
    model = vgg16(size, plan_of(trained))
    model.set_weights(trained.get_weights())
    return model


def vgg16_batch_norm(outputs: dict[str, int], dropout: float) -> keras.Model:
    """Build the network that is pretrained on radiographs: VGG16 with batch norm and average pooling.

    One input channel: a radiograph is grey; `fold` spreads the first kernel over three channels.

    Args:
        outputs: number of classes of each task, by its name.
        dropout: share of pooled features dropped while training, 0 to 1.

    Returns:
        A model from float32 (batch, any, any, 1) to float32 logits (batch, classes), by task.

    Source:
        Initialisation: He et al. 2015, arXiv:1502.01852, fan-out form.
    """
    fan_out = keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")
    inputs = keras.Input((None, None, 1), name="radiograph")
    x = inputs
    for block, widths in enumerate(VGG16, start=1):
        for index, width in enumerate(widths, start=1):
            name = f"block{block}_conv{index}"
            x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer=fan_out, name=name)(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
            x = layers.ReLU(name=f"{name}_relu")(x)
        x = layers.MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = {name: layers.Dense(classes, dtype="float32", name=name)(x) for name, classes in outputs.items()}
    return keras.Model(inputs, logits, name="vgg16_batch_norm")


def freeze(model: keras.Model, blocks: int) -> None:
    """Keep the first blocks of `vgg16_batch_norm` as they are, their batch norm too; the rest learns."""
    for layer in model.layers:
        block = re.match(r"block(\d)_", layer.name)
        layer.trainable = not block or int(block[1]) > blocks


def unfold(plain: keras.Model, model: keras.Model, inputs: NDArray[np.float32]) -> None:
    """Give `vgg16_batch_norm` the weights of a plain VGG16, so that it goes on learning from there.

    The inverse of `fold`: on these inputs the function is the plain network's. Kernels are scaled to
    the norm that they are initialised with, as the learning rates expect.

    Args:
        plain: a `vgg16` model.
        model: a `vgg16_batch_norm` model; changed in place.
        inputs: some hundred real inputs, float32, shape (n, size, size, 1).
    """
    x = ops.convert_to_tensor(inputs)
    for layer in plain.layers:
        if isinstance(layer, layers.MaxPooling2D):
            x = ops.max_pool(x, 2, 2)
        if not isinstance(layer, layers.Conv2D):
            continue
        kernel, bias = (np.asarray(weights, np.float32) for weights in layer.get_weights())
        if layer.name == "block1_conv1":
            kernel = kernel.sum(axis=2, keepdims=True)
        sums = ops.conv(x, kernel, padding="same")
        mean, variance = (ops.convert_to_numpy(each) for each in ops.moments(sums, axes=(0, 1, 2)))
        norm = model.get_layer(f"{layer.name}_norm")
        length = np.sqrt(np.square(kernel).sum(axis=(0, 1, 2))) + 1e-12
        scale = np.sqrt(2.0 * kernel.shape[2] / kernel.shape[3]) / length
        gamma = np.sqrt(variance * scale**2 + norm.epsilon) / scale
        model.get_layer(layer.name).set_weights([kernel * scale])
        norm.set_weights([gamma, mean + bias, mean * scale, variance * scale**2])
        x = ops.relu(sums + bias)


def fold(trained: keras.Model, size: int | None = None) -> keras.Model:
    """Fold the batch norm of `vgg16_batch_norm` into plain VGG16 weights; exact up to rounding.

    Args:
        trained: a model of `vgg16_batch_norm`.
        size: side of the folded model's input in pixels, or None for any.

    Returns:
        A `vgg16` model: fed the grey radiograph three times, it gives the same block-5 features.
    """
    plain = vgg16(size)
    for layer in convolutions(plain):
        kernel = np.asarray(trained.get_layer(layer.name).kernel, np.float64)
        norm = trained.get_layer(f"{layer.name}_norm")
        gain = np.asarray(norm.gamma, np.float64) / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
        bias = np.asarray(norm.beta) - np.asarray(norm.moving_mean) * gain
        kernel = kernel * gain
        if layer.name == "block1_conv1":
            kernel = np.repeat(kernel, 3, axis=2) / 3.0
        layer.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return plain


def features(base: keras.Model) -> keras.Model:
    """Cut a VGG16 before its last pooling: its output is `block5_conv3`, which Grad-CAM needs."""
    return keras.Model(base.input, base.get_layer(FEATURE_LAYER).output, name="vgg16_features")


def feature_shape(recipe: Recipe) -> tuple[int, int, int]:
    """Return height, width and channels of block5_conv3's features of a recipe's input."""
    side = recipe.size // 2 ** (len(VGG16) - 1)
    return side, side, VGG16[-1][-1]
