"""The frozen backbone's averaged features of radiographs and their augmented copies, computed once."""

import os
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from training import cache
from training.config import MODELS, RUNS
from training.data.augment import Augmentation, augment
from training.data.crops import Crops, pixel_path, threaded
from training.data.manifest import hospital
from xray.errors import DatasetError, ModelError
from xray.networks.heads import average
from xray.networks.preprocess import Recipe, scale
from xray.networks.runtime import Network
from xray.registry import BACKBONE, made_for

if TYPE_CHECKING:
    import keras

# Beside each radiograph heads learn from its mirror image, slightly changed: a verdict should not hang on either.
MIRRORED = Augmentation(rotation_degrees=5.0, zoom=(0.95, 1.05), shift=0.03, flip=1.0, gamma=(0.8, 1.25))

LEFT_OUT = RUNS / "left_out"  # a run for each source whose hospital a backbone was not shown

Features = NDArray[np.float32]
Backbone = Callable[[Features], Features]
BATCH = 32  # radiographs that Keras takes at a time


def backbone(weights: str, recipe: Recipe) -> tuple[Backbone, str]:
    """Return the frozen backbone and the hash of its weights.

    Args:
        weights: the name of a served 8-bit network, so that heads learn on exactly what they will
            see; `imagenet`, which Keras downloads; or a file of `keras.applications.VGG16` weights.
        recipe: gives the input size.

    Returns:
        A function from float32 (n, size, size, 3) to the features of block5_conv3 (n, size/16, size/16, 512), for any
        number of threads, and a hash.

    Raises:
        ModelError: no such weights, or they do not fit.
    """
    if is_served(weights):
        path = served(weights)
        network = Network(path, pool_size=os.cpu_count() or 1, threads=1, side=recipe.size)
        return lambda x: np.concatenate([network(each[None]) for each in x]), cache.digest(path)
    from training.networks.vgg16 import features  # late, as it imports Keras

    model = features(vgg16_with(weights, recipe.size))
    digest = cache.digest(*(array.tobytes() for array in model.get_weights()))
    return lambda x: np.asarray(model(x, training=False), np.float32), digest


def served(name: str) -> Path:
    """Return the file of a backbone in model/."""
    return MODELS / name / "network.tflite"


def is_served(weights: str) -> bool:
    """Tell whether weights are the name of a backbone in model/."""
    return Path(weights).name == weights and served(weights).is_file()


def run_folder(name: str, weights: str) -> Path:
    """Return the run of a head or of the screen that was made for a backbone."""
    return (made_for(RUNS, weights) if is_served(weights) else RUNS) / name


def vgg16_with(weights: str, size: int) -> "keras.Model":
    """Return a VGG16 without its classifier, with weights from ImageNet, from a backbone of model/ or from a file.

    A .keras file, as `slim` writes it, and a backbone of model/, whose 8-bit weights become float32, bring their own
    channels.

    Args:
        weights: `imagenet`, the name of a backbone of model/, or a file.
        size: side of the input in pixels.

    Raises:
        ModelError: the download or the file failed, with what to do instead.
    """
    import keras

    from training.networks.litert import vgg16_from
    from training.networks.vgg16 import resized, vgg16

    if is_served(weights):
        return vgg16_from(served(weights), size)
    try:
        if weights == "imagenet":
            return keras.applications.VGG16(include_top=False, weights="imagenet", input_shape=(size, size, 3))
        if weights.endswith(".keras"):
            return resized(keras.models.load_model(weights, compile=False), size)
        model = vgg16(size)
        model.load_weights(weights)
        return model
    except Exception as error:  # noqa: BLE001 - Keras raises bare Exception when a download fails
        raise ModelError(
            f"Expected VGG16 weights (include_top=False) from {weights!r}. Received: {error}. Without a network, "
            f"name {BACKBONE} (ours, in the repository) or a file (.weights.h5, .h5 or .keras) instead."
        ) from error


def views(data: Crops, recipe: Recipe, weights: str = BACKBONE) -> Features:
    """Return the averaged features of all radiographs: as they are, then mirrored and slightly changed.

    Returns:
        float32, shape (radiographs, 2, channels). Heads learn from both views and are judged on the first.
    """
    return averages(data, recipe, weights, (Augmentation(), MIRRORED))


def views_without(data: Crops, recipe: Recipe, weights: str = BACKBONE) -> dict[str, Features]:
    """Return, by hospital, the averaged features by backbones that learned nothing of it.

    Those are the runs of `backbone --left-out SOURCE`, for the default backbone.

    Returns:
        float32, shape (radiographs, 1, channels) each; nothing where none was trained.
    """
    if weights != BACKBONE:
        return {}
    here = {hospital(row.source) for row in data.rows}
    found = {}
    for trained in sorted(LEFT_OUT.glob("*/vgg16.weights.h5")):
        if hospital(trained.parent.name) in here:
            found[hospital(trained.parent.name)] = averages(data, recipe, str(trained))
    return found


def averages(
    data: Crops, recipe: Recipe, weights: str = BACKBONE, how: Sequence[Augmentation] = (Augmentation(),)
) -> Features:
    """Return the averaged features of all radiographs, which linear heads learn from.

    Args:
        data: the crops.
        recipe: of the backbone.
        weights: see `backbone`.
        how: one augmentation a view; the default leaves the image as it is.

    Returns:
        float32, shape (radiographs, views, channels).
    """
    return np.asarray(copies(data, range(len(data.rows)), recipe, how, weights, 0), np.float32)


def copies(
    data: Crops,
    chosen: Sequence[int],
    recipe: Recipe,
    how: Sequence[Augmentation],
    weights: str,
    seed: int,
    pooling: Backbone = average,
) -> NDArray[np.float16]:
    """Return the pooled features of some radiographs, one copy for each augmentation.

    Args:
        data: the crops.
        chosen: positions in them.
        recipe: of the backbone.
        how: one augmentation a copy; the default `Augmentation()` leaves the image as it is.
        weights: see `backbone`.
        seed: of everything random.
        pooling: from features (height, width, channels) to what is kept of them.

    Returns:
        float16, shape (len(chosen), len(how), pooled features), memory-mapped.

    Raises:
        DatasetError: no radiograph is chosen.
    """
    if not len(chosen):
        raise DatasetError("Expected at least one radiograph of these labels and this split. Received: none.")
    network, digest = backbone(weights, recipe)

    def some(first: int) -> NDArray[np.float16]:
        inputs = []
        for position in range(first, min(first + BATCH, len(chosen))):
            rng = np.random.default_rng((seed, position))
            inputs += [scale(augment(data.images[chosen[position]], recipe.size, each, rng), recipe) for each in how]
        pooled = np.stack([pooling(each) for each in network(np.stack(inputs))])
        return pooled.reshape(len(inputs) // len(how), len(how), -1).astype(np.float16)

    parts = (
        [data.rows[i].sha256 for i in chosen], pixel_path(), astuple(recipe), [astuple(each) for each in how], digest,
        seed, pooling.__name__,
    )  # fmt: skip

    def make() -> dict[str, NDArray[np.float16]]:
        return {"features": np.concatenate(threaded(some, range(0, len(chosen), BATCH), "features"))}

    return cache.arrays("features", parts, make)["features"]
