"""Fine-tuning in two phases: a head on a frozen backbone, then the backbone's last layers too, at a low rate.

What lies below the layers that learn never changes, so its output is computed once and cached.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from training import cache
from training.fit.linear import Linear
from training.metrics.discrimination import Floats
from training.networks import devices
from training.studies.compare.architectures import digest

BATCH = 32
Maps = NDArray[np.float32]
# Maps, 0 or 1, and the sample weight of each radiograph.
Part = tuple[Maps, NDArray[np.int64], Floats]


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


def learning(base: keras.Model, share: float) -> list[keras.Layer]:
    """Return the share of a backbone's layers that learns, from its end; all of them for 1."""
    found: list[keras.Layer] = base.layers[len(base.layers) - round(share * len(base.layers)) :]
    return found


def cut(base: keras.Model, share: float) -> keras.KerasTensor:
    """Return the tensor nearest below the learning layers through which everything passes.

    Args:
        base: flat; branches that run side by side (residuals, concatenations) are not cut.
        share: of the layers that learn.
    """
    names = {layer.name for layer in learning(base, share)}
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
    learns = {id(layer) for layer in learning(base, share)}
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

    parts = (base.name, digest(base), cache.digest(np.ascontiguousarray(images).tobytes()), sorted(below))
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
