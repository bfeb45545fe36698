"""The one-cycle learning rate."""

import math
from typing import Any

import keras
from keras import ops

WARM_UP = 0.2  # share of the steps


@keras.saving.register_keras_serializable("training")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """The rate rises linearly from a tenth of its peak, then falls to a hundredth of it along a cosine.

    A function of the optimiser's own steps, as every backend keeps them: what a callback sets between two batches, JAX
    does not see.

    Source:
        Smith & Topin 2018, arXiv:1708.07120, with a cosine descent.
    """

    def __init__(self, peak: float, steps: int, done: int = 0) -> None:
        """Set out a cycle.

        Args:
            peak: the largest rate, reached after WARM_UP.
            steps: of the whole cycle.
            done: of them before the optimiser's first.
        """
        super().__init__()
        self.peak, self.steps, self.done = peak, steps, done

    def __call__(self, step: int | keras.KerasTensor) -> keras.KerasTensor:
        """Return the rate of the optimiser's step, counted from 0."""
        progress = (ops.cast(step, "float32") + self.done) / self.steps
        rising = 0.1 + 0.9 * progress / WARM_UP
        descent = ops.minimum((progress - WARM_UP) / (1.0 - WARM_UP), 1.0)
        falling = 0.01 + 0.99 * (1.0 + ops.cos(math.pi * descent)) / 2
        return self.peak * ops.where(progress < WARM_UP, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved optimiser keeps."""
        return {"peak": self.peak, "steps": self.steps, "done": self.done}
