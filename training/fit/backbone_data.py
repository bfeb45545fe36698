"""What the backbone is pretrained on: the findings of radiographs, and epochs of crops that workers augment."""

import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import Thread

import cv2
import numpy as np
from numpy.typing import NDArray

from training.config import Choices
from training.data.augment import Augmentation, changed
from training.data.crops import Crops
from training.data.manifest import Row
from training.fit.epochs import Batch, Epoch
from training.networks import devices
from xray.errors import DatasetError

Images = NDArray[np.float32]
# Batches that are asked for before their turn, for each process: one is worked on, and one waits.
PREFETCH = 2


class Workers:
    """So many processes that read the same crops from the disk; they end with `close`, or with this process.

    Attributes:
        prefetch: how many batches to ask for before they are needed.
    """

    def __init__(self, pictures: NDArray[np.uint8], count: int = 1) -> None:
        """Start them.

        Args:
            pictures: the crops, shape (n, side, side); memory-mapped from a file where there are several processes.
            count: of the processes; with 1, this one does the work, when it is asked.
        """
        self.prefetch = PREFETCH * count if count > 1 else 0
        self._pictures, self._pool = pictures, None
        if count > 1:
            # Not forked: the backends of Keras have threads.
            new = multiprocessing.get_context("spawn")
            path = str(pictures.filename)  # type: ignore[attr-defined]
            self._pool = ProcessPoolExecutor(count, mp_context=new, initializer=_open, initargs=(path,))

    def changed(
        self, chosen: NDArray[np.intp], size: int, how: Augmentation, seed: tuple[int, ...], first: int
    ) -> Future[Images]:
        """Begin to change some of the crops as `augment.changed` does.

        Raises:
            BrokenProcessPool: a process died; its results raise it too.
        """
        if self._pool:
            return self._pool.submit(_changed, chosen, size, how, seed, first)
        done: Future[Images] = Future()
        done.set_result(changed(self._pictures, chosen, size, how, seed, first))
        return done

    def close(self) -> None:
        """End them."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


_pictures: list[NDArray[np.uint8]] = []


def _open(path: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the main process's to answer
    Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)  # the other cores have a batch each
    _pictures[:] = [np.load(path, mmap_mode="r")]


def _end_with_parent() -> None:
    """Wait until the main process is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _changed(chosen: NDArray[np.intp], size: int, how: Augmentation, seed: tuple[int, ...], first: int) -> Images:
    return changed(_pictures[0], chosen, size, how, seed, first)


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
        possible: float32, shape (n, findings), 1 for what the training radiographs of the same source show.
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
