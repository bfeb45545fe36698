"""What the backbone learns from: crops that workers augment, with what each is asked and where it is opaque."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import Thread
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training.config import Choices
from training.data import opacities
from training.data.augment import Augmentation, changed, moved
from training.data.crops import Crops
from training.data.manifest import LABELS, OTHER_LABELS
from training.data.perturb import lungs_erased
from training.fit.epochs import Batch, Epoch
from training.fit.questions import Question, Questionnaire
from training.networks import devices
from xray.errors import DatasetError

Images = NDArray[np.float32]
# Batches that are asked for before their turn, for each process: one is worked on, and one waits.
PREFETCH = 2


class Part(NamedTuple):
    """Crops of an epoch to change as `augment.changed` does.

    Attributes:
        chosen: positions of the crops.
        size: side of an input in pixels.
        how: how far each may be changed.
        seed: of the epoch.
        first: the place of the first in the epoch.
        erased: of which the lungs are erased before, shape (len(chosen),).
    """

    chosen: NDArray[np.intp]
    size: int
    how: Augmentation
    seed: tuple[int, ...]
    first: int
    erased: NDArray[np.bool_]

    def inputs(self, images: NDArray[np.uint8], lungs: NDArray[np.bool_]) -> Images:
        """Return the network's inputs, shape (len(chosen), size, size, 1)."""
        crops = np.array(images[self.chosen])
        for place in np.flatnonzero(self.erased):
            crops[place] = lungs_erased(crops[place], lungs[self.chosen[place]])
        return changed(crops, np.arange(len(crops)), self.size, self.how, self.seed, self.first)


class Workers:
    """So many processes that read the same crops from the disk; they end with `close`, or with this process.

    Attributes:
        prefetch: how many parts to ask for before they are needed.
    """

    def __init__(self, images: NDArray[np.uint8], lungs: NDArray[np.bool_], count: int = 1) -> None:
        """Start them.

        Args:
            images: the crops, shape (n, side, side); memory-mapped from a file where there are several processes.
            lungs: same shape and kind, True inside the lungs.
            count: of the processes; with 1, this one does the work, when it is asked.
        """
        self.prefetch = PREFETCH * count if count > 1 else 0
        self._crops, self._pool = (images, lungs), None
        if count > 1:
            # Not forked: the backends of Keras have threads.
            new = multiprocessing.get_context("spawn")
            files = (images.filename, lungs.filename)  # type: ignore[attr-defined]
            self._pool = ProcessPoolExecutor(count, mp_context=new, initializer=_open, initargs=(files,))

    def changed(self, part: Part) -> Future[Images]:
        """Begin to change some of the crops.

        Raises:
            BrokenProcessPool: a process died; its results raise it too.
        """
        if self._pool:
            return self._pool.submit(_changed, part)
        done: Future[Images] = Future()
        done.set_result(part.inputs(*self._crops))
        return done

    def close(self) -> None:
        """End them."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


_crops: list[NDArray[Any]] = []


def _open(files: Sequence[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the main process's to answer
    Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)  # the other cores have a batch each
    _crops[:] = [np.load(file, mmap_mode="r") for file in files]


def _end_with_parent() -> None:
    """Wait until the main process is gone, however it ended."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _changed(part: Part) -> Images:
    return part.inputs(*_crops)


class Stage(Choices, frozen=True):
    """A part of the training with one image size in pixels."""

    size: int
    epochs: int
    pictures: int  # an epoch
    batch: int
    peak_learning_rate: float
    frozen_blocks: int = 0


class BackboneConfig(Choices, frozen=True, kw_only=True):
    """Choices of this step; see configs/backbone.toml.

    Attributes:
        start: `imagenet`, which Keras downloads, a backbone of model/, a file of VGG16 weights, or `random`.
        shares: of each source in a batch; sum 1.
        estimated_views: sources whose views are estimated, so that the draws can balance them.
        balance_views: whether AP and PA are drawn as often within each label of a source.
        size_power: a label's share of its source is its size to this power.
        questions: what the radiographs are asked.
        opacity_weight: of the opacity map's loss beside the questions'; 0 without a map.
        erased: share of a batch whose lungs are erased, and which is told nothing.
        average: momentum of the weights' moving average, over every tenth step.
    """

    start: str = "imagenet"
    crop_size: int
    shares: dict[str, float]
    estimated_views: tuple[str, ...] = ()
    balance_views: bool = True
    size_power: float = 0.5
    questions: tuple[Question, ...]
    opacity_weight: float
    erased: float
    weight_decay: float
    label_smoothing: float
    dropout: float
    average: float
    seed: int
    stages: tuple[Stage, ...]
    augmentation: Augmentation

    @property
    def labels(self) -> tuple[str, ...]:
        """The manifest's labels that the questions know."""
        return (*LABELS, *(name for name in OTHER_LABELS if any(name in each.answers for each in self.questions)))


@dataclass(frozen=True)
class Lessons:
    """All that is known of the radiographs: crops, views, answers and opacities.

    Attributes:
        data: the crops.
        views: AP, PA or blank, shape (n,).
        questionnaire: what they are asked.
        targets: as `Questionnaire.targets`, shape (n, columns).
        boxes: of opacities.
        marked: for which it is known where they are opaque, shape (n,).
    """

    data: Crops
    views: NDArray[np.str_]
    questionnaire: Questionnaire
    targets: NDArray[np.float32]
    boxes: opacities.Boxes
    marked: NDArray[np.bool_]

    def weights(self, config: BackboneConfig) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the train radiographs that are drawn, and each one's probability, sum 1."""
        rows = self.data.rows
        drawn = [config.shares.get(row.source, 0.0) > 0 and row.label in config.labels for row in rows]
        train = np.flatnonzero(np.array(drawn) & [row.split == "train" for row in rows])
        sources, labels = ([getattr(rows[i], of) for i in train] for of in ("source", "label"))
        share = np.zeros(len(train))
        for source, whole in config.shares.items():
            here = np.flatnonzero([each == source for each in sources])
            groups: dict[str, list[int]] = {}
            for place in here:
                groups.setdefault(labels[place], []).append(int(place))
            sizes = {label: len(of) ** config.size_power for label, of in groups.items()}
            for label, of in groups.items():
                view = self.views[train[of]] if config.balance_views else np.full(len(of), "")
                _, cell, count = np.unique(view, return_inverse=True, return_counts=True)
                share[of] = whole * sizes[label] / sum(sizes.values()) / len(count) / count[cell]
        return train, share / share.sum()


class Draws(Epoch):
    """Epochs of augmented crops: sources in their shares, labels and views balanced within each."""

    def __init__(self, lessons: Lessons, config: BackboneConfig, stage: Stage, epoch: int, pool: Workers) -> None:
        """Draw the first epoch; everything random follows from seed and epoch, however many processes share the work.

        Args:
            lessons: of all radiographs.
            config: the choices.
            stage: the part of the training.
            epoch: number of the first epoch.
            pool: the processes that augment.
        """
        self.lessons, self.config, self.stage, self.pool = lessons, config, stage, pool
        self.train, self.shares = lessons.weights(config)
        super().__init__(self._draw, config.seed, epoch, stage.batch)

    def _draw(self, seed: tuple[int, int]) -> NDArray[np.intp]:
        rng = np.random.default_rng(seed)
        drawn = rng.choice(self.train, self.stage.pictures, p=self.shares)
        self.erased = rng.random(len(drawn)) < self.config.erased
        return drawn

    def _begin(self, seed: tuple[int, int]) -> None:
        self.coming: dict[int, Future[Images]] = {}
        super()._begin(seed)

    def __getitem__(self, index: int) -> Batch:
        """Return this process's part of one batch: grey inputs (n, size, size, 1) and the targets of both outputs."""
        for each in (index, *range(index + 1, min(index + 1 + self.pool.prefetch, len(self)))):
            if each not in self.coming:
                self.coming[each] = self.pool.changed(self._part(each))
        try:
            inputs = self.coming.pop(index).result()
        except BrokenProcessPool as error:
            raise DatasetError(
                "Expected processes that augment images and live. Received: one that died; is the memory used up? Run "
                "again with fewer --workers: the last whole epoch is kept."
            ) from error
        return inputs, self._targets(self._part(index))

    def chosen(self, index: int) -> tuple[NDArray[np.intp], int]:
        """Return the radiographs of this process's part of a batch, and the place of the first in the epoch."""
        process, processes = devices.share()
        size = self.batch // processes
        first = index * self.batch + process * size
        return self.drawn[first : first + size], first

    def _part(self, index: int) -> Part:
        chosen, first = self.chosen(index)
        erased = self.erased[first : first + len(chosen)]
        return Part(chosen, self.stage.size, self.config.augmentation, self.seed, first, erased)

    def _targets(self, part: Part) -> dict[str, NDArray[np.float32]]:
        answers = self.lessons.targets[part.chosen]
        answers[part.erased, -1] = 1.0
        grid = part.size // opacities.STRIDE
        opacity = np.zeros((len(part.chosen), grid, grid, 2), np.float32)
        opacity[..., 1] = (self.lessons.marked[part.chosen] | part.erased)[:, None, None]
        for place in np.flatnonzero(self.lessons.marked[part.chosen] & ~part.erased):
            mask = opacities.mask(self.lessons.data, int(part.chosen[place]), self.lessons.boxes)
            opacity[place, ..., 0] = moved(mask, part.size, grid, part.how, (*part.seed, part.first + int(place)))
        return {"answers": answers, "opacity": opacity}
