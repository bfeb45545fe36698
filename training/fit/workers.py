"""Who changes the films of an epoch while a device learns: this process, or several of their own.

Processes, not threads: these end at the interpreter's lock, which small films hold for most of their time.
"""

import multiprocessing
import os
import signal
from concurrent.futures import Future, ProcessPoolExecutor
from threading import Thread

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.augment import Augmentation, changed

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
