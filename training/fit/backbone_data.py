"""What the backbone is pretrained on: each film's findings, and epochs of augmented crops."""

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.config import Choices
from training.data.augment import Augmentation
from training.data.crops import Crops
from training.data.manifest import Row
from training.fit.epochs import Batch, Epoch
from training.fit.workers import Images, Workers
from training.networks import devices
from xray.errors import DatasetError


class Stage(Choices, frozen=True):
    """A part of the training with one image size in pixels."""

    size: int
    epochs: int
    pictures: int  # an epoch
    batch: int
    peak_learning_rate: float
    frozen_blocks: int = 0


class PretrainConfig(Choices, frozen=True):
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


class Draws(Epoch):
    """Epochs of augmented crops, drawn so that labels and sources are balanced."""

    def __init__(
        self, data: Crops, findings: Findings, config: PretrainConfig, stage: Stage, epoch: int, pool: Workers
    ) -> None:
        """Draw the first epoch; everything random follows from seed and epoch, however many processes share the work.

        Args:
            data: the crops.
            findings: of the same radiographs.
            config: the choices.
            stage: the part of the training.
            epoch: number of the first epoch.
            pool: the processes that augment.
        """
        self.data, self.findings, self.config, self.stage, self.pool = data, findings, config, stage, pool
        super().__init__(lambda seed: data.draw(stage.pictures, seed), config.seed, epoch, stage.batch)

    def _begin(self, seed: tuple[int, int]) -> None:
        self.coming: dict[int, Future[Images]] = {}
        super()._begin(seed)

    def __getitem__(self, index: int) -> Batch:
        """Return this process's part of one batch: grey inputs (n, size, size, 1) and the targets of both tasks."""
        for each in (index, *range(index + 1, min(index + 1 + self.pool.prefetch, len(self)))):
            if each not in self.coming:
                part, first = self.chosen(each)
                how = self.config.augmentation
                self.coming[each] = self.pool.changed(part, self.stage.size, how, self.seed, first)
        try:
            inputs = self.coming.pop(index).result()
        except BrokenProcessPool as error:
            raise DatasetError(
                "Expected processes that augment images and live. Received: one that died; is the memory used up? Run "
                "again with fewer --workers: the last whole epoch is kept."
            ) from error
        return inputs, _targets(self.data, self.findings, self.config, self.chosen(index)[0])

    def chosen(self, index: int) -> tuple[NDArray[np.intp], int]:
        """Return the radiographs of this process's part of a batch, and the place of the first in the epoch."""
        process, processes = devices.share()
        size = self.batch // processes
        first = index * self.batch + process * size
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
