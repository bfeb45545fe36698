"""Who changes the films of an epoch while a device learns: this process, or several of their own.

Processes, not threads: these wait for the interpreter's lock. Of 64 px two threads prepare 0.7 times the films of one
(`python -m benchmarks.input_pipeline`).
"""

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from training.augment import Augmentation, changed

Films = Future[NDArray[np.float32]]
# Batches that are asked for before their turn, for each process: one is worked on, and one waits.
AHEAD = 2


class Workers:
    """So many processes that read the same crops from the disk; they last as long as this.

    Attributes:
        ahead: how many batches to ask for before they are needed.
    """

    def __init__(self, pictures: NDArray[np.uint8], count: int = 1) -> None:
        """Start them.

        Args:
            pictures: the crops, shape (n, side, side); memory-mapped from a file where there are several processes.
            count: of the processes; with 1, this one does the work, when it is asked.
        """
        self.ahead = AHEAD * count if count > 1 else 0
        self._pictures, self._pool = pictures, None
        if count > 1:
            # Not forked: the backends of Keras have threads.
            new = multiprocessing.get_context("spawn")
            path = str(pictures.filename)  # type: ignore[attr-defined]
            self._pool = ProcessPoolExecutor(count, mp_context=new, initializer=_open, initargs=(path,))

    def changed(
        self, chosen: NDArray[np.intp], size: int, how: Augmentation, seed: tuple[int, ...], first: int
    ) -> Films:
        """Begin to change some of the crops as `augment.changed` does."""
        if self._pool:
            return self._pool.submit(_changed, chosen, size, how, seed, first)
        done: Films = Future()
        done.set_result(changed(self._pictures, chosen, size, how, seed, first))
        return done


_pictures: list[NDArray[np.uint8]] = []


def _open(path: str) -> None:
    cv2.setNumThreads(1)  # the other cores have a batch each
    _pictures[:] = [np.load(path, mmap_mode="r")]


def _changed(
    chosen: NDArray[np.intp], size: int, how: Augmentation, seed: tuple[int, ...], first: int
) -> NDArray[np.float32]:
    return changed(_pictures[0], chosen, size, how, seed, first)
