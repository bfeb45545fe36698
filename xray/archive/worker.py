"""Analysis of one file, on whatever engine: its SHA-256, its results, lung mask and heat maps."""

import hashlib
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

import cv2

from xray import combined, memory
from xray.analysis import Analysis, Analyzer
from xray.annotate.annotated_copy import encode
from xray.annotate.panels import heat_panel
from xray.archive.row import File, Outcome, Result
from xray.errors import ImageError
from xray.io import storage
from xray.io.limits import Limits
from xray.io.png import encode_png
from xray.networks.lungs import resized
from xray.opacity import columns

# Enough to tell that a file is too large; its SHA-256 is that of the bytes that were read.
MOST_BYTES = Limits().size_bytes + 1
CHANGED = "Expected the film that was found first. Received another: it changed meanwhile. Run again."
# After so many deaths of a worker at one file, the file is to blame and not the machine.
MOST_DEATHS = 3
DEADLY = "Expected a film that can be judged. Received: the worker died at it."


@dataclass(frozen=True)
class Task:
    """What is wanted of each radiograph.

    Attributes:
        models: the names of its rows: MODEL, MODEL:LABEL or `combined`.
        backbone: the network whose features the models take.
        masks: address of the folder for lung masks; "" for none.
        heat_maps: address of the folder for heat maps; "" for none.
    """

    models: tuple[str, ...]
    backbone: str
    masks: str = ""
    heat_maps: str = ""


def hashed(address: str) -> File:
    """Read a file for its SHA-256."""
    try:
        return File(address, hashlib.sha256(storage.read(address, MOST_BYTES)).hexdigest(), "")
    except storage.UNREADABLE as error:
        return File(address, "", _unreadable(error))


class Worker:
    """One set of networks on one core, which analyses one radiograph after another."""

    def __init__(self, task: Task) -> None:
        """Load the networks.

        Raises:
            ModelError: an artefact is broken, or there is no such backbone.
        """
        cv2.setNumThreads(1)  # the other cores have radiographs of their own
        memory.configure_malloc()
        self._task = task
        self._analyzer = Analyzer.load(backbone=task.backbone, threads=1)
        self._asked = list(dict.fromkeys(name.partition(":")[0] for name in task.models if name != combined.NAME))

    def analyse(self, file: File) -> Outcome:
        """Return each model's result, or why there is none.

        Raises:
            OSError: a mask or a heat map cannot be written.
        """
        try:
            data = storage.read(file.address, MOST_BYTES)
        except storage.UNREADABLE as error:
            return Outcome(File(file.address, "", _unreadable(error)), [])
        if hashlib.sha256(data).hexdigest() != file.sha256:
            return Outcome(File(file.address, "", CHANGED), [])
        try:
            analysis = self._analyzer.analyse(data, self._asked)
            images = list(self._drawn(file.sha256, analysis))
        except ImageError as error:
            problem = " ".join(str(error).split())
            failed = [Result(file.sha256, model, "", None, None, "", problem) for model in self._task.models]
            return Outcome(file, failed)
        except Exception as error:  # noqa: BLE001 - one file of millions must not end the run; its row says what it was
            return Outcome(file._replace(problem=_unexpected(error)), [])
        for address, image in images:
            storage.write(address, image)
        return Outcome(file, list(self._results(file.sha256, analysis)))

    def _results(self, sha256: str, analysis: Analysis) -> Iterator[Result]:
        cautions = " ".join(analysis.cautions)
        found = {answer.name: answer for answer in combined.rows(analysis.predictions)}
        for model in self._task.models:
            _, said, finding = found[model]
            row = Result(sha256, model, str(said.verdict), said.score, round(said.threshold, 4), cautions, "")
            row = row._replace(finding=finding or "")
            row = row._replace(negative_below=said.negative_below, positive_from=said.positive_from)
            yield row._replace(**columns(analysis.measures))  # type: ignore[arg-type]  # its names are fields

    def _drawn(self, sha256: str, analysis: Analysis) -> Iterator[tuple[str, bytes]]:
        """Draw the images that are wanted, named by content: the same whoever writes them, and however often."""
        name = f"{sha256[:2]}/{sha256}"
        if self._task.masks:
            mask = resized(analysis.lungs, analysis.sent or analysis.image.shape)
            yield f"{self._task.masks}/{name}.png", encode_png(mask)
        if self._task.heat_maps:
            for each in analysis.predictions:
                yield f"{self._task.heat_maps}/{name}_{each.model}.jpg", encode(heat_panel(analysis, each))


def serve(pipe: Connection, task: Task) -> None:
    """Analyse the files that come through a pipe, until the main process closes it or is gone.

    What is sent back first is None once the networks are loaded, then an Outcome for each file; or an exception.

    Args:
        pipe: to the main process.
        task: what is wanted of each radiograph.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process answers an interrupt
    with suppress(EOFError, ConnectionError):
        try:
            worker = Worker(task)
        except Exception as error:  # noqa: BLE001 - raised again in the main process
            pipe.send(error)
            return
        pipe.send(None)
        while True:
            file = pipe.recv()
            try:
                answer: Outcome | Exception = worker.analyse(file)
            except Exception as error:  # noqa: BLE001 - raised again in the main process
                answer = error
            pipe.send(answer)


def _unexpected(error: Exception) -> str:
    """Describe what no radiograph should end in: a fault of ours, or too little memory."""
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    return f"Expected a film that can be judged. Received {reason}."


def _unreadable(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"Expected a film that can be read. Received: {' '.join(str(reason).split())}."
