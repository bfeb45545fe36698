"""The one-cycle learning rate."""

import keras
import numpy as np


def one_cycle(progress: float, peak: float, warm_up: float = 0.2) -> float:
    """Return the learning rate after a share of the training.

    Args:
        progress: share of the steps done, 0 to 1.
        peak: the largest rate, reached after `warm_up`.
        warm_up: share of the steps during which the rate rises linearly from a tenth of the peak.

    Returns:
        The rate: it falls from the peak to a hundredth of it along a cosine.

    Source:
        Smith & Topin 2018, arXiv:1708.07120, with a cosine descent.
    """
    if progress < warm_up:
        return peak * (0.1 + 0.9 * progress / warm_up)
    descent = (progress - warm_up) / (1.0 - warm_up)
    return float(peak * (0.01 + 0.99 * (1.0 + np.cos(np.pi * min(descent, 1.0))) / 2))


class OneCycle(keras.callbacks.Callback):
    """Set the optimiser's rate before every batch of the epochs `first` to `last` (exclusive)."""

    def __init__(self, peak: float, first: int, last: int) -> None:
        """Remember the peak rate and the epochs over which the cycle runs."""
        super().__init__()
        self.peak, self.first, self.last = peak, first, last
        self.epoch = first

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Note which epoch begins."""
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        """Set the rate for one batch."""
        done = self.epoch - self.first + batch / self.params["steps"]
        self.model.optimizer.learning_rate.assign(one_cycle(done / (self.last - self.first), self.peak))
