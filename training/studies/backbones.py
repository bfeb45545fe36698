"""Backbones of the studies: built with their weights and preprocessing, measured, cut, and fine-tuned.

Each takes a grey image and gives feature maps. Fine-tuning has two phases: a head on the frozen backbone, then the
backbone's last layers too, at a low rate. What lies below the layers that learn is computed once and cached.
"""

import hashlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import ModuleType

import keras
import numpy as np
from keras import applications, layers, ops
from numpy.typing import NDArray

from training import cache
from training.fit.features import is_served, served
from training.fit.linear import Linear
from training.metrics.discrimination import Floats
from training.metrics.figures import Json
from training.networks import devices
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
WARM_UP, PASSES = 2, 9
BATCH = 32
Maps = NDArray[np.float32]
# Maps, 0 or 1, and the sample weight of each radiograph.
Part = tuple[Maps, NDArray[np.int64], Floats]


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


def _digest(model: keras.Model) -> str:
    """Return the sha256 of a model's weights, in hex."""
    found = hashlib.sha256()
    for array in model.get_weights():
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def measure(name: str) -> Json:
    """Count and time an architecture at 224 px, with random weights, as neither depends on them.

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
    head = _head_parameters(base)
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


def _head_parameters(base: keras.Model) -> int:
    """Return the parameters of Flatten + Dense(2) on a backbone."""
    return (int(np.prod(base.output_shape[1:])) + 1) * CLASSES


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


@dataclass(frozen=True)
class Tuning:
    """The second phase.

    Attributes:
        share: of the backbone's layers, from its end, that learn; 0 to 1.
        epochs: at most; the one with the least validation loss is kept, or none of them.
        batch: radiographs in a step.
        learning_rate: of Adam; low, or what was pretrained is lost.
    """

    share: float
    epochs: int
    batch: int
    learning_rate: float


def _learning(base: keras.Model, share: float) -> list[keras.Layer]:
    """Return the share of a backbone's layers that learns, from its end; all of them for 1."""
    found: list[keras.Layer] = base.layers[len(base.layers) - round(share * len(base.layers)) :]
    return found


def cut(base: keras.Model, share: float) -> keras.KerasTensor:
    """Return the tensor nearest below the learning layers through which everything passes.

    Args:
        base: flat; branches that run side by side (residuals, concatenations) are not cut.
        share: of the layers that learn.
    """
    names = {layer.name for layer in _learning(base, share)}
    operations = base.operations
    place = {id(operation): number for number, operation in enumerate(operations)}
    first = next((i for i, each in enumerate(operations) if each.name in names), len(operations))
    used = [0] * len(operations)  # the last place where an operation's output is needed
    for number, operation in enumerate(operations):
        for node in operation._inbound_nodes:  # noqa: SLF001 - Keras has no public way along a graph
            for parent in node.parent_nodes:
                if id(parent.operation) in place:
                    used[place[id(parent.operation)]] = number
    # Below a cut nothing is needed above it.
    whole = [i for i in range(max(first, 1)) if max(used[:i], default=0) <= i]
    return operations[whole[-1]].output


def tail(base: keras.Model, share: float, *, fresh: bool = False) -> keras.Model:
    """Return what lies above the cut, with a head: from maps to one logit for each radiograph, shape (batch, 1).

    Args:
        base: shares its layers with the result.
        share: of its layers that learn; the head always learns.
        fresh: the backbone was never trained, so its batch norm learns as well; else it stays as it is, as the few
            images of a batch would spoil its statistics.
    """
    learns = {id(layer) for layer in _learning(base, share)}
    for layer in base.layers:
        norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = id(layer) in learns and (fresh or not norm)
    average = layers.GlobalAveragePooling2D(name="average")(base.output)
    logit = layers.Dense(1, name="logit")(average)
    return keras.Model(cut(base, share), logit)


def maps(base: keras.Model, shares: Sequence[float], images: NDArray[np.uint8]) -> list[Maps]:
    """Return the output of the layers below those that learn, computed once, in one pass for all shares.

    Args:
        base: the backbone.
        shares: of its layers that learn; 0 asks for the averaged output of all of it.
        images: uint8, shape (n, size, size).

    Returns:
        For each share float32, shape (n, rows, columns, channels), or (n, channels) with share 0; memory-mapped; the
        images themselves where all layers learn.
    """
    below = {f"share_{share}": cut(base, share) for share in shares if 0 < share < 1}
    if 0 in shares:
        below["share_0"] = layers.GlobalAveragePooling2D()(base.output)
    inputs = images[..., None]

    def make() -> dict[str, Maps]:
        found: dict[str, Maps] = keras.Model(base.input, below).predict(inputs, batch_size=BATCH, verbose=0)
        return found

    parts = (base.name, _digest(base), cache.digest(np.ascontiguousarray(images).tobytes()), sorted(below))
    found = cache.arrays("maps", parts, make) if below else {}
    return [inputs.astype(np.float32) if share == 1 else found[f"share_{share}"] for share in shares]


def fine_tune(model: keras.Model, head: Linear, train: Part, val: Part, how: Tuning) -> int:
    """Train the tail, from a head that has learned already.

    Args:
        model: of `tail`; changed in place, and left as it was after its best epoch.
        head: of the first phase, on the averaged maps.
        train: what it learns from.
        val: what chooses the epoch.
        how: the second phase.

    Returns:
        The epoch that was kept; 0 where the first phase was better.
    """
    model.get_layer("logit").set_weights([head.kernel[:, None].astype(np.float32), np.array([head.bias], np.float32)])
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(how.learning_rate), loss, weighted_metrics=[], jit_compile=devices.uses_xla())
    first, weights = model.evaluate(val[0], val[1], 64, 0, val[2]), model.get_weights()
    best = keras.callbacks.EarlyStopping("val_loss", patience=how.epochs, restore_best_weights=True)
    model.fit(
        train[0], train[1], how.batch, how.epochs, 0, [best],
        sample_weight=train[2], validation_data=val, validation_batch_size=64,
    )  # fmt: skip
    if best.best_weights is not None and best.best < first:
        return int(best.best_epoch) + 1
    model.set_weights(weights)
    return 0
