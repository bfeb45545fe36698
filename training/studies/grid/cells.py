"""The cells of a settings grid: each is a backbone that learns in one way, judged by validation films."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import product
from statistics import median
from time import perf_counter, process_time

import keras
import numpy as np
from numpy.typing import NDArray

from training.metrics.discrimination import Floats, roc_auc
from training.metrics.figures import Json
from training.networks import devices
from training.studies.compare.architectures import RANDOM, backbone
from training.studies.compare.fine_tune import maps, tail
from training.studies.compare.images import Choice, Sample, weight
from xray.errors import DatasetError

OPTIMIZERS = {"SGD": keras.optimizers.SGD, "Adam": keras.optimizers.Adam, "Adamax": keras.optimizers.Adamax}
NONE, COSINE, EXPONENTIAL = "none", "cosine", "exponential"
LAST = 0.1  # to which share of it the exponential decay brings the learning rate
TEST_FOLD, VAL_FOLD = 0, 1
SETTINGS = ("backbone", "share", "optimizer", "learning_rate", "decay", "epochs")
STEPS, TIMED_BATCH = 2, 4  # that are timed for the estimate


@dataclass(frozen=True)
class GridConfig:
    """Choices of this step; see configs/grid.toml."""

    films: Choice
    backbones: tuple[str, ...]
    weights: str
    size: int
    recipe: str
    batch: int
    shares: tuple[float, ...]
    optimizers: tuple[str, ...]
    learning_rates: tuple[float, ...]
    decays: tuple[str, ...]
    epochs: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what no cell could be made of."""
        for what, received, known in (
            ("optimizers", self.optimizers, tuple(OPTIMIZERS)),
            ("decays", self.decays, (NONE, COSINE, EXPONENTIAL)),
        ):
            if not set(received) <= set(known):
                raise DatasetError(f"Expected {what} of {', '.join(known)}. Received: {', '.join(received)}.")
        if not all(0 < share <= 1 for share in self.shares):
            raise DatasetError(f"Expected shares above 0, at most 1. Received: {self.shares}.")


@dataclass(frozen=True)
class Cell:
    """One combination of settings; see SETTINGS."""

    backbone: str
    share: float
    optimizer: str
    learning_rate: float
    decay: str
    epochs: int


def cells(config: GridConfig) -> list[Cell]:
    """Return all combinations, those that share a backbone and what learns of it together."""
    return [
        Cell(*values)
        for values in product(
            config.backbones, config.shares, config.optimizers, config.learning_rates, config.decays, config.epochs
        )
    ]


def parts(films: Sample) -> dict[str, NDArray[np.intp]]:
    """Return the positions that teach, that choose the settings and that test the chosen ones; patients apart."""
    kind = np.where(films.folds == TEST_FOLD, "test", np.where(films.folds == VAL_FOLD, "val", "train"))
    return {name: np.flatnonzero(kind == name) for name in ("train", "val", "test")}


def rate(cell: Cell, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate over all steps of a cell's training."""
    if cell.decay == COSINE:
        return keras.optimizers.schedules.CosineDecay(cell.learning_rate, steps)
    if cell.decay == EXPONENTIAL:
        return keras.optimizers.schedules.ExponentialDecay(cell.learning_rate, steps, LAST)
    return cell.learning_rate


@lru_cache(maxsize=1)
def network(name: str, weights: str, size: int) -> tuple[keras.Model, list[NDArray[np.float32]]]:
    """Return a backbone and its weights as they came: every cell begins with them."""
    keras.utils.set_random_seed(0)
    base = backbone(name, weights, size)
    return base, base.get_weights()


def learn(cell: Cell, films: Sample, config: GridConfig, pictures: NDArray[np.uint8]) -> Json:
    """Train one cell, head and all in one phase, and score validation and test films after its last epoch.

    Returns:
        Its settings, `val` (ROC AUC; None where the training diverged), the loss of each epoch, the seconds, and the
        logits of the test films, which are looked at for the chosen cell alone.
    """
    began = perf_counter()
    base, came = network(cell.backbone, config.weights, config.size)
    base.set_weights(came)
    keras.utils.set_random_seed(config.films.seed)
    inputs, part = maps(base, (cell.share,), pictures)[0], parts(films)
    train = part["train"]
    model = compiled(base, cell, config, len(train))
    fitted = model.fit(
        inputs[train], films.y_true[train], config.batch, cell.epochs, 0, sample_weight=weight(films, train)
    )
    logits = {name: model.predict(inputs[part[name]], 64, 0)[:, 0].astype(np.float64) for name in ("val", "test")}
    finite = bool(np.isfinite(np.concatenate(list(logits.values()))).all())
    return {
        **asdict(cell),
        "val": float(roc_auc(films.y_true[part["val"]], logits["val"])) if finite else None,
        "loss": [float(loss) for loss in fitted.history["loss"]] if finite else None,
        "seconds": perf_counter() - began,
        "test_logits": logits["test"].tolist() if finite else None,
    }


def compiled(base: keras.Model, cell: Cell, config: GridConfig, films: int) -> keras.Model:
    """Return what learns of a backbone, with the cell's optimiser."""
    model = tail(base, cell.share, fresh=config.weights == RANDOM)
    optimizer = OPTIMIZERS[cell.optimizer](rate(cell, cell.epochs * -(-films // config.batch)))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    # Keras' own metrics are left out: what is judged is the AUC of the films that choose.
    model.compile(optimizer, loss, weighted_metrics=[], jit_compile=devices.uses_xla())
    return model


def estimate(config: GridConfig, films: int) -> list[Json]:
    """Time some steps of each backbone and share with random weights, and say how long all of their cells take.

    Args:
        config: the grid.
        films: that teach.

    Returns:
        One entry for each backbone and share: `cells`, their `hours` on this machine as busy as it is, and their
        `processor_hours`, all cores together.
    """
    found = []
    for name, share in product(config.backbones, config.shares):
        own = [cell for cell in cells(config) if (cell.backbone, cell.share) == (name, share)]
        keras.utils.clear_session()
        base = backbone(name, RANDOM, config.size)
        seconds, processor = pace(compiled(base, own[0], config, films))
        hours = films * sum(cell.epochs for cell in own) / 3600
        about = {"backbone": name, "share": share, "cells": len(own), "seconds_a_film": seconds}
        found.append({**about, "hours": seconds * hours, "processor_hours": processor * hours})
        print(f"{name}, {share:.0%}: {seconds * hours:.1f} h", flush=True)
    return found


def pace(model: keras.Model) -> tuple[float, float]:
    """Return the seconds, and the processor's seconds, that a model learns from a film."""
    x = np.zeros((TIMED_BATCH, *model.input_shape[1:]), np.float32)
    times = []
    for _ in range(STEPS + 1):
        began, spent = perf_counter(), process_time()
        model.train_on_batch(x, np.zeros(len(x)))
        times.append(((perf_counter() - began) / len(x), (process_time() - spent) / len(x)))
    seconds, processor = zip(*times[1:], strict=True)
    return median(seconds), median(processor)


def best(done: Sequence[Json]) -> Json | None:
    """Return the cell with the greatest validation AUC; None where all diverged."""
    return max((cell for cell in done if cell["val"] is not None), key=lambda cell: cell["val"], default=None)


def test_scores(cell: Json) -> Floats:
    """Return the test films' logits of a cell."""
    return np.array(cell["test_logits"])
