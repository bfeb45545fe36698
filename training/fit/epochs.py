"""The epochs of a network's training: drawn anew each time, logged, and gone on with where a run was stopped."""

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training import run
from training.networks import devices

Batch = tuple[NDArray[np.float32], NDArray[np.float32] | dict[str, NDArray[np.float32]]]
AVERAGE_EVERY = 10  # steps
WARM_UP = 0.2  # share of the steps
FIRST_RATE, LAST_RATE = 0.1, 0.01  # shares of the peak


class Epoch(keras.utils.PyDataset):
    """Batches of one epoch; the next one is drawn when it ends.

    Attributes:
        seed: of everything random in the epoch: the training's seed and the epoch's number.
        drawn: the radiographs of the epoch, in order.
    """

    def __init__(self, draw: Callable[[tuple[int, int]], NDArray[np.intp]], seed: int, epoch: int, batch: int) -> None:
        """Draw the first epoch.

        Args:
            draw: radiographs by the epoch's seed.
            seed: of the training.
            epoch: number of the first epoch, from 0.
            batch: radiographs in a batch.
        """
        super().__init__(workers=1)
        self.draw, self.batch = draw, batch
        self._begin((seed, epoch))

    def _begin(self, seed: tuple[int, int]) -> None:
        self.seed, self.drawn = seed, self.draw(seed)

    def on_epoch_end(self) -> None:
        """Draw the next epoch."""
        self._begin((self.seed[0], self.seed[1] + 1))

    def __len__(self) -> int:
        """Return the number of full batches."""
        return len(self.drawn) // self.batch

    def __getitem__(self, index: int) -> Batch:
        """Return inputs and targets of one batch."""
        raise NotImplementedError

    def chosen(self, index: int) -> tuple[NDArray[np.intp], int]:
        """Return the radiographs of one batch, and the place of the first in the epoch."""
        first = index * self.batch
        return self.drawn[first : first + self.batch], first


class Average(keras.callbacks.Callback):
    """A moving average of the weights, which takes their place when an epoch ends.

    It is measured and saved; the next epoch of the same `fit` goes on from the weights themselves. Keras' own average,
    by every optimiser, costs a third of a step on two cores; this one looks only now and then.
    """

    def __init__(self, momentum: float) -> None:
        """Remember the share of the average that a new look at the weights leaves."""
        super().__init__()
        self.momentum, self.steps = momentum, 0
        self.average: list[NDArray[np.float32]] = []
        self.raw: list[NDArray[np.float32]] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Go on from the weights themselves."""
        self._put(self.raw)
        self.average = self.average or self._weights()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Look at the weights."""
        self.steps += 1
        if self.steps % AVERAGE_EVERY == 0:
            self._look()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Look at the last steps too, and put the average in."""
        if self.steps % AVERAGE_EVERY:
            self._look()
        self.raw = self._weights()
        self._put(self.average)

    def _look(self) -> None:
        for mean, weights in zip(self.average, self._weights(), strict=True):
            mean += (1 - self.momentum) * (weights - mean)

    def _weights(self) -> list[NDArray[np.float32]]:
        return [np.array(each) for each in self.model.trainable_variables]

    def _put(self, weights: list[NDArray[np.float32]]) -> None:
        for variable, values in zip(self.model.trainable_variables, weights, strict=False):
            variable.assign(values)


def callbacks(folder: Path, measure: Callable[[], Mapping[str, float]]) -> list[keras.callbacks.Callback]:
    """Return what follows each epoch: measure, save last.keras to go on from, add a line to history.csv."""

    def after(_: int, logs: dict[str, float]) -> None:
        logs.update(measure())

    class Save(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            with devices.alone():
                run.save_model(self.model, folder / "last.keras")

    log = keras.callbacks.CSVLogger(str(folder / "history.csv"), append=True)
    return [keras.callbacks.LambdaCallback(on_epoch_end=after), Save(), log]


def one_cycle(peak: float, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises linearly from a tenth of its peak, then falls along a cosine to a hundredth.

    Args:
        peak: the largest rate, reached after the share WARM_UP of the steps.
        steps: of the whole cycle.

    Source:
        Smith & Topin 2018, arXiv:1708.07120, with a cosine descent.
    """
    warm_up = round(WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        FIRST_RATE * peak, max(steps - warm_up, 1), alpha=LAST_RATE, warmup_target=peak, warmup_steps=warm_up
    )
