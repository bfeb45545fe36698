"""Two phases of learning: a head on a frozen backbone, then its last layers too, at a low rate.

What lies below the layers that learn never changes, so its output is computed once and kept.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from training.config import RUNS
from training.fit.linear import Linear
from training.metrics.discrimination import Floats
from training.networks import devices
from training.studies.compare.architectures import digest

# A cached file's name holds the hash of all that it depends on.
CACHE = RUNS / "features"
BATCH = 32
Maps = NDArray[np.float32]


@dataclass(frozen=True)
class Tuning:
    """The second phase.

    Attributes:
        share: of the backbone's layers, from its end, that learn; 0 to 1.
        epochs: at most; the one with the least validation loss is kept, be it none.
        batch: films a step.
        learning_rate: of Adam; low, or what was pretrained is lost.
    """

    share: float
    epochs: int
    batch: int
    learning_rate: float


def learning(base: keras.Model, share: float) -> list[keras.Layer]:
    """Return the last layers of a backbone that a share of its layers stands for; all of them for 1."""
    return base.layers[len(base.layers) - round(share * len(base.layers)) :]


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
    """Return what lies above the cut, with a head: from maps to one logit a film, shape (batch, 1).

    Args:
        base: shares its layers with the result.
        share: of its layers that learn; the head learns always.
        fresh: the backbone was never trained, so its batch norm learns as well; else it stays as it is, as the few
            films of a batch would spoil what it knows.
    """
    learns = {id(layer) for layer in learning(base, share)}
    for layer in base.layers:
        norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = id(layer) in learns and (fresh or not norm)
    average = layers.GlobalAveragePooling2D(name="average")(base.output)
    logit = layers.Dense(1, name="logit")(average)
    return keras.Model(cut(base, share), logit)


def maps(base: keras.Model, shares: Sequence[float], pictures: NDArray[np.uint8]) -> list[Maps]:
    """Return what lies below the layers that learn makes of pictures, computed once, in one pass for all shares.

    Args:
        base: the backbone.
        shares: of its layers that learn; 0 asks for the averaged output of all of it.
        pictures: uint8, shape (n, size, size).

    Returns:
        For each share float32, shape (n, rows, columns, channels), or (n, channels) with share 0; memory-mapped; the
        pictures themselves where all layers learn.
    """
    seen = hashlib.sha256(np.ascontiguousarray(pictures).tobytes()).hexdigest()
    known = (base.name, digest(base), seen)
    names = {share: hashlib.sha256(repr((*known, share)).encode()).hexdigest()[:16] for share in shares if share != 1}
    paths = {share: CACHE / f"maps-{name}.npy" for share, name in names.items()}
    lacking = {share: path for share, path in paths.items() if not path.exists()}
    if lacking:
        CACHE.mkdir(parents=True, exist_ok=True)
        outputs = [cut(base, share) if share else layers.GlobalAveragePooling2D()(base.output) for share in lacking]
        _write(list(lacking.values()), keras.Model(base.input, outputs), pictures)
    whole = pictures[..., None].astype(np.float32) if 1 in shares else None
    return [whole if share == 1 else np.load(paths[share], mmap_mode="r") for share in shares]


def _write(paths: Sequence[Path], model: keras.Model, pictures: NDArray[np.uint8]) -> None:
    parts = [path.with_suffix(".part.npy") for path in paths]
    arrays = [
        np.lib.format.open_memmap(part, mode="w+", dtype=np.float32, shape=(len(pictures), *output.shape[1:]))
        for part, output in zip(parts, model.outputs, strict=True)
    ]
    for start in range(0, len(pictures), BATCH):
        found = model.predict_on_batch(pictures[start : start + BATCH, ..., None].astype(np.float32))
        for array, values in zip(arrays, keras.tree.flatten(found), strict=True):
            array[start : start + BATCH] = values
    for part, array, path in zip(parts, arrays, paths, strict=True):
        array.flush()
        part.replace(path)


def fine_tune(
    model: keras.Model, head: Linear, train: tuple[Maps, NDArray[np.int64], Floats],
    val: tuple[Maps, NDArray[np.int64], Floats], how: Tuning,
) -> int:  # fmt: skip
    """Teach the tail, from a head that has learned already.

    Args:
        model: of `tail`; changed in place, and left as it was after its best epoch.
        head: of the first phase, on the averaged maps.
        train: maps, 0 or 1, and what each film counts.
        val: the same of validation films.
        how: the second phase.

    Returns:
        The epoch that was kept; 0 where the first phase was better.
    """
    model.get_layer("logit").set_weights([head.kernel[:, None].astype(np.float32), np.array([head.bias], np.float32)])
    model.compile(
        keras.optimizers.Adam(how.learning_rate), _loss(), weighted_metrics=[], jit_compile=devices.uses_xla()
    )
    best, kept, weights = model.evaluate(val[0], val[1], 64, 0, val[2]), 0, model.get_weights()
    for epoch in range(how.epochs):
        model.fit(train[0], train[1], how.batch, epochs=1, verbose=0, sample_weight=train[2])
        loss = model.evaluate(val[0], val[1], 64, 0, val[2])
        if loss < best:
            best, kept, weights = loss, epoch + 1, model.get_weights()
    model.set_weights(weights)
    return kept


def _loss() -> keras.losses.Loss:
    return keras.losses.BinaryCrossentropy(from_logits=True)
