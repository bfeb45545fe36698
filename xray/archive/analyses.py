"""The work on one film, wherever it is done: its SHA-256, then its verdicts, mask and heat maps."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2

from xray import combined, memory
from xray.analysis import Analysis, Analyzer
from xray.annotate.panels import heat_panel
from xray.archive.row import Content, Judged, Said
from xray.errors import ImageError
from xray.io import storage
from xray.io.limits import Limits
from xray.io.png import encode_png
from xray.networks.lungs import resized

# No more of a file is read than tells that it is too large, and its SHA-256 is that of what was read.
MOST_BYTES = Limits().size_bytes + 1
CHANGED = "Expected the film that was found first. Received another: it changed meanwhile. Run again."


@dataclass(frozen=True)
class Task:
    """What is wanted of each film.

    Attributes:
        models: their names, and that of the combined reading where it is wanted.
        backbone: the network that they stand on.
        masks: address of the folder for lung masks; "" for none.
        heat_maps: address of the folder for heat maps; "" for none.
    """

    models: tuple[str, ...]
    backbone: str
    masks: str = ""
    heat_maps: str = ""


def content(address: str) -> Content:
    """Read a film for its SHA-256."""
    try:
        return Content(address, hashlib.sha256(storage.read(address, MOST_BYTES)).hexdigest(), "")
    except storage.UNREADABLE as error:
        return Content(address, "", _unreadable(error))


class Judge:
    """One set of interpreters, on one core, and the films that it judges one after the other."""

    def __init__(self, task: Task) -> None:
        """Load the networks.

        Raises:
            ModelError: an artefact is broken; or there is no such backbone.
        """
        cv2.setNumThreads(1)  # the other cores have a film each
        memory.return_what_is_freed()
        self._task = task
        self._analyzer = Analyzer.load(backbone=task.backbone, threads=1)
        self._asked = [name for name in task.models if name != combined.NAME]

    def judge(self, film: Content) -> Judged:
        """Say what each model makes of a film, or why it makes nothing of it.

        Raises:
            OSError: a mask or a heat map cannot be written.
        """
        try:
            data = storage.read(film.address, MOST_BYTES)
        except storage.UNREADABLE as error:
            return Judged(Content(film.address, "", _unreadable(error)), [])
        if hashlib.sha256(data).hexdigest() != film.sha256:
            return Judged(Content(film.address, "", CHANGED), [])
        try:
            analysis = self._analyzer.analyse(data, self._asked)
            pictures = list(self._drawn(film.sha256, analysis))
        except ImageError as error:
            problem = " ".join(str(error).split())
            return Judged(film, [Said(film.sha256, model, "", None, None, "", problem) for model in self._task.models])
        except Exception as error:  # noqa: BLE001 - one film of millions must not end the run; its row says what it was
            return Judged(film._replace(problem=_unexpected(error)), [])
        for address, picture in pictures:
            storage.write(address, picture)
        return Judged(film, list(self._rows(film.sha256, analysis)))

    def _rows(self, sha256: str, analysis: Analysis) -> Iterator[Said]:
        cautions = " ".join(analysis.cautions)
        said = {each.model: (each.verdict, each.score, each.threshold) for each in analysis.predictions}
        if together := combined.combine(analysis.predictions):
            said[combined.NAME] = together.verdict, together.score, together.threshold
        for model in self._task.models:
            verdict, score, threshold = said[model]
            yield Said(sha256, model, str(verdict), score, round(threshold, 4), cautions, "")

    def _drawn(self, sha256: str, analysis: Analysis) -> Iterator[tuple[str, bytes]]:
        """Draw what was asked for under the content's own name: the same whoever writes it, and however often."""
        name = f"{sha256[:2]}/{sha256}"
        if self._task.masks:
            mask = resized(analysis.lungs, analysis.sent or analysis.image.shape)
            yield f"{self._task.masks}/{name}.png", encode_png(mask)
        if self._task.heat_maps:
            for each in analysis.predictions:
                yield f"{self._task.heat_maps}/{name}_{each.model}.png", encode_png(heat_panel(analysis, each))


def _unexpected(error: Exception) -> str:
    """Name what no film should end in: a fault of ours, or too little memory."""
    reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    return f"Expected a film that can be judged. Received {reason}."


def _unreadable(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"Expected a film that can be read. Received: {' '.join(str(reason).split())}."
