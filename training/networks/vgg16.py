"""The networks: a U-Net for the lungs, plain VGG16, and VGG16 as it is trained on radiographs.

Models are built flat (never a model inside a model), so that Grad-CAM tools work on them.
"""

import re

import keras
import numpy as np
from keras import layers

from xray.networks.preprocess import Recipe

# Channels of each convolution, block by block.
Plan = tuple[tuple[int, ...], ...]
# Simonyan & Zisserman 2015, arXiv:1409.1556, table 1, column D.
VGG16: Plan = ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3)
FIRST, FEATURE_LAYER = "block1_conv1", "block5_conv3"


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
    x = layers.MaxPooling2D(2, strides=2, name=f"block{len(plan)}_pool")(_blocks(inputs, plan))
    return keras.Model(inputs, x, name="vgg16")


def _blocks(x: keras.KerasTensor, plan: Plan) -> keras.KerasTensor:
    """Return the features of the last block's last convolution."""
    for block, widths in enumerate(plan, start=1):
        if block > 1:
            x = layers.MaxPooling2D(2, strides=2, name=f"block{block - 1}_pool")(x)
        for index, width in enumerate(widths, start=1):
            name = f"block{block}_conv{index}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name)(x)
    return x


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


HEADS = 25.0  # the last layers learn so many times faster than the convolutions
IMAGENET_SPREAD = 60.0  # deviation of the grey values that ImageNet's VGG16 was trained on
PRIOR = -2.0  # logit of the opacity map before it has learned: one place in eight


def vgg16_radiographs(answers: int, dropout: float) -> keras.Model:
    """Build the network that is trained on radiographs: VGG16's convolutions, answers and an opacity map.

    One input channel: a radiograph is grey; `three_channels` spreads the first kernel again.

    Args:
        answers: number of logits.
        dropout: share of pooled features dropped while training, 0 to 1.

    Returns:
        A model from float32 (batch, side, side, 1) to float32 logits: `answers` (batch, answers) from the averaged
        features, and `opacity` (batch, side/16, side/16, 1) from those of block5_conv3.
    """
    inputs = keras.Input((None, None, 1), name="radiograph")
    x = _blocks(inputs, VGG16)
    # A factor before a layer that Adam trains makes it learn so many times faster.
    places = layers.Rescaling(HEADS, dtype="float32", name="places")(x)
    prior = keras.initializers.Constant(PRIOR)
    opacity = layers.Conv2D(1, 1, kernel_initializer="zeros", bias_initializer=prior, dtype="float32", name="opacity")(
        places
    )
    x = layers.MaxPooling2D(2, strides=2, name="block5_pool")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="average")(x)
    x = layers.Rescaling(HEADS, dtype="float32", name="averages")(layers.Dropout(dropout, name="dropout")(x))
    logits = layers.Dense(answers, kernel_initializer="zeros", dtype="float32", name="answers")(x)
    return keras.Model(inputs, {"answers": logits, "opacity": opacity}, name="vgg16_radiographs")


def freeze(model: keras.Model, blocks: int) -> None:
    """Keep the first blocks as they are; the rest learns."""
    for layer in model.layers:
        block = re.match(r"block(\d)_", layer.name)
        layer.trainable = not block or int(block[1]) > blocks


def start_from(plain: keras.Model, model: keras.Model, spread: float = 1.0) -> None:
    """Give `vgg16_radiographs` the convolutions of a plain VGG16.

    Args:
        plain: with three input channels.
        model: changed in place.
        spread: deviation of the inputs that `plain` was trained on; those of `model` have 1.
    """
    for theirs, ours in zip(convolutions(plain), _of_blocks(model), strict=True):
        kernel, bias = theirs.get_weights()
        ours.set_weights([kernel if ours.name != FIRST else kernel.sum(axis=2, keepdims=True) * spread, bias])


def three_channels(trained: keras.Model) -> keras.Model:
    """Return the convolutions of `vgg16_radiographs` as a plain VGG16, to be fed the grey image three times.

    Args:
        trained: a model of `vgg16_radiographs`.
    """
    plain = vgg16()
    for ours, theirs in zip(_of_blocks(trained), convolutions(plain), strict=True):
        kernel, bias = ours.get_weights()
        theirs.set_weights([kernel if ours.name != FIRST else np.repeat(kernel, 3, axis=2) / 3.0, bias])
    return plain


def _of_blocks(model: keras.Model) -> list[layers.Conv2D]:
    return [layer for layer in convolutions(model) if layer.name.startswith("block")]


def features(base: keras.Model) -> keras.Model:
    """Cut a VGG16 before its last pooling: its output is `block5_conv3`, which Grad-CAM needs."""
    return keras.Model(base.input, base.get_layer(FEATURE_LAYER).output, name="vgg16_features")


def feature_shape(recipe: Recipe) -> tuple[int, int, int]:
    """Return height, width and channels of block5_conv3's features of a recipe's input."""
    side = recipe.size // 2 ** (len(VGG16) - 1)
    return side, side, VGG16[-1][-1]
