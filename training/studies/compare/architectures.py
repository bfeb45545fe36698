"""Architectures that are compared: their weights, their preprocessing, their size and speed.

Each takes a grey image and gives feature maps; its own preprocessing is inside.
"""

import hashlib
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType

import keras
import numpy as np
from keras import applications, layers, ops

from training.fit.features import is_served, served
from training.metrics.figures import Json
from training.networks.litert import vgg16_from
from xray.errors import ModelError
from xray.registry import BACKBONE

OURS, IMAGENET, RANDOM = "ours", "imagenet", "random"
# Each with the module that holds its preprocess_input.
ARCHITECTURES: dict[str, tuple[Callable[..., keras.Model], ModuleType]] = {
    "VGG16": (applications.VGG16, applications.vgg16),
    "ResNet50": (applications.ResNet50, applications.resnet50),
    "InceptionV3": (applications.InceptionV3, applications.inception_v3),
    "Xception": (applications.Xception, applications.xception),
    "EfficientNetB0": (applications.EfficientNetB0, applications.efficientnet),
    "EfficientNetB4": (applications.EfficientNetB4, applications.efficientnet),
    "DenseNet121": (applications.DenseNet121, applications.densenet),
    "MobileNetV2": (applications.MobileNetV2, applications.mobilenet_v2),
}
# ImageNet's EfficientNets hold the standard deviations of the colours where Keras expects their variances.
DEVIATIONS = np.array([0.229, 0.224, 0.225])
SIZE = 224
CLASSES = 2
# Trainable parameters that the student comparison lists; it states neither the head nor the input size.
LISTED = {"VGG16": 50_178, "ResNet50": 50_178, "InceptionV3": 102_402, "Xception": 200_706}
WARM_UP, PASSES = 2, 9


def backbone(name: str, weights: str, size: int) -> keras.Model:
    """Build an architecture without its classifier, flat, its preprocessing inside.

    Args:
        name: of ARCHITECTURES.
        weights: ours, imagenet, random, or a file of ImageNet weights without the classifier.
        size: side of the square input in pixels; at least 75 for InceptionV3, 71 for Xception, 32 for others.

    Returns:
        A model from grey float32 (batch, size, size, 1), values 0 to 255, to float32 (batch, rows, columns, channels).

    Raises:
        ModelError: no such architecture, or the weights cannot be had or do not fit, with what to do.
    """
    if name not in ARCHITECTURES:
        raise ModelError(f"Expected one of {', '.join(ARCHITECTURES)}. Received: {name!r}.")
    if weights == OURS:
        return _ours(name, size)
    build, module = ARCHITECTURES[name]
    try:
        model = build(
            include_top=False,
            weights=IMAGENET if weights == IMAGENET else None,
            input_shape=(size, size, 3),
            input_tensor=module.preprocess_input(_colours(size)),
        )
        if weights not in (IMAGENET, RANDOM):
            _read(model, build, Path(weights), size)
    except Exception as error:  # noqa: BLE001 - Keras raises bare Exception when a download fails
        raise ModelError(_how_to_get(name, weights, error)) from error
    # Keras makes a list of one input; a model built on the input itself takes a batch as it is.
    return keras.Model(model.inputs[0], model.output, name=model.name)


def digest(model: keras.Model) -> str:
    """Return the sha256 of a model's weights, in hex."""
    found = hashlib.sha256()
    for array in model.get_weights():
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def measure(name: str) -> Json:
    """Count and time an architecture at 224 px, with random weights, as neither depends on them.

    Args:
        name: of ARCHITECTURES.

    Returns:
        Parameters of the backbone, of a plain Flatten + Dense(2) head and of both; the size in 32 bits; median and
        shortest time of one image in Keras.
    """
    keras.utils.clear_session()
    base = backbone(name, RANDOM, SIZE)
    image, times = np.full((1, SIZE, SIZE, 1), 128, np.float32), []
    for _ in range(WARM_UP + PASSES):
        began = perf_counter()
        base.predict_on_batch(image)
        times.append((perf_counter() - began) * 1000)
    head = head_parameters(base)
    return {
        "name": name,
        "backbone": base.count_params(),
        "trainable": head,
        "total": base.count_params() + head,
        "channels": base.output_shape[-1],
        "size_mb": (base.count_params() + head) * 4 / 1e6,
        "latency_ms": statistics.median(times[WARM_UP:]),
        "shortest_latency_ms": min(times[WARM_UP:]),
    }


def head_parameters(base: keras.Model) -> int:
    """Return the parameters of Flatten + Dense(2) on a backbone."""
    return (int(np.prod(base.output_shape[1:])) + 1) * CLASSES


def compare_listed(found: Json) -> str:
    """Say whether our count is the student comparison's, and if not, why; `found` is of `measure`."""
    listed, channels = LISTED[found["name"]], found["channels"]
    if listed == found["trainable"]:
        return f"yes, at {SIZE} px"
    inputs, left = divmod(listed - CLASSES, CLASSES)
    if not left and inputs % channels == 0:
        return f"no: {inputs // channels} places of {channels:,} channels are not those of {SIZE} px"
    same = [each for each, count in LISTED.items() if count == listed and each != found["name"]]
    row = f"; it is the figure of {same[0]}, in whose row it stands too" if same else ""
    return f"no, at no size: {inputs:,} inputs are no multiple of the {channels:,} channels{row}"


def _colours(size: int) -> keras.KerasTensor:
    grey = keras.Input((size, size, 1), name="radiograph")
    return layers.Concatenate(name="colours")([grey, grey, grey])


def _ours(name: str, size: int) -> keras.Model:
    """Build our VGG16: its preprocessing is the mean 0 and deviation 1 of `xray.networks.preprocess.scale`."""
    if name != "VGG16" or not is_served(BACKBONE):
        raise ModelError(
            f"Expected VGG16 for the weights {OURS!r}, and {served(BACKBONE)}. Received: {name!r}. Write weights = "
            f"{IMAGENET!r}, {RANDOM!r} or a file; the network is in the repository, `make models` makes it anew."
        )
    colours = _colours(size)
    deviation = ops.std(colours, axis=(1, 2, 3), keepdims=True)
    x = (colours - ops.mean(colours, axis=(1, 2, 3), keepdims=True)) / ops.maximum(deviation, 1.0)
    trained = vgg16_from(served(BACKBONE), size)
    for layer in trained.layers[1:]:
        x = type(layer).from_config(layer.get_config())(x)
    model = keras.Model(keras.utils.get_source_inputs(colours)[0], x, name="vgg16_ours")
    model.set_weights(trained.get_weights())
    return model


def _read(model: keras.Model, build: Callable[..., keras.Model], path: Path, size: int) -> None:
    """Fill a model from a file, by way of the plain architecture: the file knows nothing of our preprocessing."""
    if not path.is_file():
        raise FileNotFoundError(f"no file at {path}")
    plain = build(include_top=False, weights=None, input_shape=(size, size, 3))
    plain.load_weights(path)
    model.set_weights(plain.get_weights())
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):
            mean, variance, *rest = layer.get_weights()
            # Keras corrects this by one more division, but only in networks that it downloads itself.
            if np.allclose(np.ravel(variance), DEVIATIONS, atol=1e-4):
                layer.set_weights([mean, variance * DEVIATIONS.reshape(variance.shape), *rest])
            layer.finalize_state()


def _how_to_get(name: str, weights: str, error: Exception) -> str:
    wanted = "weights of ImageNet from the network" if weights == IMAGENET else f"weights in {weights}"
    return (
        f"Expected {name}'s {wanted}. Received: {error}. Where there is a network: `python -c 'import keras; "
        f'keras.applications.{name}(include_top=False).save_weights("{name}.weights.h5")\'`; bring that file here and '
        f"say --weights {name}={name}.weights.h5, or say --weights {name}={RANDOM}."
    )
