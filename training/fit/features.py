"""The frozen backbone's pooled features of radiographs and their augmented copies, computed once."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.config import MODELS, RUNS
from training.data.augment import Augmentation, augment
from training.data.crops import Crops
from training.networks.first_edition import pool
from training.networks.vgg16 import features as cut
from training.networks.vgg16 import resized, vgg16
from xray.errors import DatasetError, ModelError
from xray.networks.heads import average
from xray.networks.preprocess import Recipe, scale
from xray.networks.runtime import Network
from xray.registry import BACKBONE, made_for

# A cached file's name holds the hash of all that it depends on.
CACHE = RUNS / "features"
# What `weights` may be, in words of the command line.
CHOICES = f"a network of model/ (default: {BACKBONE}), imagenet (downloaded by Keras) or a file of VGG16 weights"

Backbone = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def backbone(weights: str, recipe: Recipe) -> tuple[Backbone, str]:
    """Return the frozen backbone and the hash of its weights.

    Args:
        weights: the name of a served 8-bit network, so that heads learn on exactly what they will
            see; `imagenet`, which Keras downloads; or a file of `keras.applications.VGG16` weights.
        recipe: gives the input size.

    Returns:
        A function from float32 (1, size, size, 3) to the features of block5_conv3
        (1, size/16, size/16, 512), and a sha256 in hex.

    Raises:
        ModelError: no such weights, or they do not fit.
    """
    if is_served(weights):
        path = served(weights)
        network = Network(path, pool_size=os.cpu_count() or 1, threads=1, side=recipe.size)
        return network, hashlib.sha256(path.read_bytes()).hexdigest()
    model = cut(vgg16_with(weights, recipe.size))
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return lambda x: np.asarray(model(x, training=False)), digest.hexdigest()


def served(name: str) -> Path:
    """Return the file of a backbone in model/."""
    return MODELS / name / "network.tflite"


def is_served(weights: str) -> bool:
    """Tell whether weights are the name of a backbone in model/."""
    return Path(weights).name == weights and served(weights).is_file()


def run_folder(name: str, weights: str) -> Path:
    """Return where the run of a head or of the screen stands that was made for a backbone."""
    return (made_for(RUNS, weights) if is_served(weights) else RUNS) / name


def vgg16_with(weights: str, size: int) -> keras.Model:
    """Return a VGG16 without its classifier, with weights from ImageNet or from a file.

    A .keras file, as `training.fit.slim` writes it, brings its own channels.

    Raises:
        ModelError: the download or the file failed, with what to do instead.
    """
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


def averages(
    data: Crops, recipe: Recipe, weights: str = BACKBONE, how: Sequence[Augmentation] = (Augmentation(),)
) -> NDArray[np.float32]:
    """Return the averaged features of all radiographs, which linear heads learn from.

    Args:
        data: the crops.
        recipe: of the backbone.
        weights: see `backbone`.
        how: one augmentation a view; the default leaves the picture as it is.

    Returns:
        float32, shape (radiographs, views, channels).
    """
    return np.asarray(copies(data, range(len(data.rows)), recipe, how, weights, 0, average), np.float32)


def copies(
    data: Crops,
    chosen: Sequence[int],
    recipe: Recipe,
    how: Sequence[Augmentation],
    weights: str,
    seed: int,
    pooling: Backbone = pool,
) -> NDArray[np.float16]:
    """Return the pooled features of some radiographs, one copy for each augmentation.

    Args:
        data: the crops.
        chosen: positions in them.
        recipe: of the backbone.
        how: one augmentation a copy; the default `Augmentation()` leaves the picture as it is.
        weights: see `backbone`.
        seed: of everything random.
        pooling: `pool` for the articles' head, `average` for linear ones.

    Returns:
        float16, shape (len(chosen), len(how), inputs of the head), memory-mapped.
    """
    network, digest = backbone(weights, recipe)
    identity = (
        [data.rows[i].sha256 for i in chosen],
        astuple(recipe),
        [each.identity() for each in how],
        digest,
        seed,
        pooling.__name__,
    )
    path = CACHE / f"{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _write(path, data, chosen, recipe, how, lambda x: pooling(network(x)[0]), seed)
    return np.load(path, mmap_mode="r")


def _write(
    path: Path,
    data: Crops,
    chosen: Sequence[int],
    recipe: Recipe,
    how: Sequence[Augmentation],
    extract: Backbone,
    seed: int,
) -> None:
    def one(position: int) -> NDArray[np.float16]:
        rng = np.random.default_rng((seed, position))
        picture = data.pictures[chosen[position]]
        pooled = [extract(scale(augment(picture, recipe.size, each, rng), recipe)[None]) for each in how]
        return np.stack(pooled).reshape(len(how), -1).astype(np.float16)

    if not len(chosen):
        raise DatasetError("Expected at least one radiograph of these classes and this split. Received: none.")
    part = path.with_suffix(".part.npy")
    array = None
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        done = tqdm(threads.map(one, range(len(chosen))), total=len(chosen), desc="features", disable=None)
        for position, features in enumerate(done):
            if array is None:
                shape = (len(chosen), *features.shape)
                array = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
            array[position] = features
    part.replace(path)
