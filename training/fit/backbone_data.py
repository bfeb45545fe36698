"""What the backbone is pretrained on: each film's findings, and epochs of augmented crops."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from training.data.augment import Augmentation
from training.data.crops import Crops
from training.data.manifest import Row
from training.fit.workers import Batch, Workers
from training.networks import devices
from xray.errors import DatasetError


@dataclass(frozen=True)
class Stage:
    """A part of the training with one picture size in pixels."""

    size: int
    epochs: int
    pictures: int  # an epoch
    batch: int
    peak_learning_rate: float
    frozen_blocks: int = 0


@dataclass(frozen=True)
class PretrainConfig:
    """Choices of this step; see configs/backbone.toml."""

    classes: tuple[str, ...]
    within_source_weight: float
    crop_size: int
    weight_decay: float
    label_smoothing: float
    dropout: float
    seed: int
    stages: tuple[Stage, ...]
    augmentation: Augmentation
    start: str = ""  # network.tflite of a backbone to go on from, relative to the repository; or from random weights


@dataclass(frozen=True)
class Findings:
    """What each radiograph shows, and what its source could have shown.

    Attributes:
        names: the findings; classes, with bacterial and viral pneumonia apart where the publisher says.
        finding: int, shape (n,), position in `names`.
        possible: float32, shape (n, findings), 1 for what the training pictures of the same source show.
    """

    names: tuple[str, ...]
    finding: NDArray[np.intp]
    possible: NDArray[np.float32]

    @classmethod
    def of(cls, rows: list[Row]) -> "Findings":
        """Read them from the manifest's rows."""
        words = [_finding(row) for row in rows]
        names = tuple(sorted(set(words)))
        one_hot = np.eye(len(names), dtype=np.float32)[[names.index(word) for word in words]]
        possible = np.zeros_like(one_hot)
        for source in {row.source for row in rows}:
            here = np.array([row.source == source for row in rows])
            train = here & np.array([row.split == "train" for row in rows])
            possible[here] = one_hot[train].max(axis=0) if train.any() else 0.0
        return cls(names, one_hot.argmax(axis=1), np.maximum(possible, one_hot))


def _finding(row: Row) -> str:
    if row.label != "pneumonia":
        return row.label
    words = row.finding.lower()
    return "bacterial" if "bacteri" in words else "viral" if "vir" in words else row.label


class Draws(keras.utils.PyDataset):
    """One epoch of augmented crops, drawn so that classes and sources are balanced."""

    def __init__(
        self, data: Crops, findings: Findings, config: PretrainConfig, stage: Stage, epoch: int, pool: Workers
    ) -> None:
        """Draw the epoch's radiographs; everything random follows from seed and epoch, however many share the work."""
        super().__init__(workers=1)
        self.data, self.findings, self.config, self.stage, self.pool = data, findings, config, stage, pool
        self.coming: dict[int, Future[Batch]] = {}
        self.seed = (config.seed, epoch)
        self.drawn = data.draw(stage.pictures, self.seed)

    def __len__(self) -> int:
        """Return the number of full batches."""
        return len(self.drawn) // self.stage.batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return this process's part of one batch: grey inputs (n, size, size, 1) and the targets of both tasks."""
        for each in (index, *range(index + 1, min(index + 1 + self.pool.prefetch, len(self)))):
            if each not in self.coming:
                self.coming[each] = self._begin(each)
        try:
            inputs = self.coming.pop(index).result()
        except BrokenProcessPool as error:
            raise DatasetError(
                "Expected processes that change films and live. Received: one that died; is the memory used up? Run "
                "again with fewer --workers: the last whole epoch is kept."
            ) from error
        return inputs, _targets(self.data, self.findings, self.config, self._chosen(index)[0])

    def _begin(self, index: int) -> Future[Batch]:
        chosen, first = self._chosen(index)
        return self.pool.changed(chosen, self.stage.size, self.config.augmentation, self.seed, first)

    def _chosen(self, index: int) -> tuple[NDArray[np.intp], int]:
        """Return the films of this process's part of a batch, and the place of the first in the epoch."""
        process, processes = devices.share()
        size = self.stage.batch // processes
        first = index * self.stage.batch + process * size
        return self.drawn[first : first + size], first


def _targets(
    data: Crops, findings: Findings, config: PretrainConfig, chosen: NDArray[np.intp]
) -> dict[str, NDArray[np.float32]]:
    labels = [config.classes.index(data.rows[i].label) for i in chosen]
    shown = np.eye(len(findings.names), dtype=np.float32)[findings.finding[chosen]]
    return {
        "logits": np.eye(len(config.classes), dtype=np.float32)[labels],
        "within": np.hstack([shown, findings.possible[chosen]]),
    }
