"""Service that analyses radiographs and stores the results, for the page, batches and the API alike."""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from math import inf
from threading import Semaphore
from typing import TypeVar

import cv2
import numpy as np

from web.analyses import drawing, storage
from web.analyses.folders import StoreError, alone
from web.analyses.records import Filed, ModelResult, Record, Records
from web.analyses.storage import Copies, Pictures
from web.metrics import Metrics
from xray.analysis import AS_SENT, Adjustments, Analysis, Analyzer, Stopwatch
from xray.annotate import annotated_copy
from xray.annotate.panels import (
    Outline,
    lung_outline,
    outline_path,
    radiograph_panel,
    thumbnail,
)
from xray.annotate.words import Wording, english
from xray.io import image
from xray.io.image import Decoded
from xray.io.jpeg import encode_jpeg
from xray.io.pixels import Pixels
from xray.io.png import encode_png
from xray.networks.preprocess import Box
from xray.prediction import Prediction
from xray.quality import burnt_in
from xray.quality.cautions import Caution

log = logging.getLogger(__name__)

Found = TypeVar("Found")

DAY_S = 86_400
# A file without a row may still be being written, unless it is older than any request.
UNFILED_S = 3600
# Radiographs that one process analyses at the same time, always in the same threads: OpenCV 5 keeps 5 MB for each
# thread that ever wrote text on an image, and a server has many threads.
AT_ONCE = 2
# Files that are in memory at the same time, whatever page they were sent to: one more, so that no reader waits.
TURNS = AT_ONCE + 1
# Analyses that are deleted in one transaction; other writers wait as long.
REMOVED_AT_ONCE = 50
# A request spends no longer than this on deleting expired analyses, but always deletes one.
PRUNE_S = 0.25


@dataclass
class AnalysisService:
    """Analyses radiographs, stores the results, and deletes them.

    Attributes:
        analyzer: the models.
        copies: the annotated copies.
        pictures: the images that only the owner sees.
        records: the table of analyses.
        keep_days: the age in days at which an analysis expires.
        keep_count: the number of analyses above which the oldest expire.
        turns: whoever reads a file that was sent takes one first; until then it lies on the disk.
        readers: the threads that decode and analyse; a request waits for one.
        painters: the threads that draw and store what the page shows, while readers draw the annotated copies.
        wording: called in the request, returns what writes the words of its annotated copies.
        metrics: counters, where they are switched on.
        swept_at: when this process last deleted orphaned files, in seconds since 1970.
    """

    analyzer: Analyzer
    copies: Copies
    pictures: Pictures
    records: Records
    keep_days: int
    keep_count: int
    turns: Semaphore = field(default_factory=lambda: Semaphore(TURNS))
    readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "reader"))
    painters: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "painter"))
    wording: Callable[[], Wording] = lambda: english
    metrics: Metrics | None = None
    swept_at: float = inf

    def analyse(
        self,
        data: bytes,
        *,
        name: str,
        choice: str,
        owner: str,
        sender: str = "",
        adjust: Adjustments = AS_SENT,
        example: str = "",
    ) -> Record:
        """Analyse one file and store the analysis.

        Args:
            data: the content of a PNG, JPEG or DICOM file.
            name: of the file, safe to display.
            choice: a model's name, "both" or "all".
            owner: who may open the analysis.
            sender: the group of whoever sent it; see `Records.expired`.
            adjust: what is done to the picture first.
            example: the name of the example that it is.

        Raises:
            ImageError: the file cannot be analysed; the message says why.
            StoreError: the analysis cannot be stored; nothing of it is left.
        """
        who = {"owner": owner, "sender": sender, "name": name, "choice": choice, "example": example}
        work = partial(self._analyse, data, adjust=adjust, wording=self.wording())
        with self.metrics.film() if self.metrics else nullcontext():
            return self.read(partial(work, **who))

    def look(self, data: bytes) -> Decoded:
        """Decode one file, for a look at it; nothing is stored.

        Raises:
            ImageError: the file cannot be read; the message says why.
        """
        return self.read(partial(image.load, data))

    def read(self, work: Callable[[], Found]) -> Found:
        """Do work in one of the readers, where there may be threads, and return its result."""
        return work() if alone() else self.readers.submit(work).result()

    def _analyse(
        self,
        data: bytes,
        *,
        owner: str,
        sender: str,
        name: str,
        choice: str,
        adjust: Adjustments,
        example: str,
        wording: Wording,
    ) -> Record:
        analysis = self.analyzer.analyse(data, self.analyzer.expand(choice), adjust=adjust, deep=True)
        watch = Stopwatch()
        id = secrets.token_urlsafe(16)
        now = datetime.now(UTC)
        results: list[ModelResult] = []
        saved = self._begin(lambda: self.pictures.save(id, drawing.page_images(analysis)))
        try:
            outline = lung_outline(analysis.lungs)
            panel = radiograph_panel(analysis, outline)
            for prediction in analysis.predictions:
                sheet = annotated_copy.annotate(
                    analysis, prediction, file_name=name, when=now, panel=panel, wording=wording
                )
                jpeg = annotated_copy.encode(sheet)
                watch.lap("draw")
                copy = self.copies.save(jpeg, prediction.verdict, prediction.score, name)
                results.append(_result(prediction, copy))
                watch.lap("keep")
            saved()
            record = _record(analysis, results, outline, id=id, owner=owner, created=now)
            record = replace(record, name=name, choice=choice, turn=adjust.turn, example=example)
            self.records.add(record, sender)
        except Exception:
            with suppress(Exception):
                saved()  # or it might go on to save what is discarded now
            with suppress(StoreError):
                self._discard(id, [result.copy for result in results])
            raise
        self.tidy(but=id)
        watch.lap("keep")
        if self.metrics:
            verdicts = [(result.model, str(result.verdict)) for result in results]
            self.metrics.read(verdicts, {**analysis.seconds, **watch.seconds})
        return record

    def _begin(self, work: Callable[[], Found]) -> Callable[[], Found]:
        """Start work in another thread, where there may be threads; return a function that waits for its result."""
        if not alone():
            return self.painters.submit(work).result
        done: Future[Found] = Future()
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            done.set_exception(error)
        return done.result

    def picture(self, record: Record, name: str) -> bytes | None:
        """Return an image of an analysis, or its annotated copy by a model; None where it is gone.

        Args:
            record: the analysis.
            name: one of `web.analyses.storage`.
        """
        for result in record.results:
            if name == result.annotated:
                return self.copies.read(result.copy)
        return self.pictures.read(record.id, [name]).get(name)

    def cover_text(self, record: Record) -> None:
        """Cover burnt-in text in the stored pictures of an analysis, but no part of the lungs where they are known.

        Raises:
            StoreError: a picture cannot be stored; the text counts as not covered.
        """
        self.read(partial(self._cover_text, record))

    def _cover_text(self, record: Record) -> None:
        lines = [Box(*line) for line in record.text]
        found = self.pictures.read(record.id, (storage.FILM, storage.MASK, storage.DEEP))
        mask = found.pop(storage.MASK, None)
        lungs = _decoded(mask) > 127 if mask else np.zeros((record.height, record.width), np.bool_)
        drawn = {name: burnt_in.cover(_decoded(content), lines, lungs) for name, content in found.items()}
        kept = {storage.DEEP: encode_png(drawn[storage.DEEP])} if storage.DEEP in drawn else {}
        if (film := drawn.get(storage.FILM)) is not None:
            kept |= {storage.FILM: encode_jpeg(film), storage.THUMB: encode_jpeg(thumbnail(film))}
        self.pictures.save(record.id, kept)
        for copy in record.copies:
            if content := self.copies.read(copy):
                covered = annotated_copy.cover_text(_decoded(content), lines, lungs)
                encode = encode_png if copy.endswith(".png") else annotated_copy.encode
                self.copies.replace(copy, encode(covered))
        cautions = tuple(each for each in record.cautions if each != Caution.TEXT)
        if not self.records.update(replace(record, text=(), cautions=cautions)):
            # Deleted meanwhile: what was stored since then goes too.
            self._discard(record.id, record.copies)

    def remove(self, record: Record) -> None:
        """Delete an analysis with all its images.

        Raises:
            StoreError: it is still there, though some of its images may be gone.
        """
        self._delete({record.id: record.copies})

    def remove_all(self, owner: str) -> int:
        """Delete all analyses of an owner and return their number.

        Raises:
            StoreError: some are still there.
        """
        filed = list(self.records.filed(owner).items())
        for start in range(0, len(filed), REMOVED_AT_ONCE):
            self._delete(dict(filed[start : start + REMOVED_AT_ONCE]))
        return len(filed)

    def tidy(self, *, but: str = "") -> None:
        """Delete some expired analyses, in the background where storage is remote.

        Args:
            but: the id of one that stays: a clock that was set back makes the newest look old.
        """
        self.pictures.folder.aside(partial(self.prune, datetime.now(UTC), but=but))

    def prune(self, now: datetime, *, but: str = "") -> int:
        """Delete some expired analyses and return their number; errors are only logged, as the next call tries again.

        Args:
            now: the time.
            but: the id of one that stays.
        """
        removed, end = 0, time.monotonic() + PRUNE_S
        if self.swept_at < time.time() - DAY_S:
            # Killed processes leave files without a row, and this process may run for months.
            self._sweep_files()
        try:
            for id, copies in self.records.expired(now, count=self.keep_count, but=but).items():
                with self.records.removing([id], unless_others_do=True) as ours:
                    if ours:
                        self._discard(id, copies)
                removed += len(ours)
                if time.monotonic() > end:
                    break
        except StoreError as error:
            log.warning("Not all expired analyses could be deleted: %s", error)
        return removed

    def sweep(self) -> None:
        """Delete all expired analyses and orphaned files, at the start.

        Files without a row are kept as long as others: their row may be in a database that is not configured today.
        """
        self._sweep_files()
        while self.prune(datetime.now(UTC)):
            pass

    def _sweep_files(self) -> None:
        now = self.swept_at = time.time()
        oldest = now - (self.keep_days + 1) * DAY_S
        try:
            self.pictures.sweep(oldest, drafts_before=now - UNFILED_S)
            self.copies.sweep(oldest, drafts_before=now - UNFILED_S)
        except (OSError, StoreError) as error:
            log.warning("Orphaned files could not be deleted: %s", error)

    def _delete(self, filed: Filed) -> None:
        with self.records.removing(list(filed)):
            self.pictures.folder.each(lambda each: self._discard(*each), filed.items())

    def _discard(self, id: str, copies: Iterable[str]) -> None:
        # The images first: storage that is out of reach is noticed while all is still there.
        self.pictures.remove(id)
        for copy in copies:
            self.copies.remove(copy)


def _decoded(content: bytes) -> Pixels:
    """Decode a picture that was stored here."""
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def _record(
    analysis: Analysis, results: Sequence[ModelResult], outline: Outline, *, id: str, owner: str, created: datetime
) -> Record:
    """Return the record of an analysis, without what its sender asked for."""
    height, width = analysis.image.shape
    sent_height, sent_width = analysis.sent or (height, width)
    down, across = sent_height / height, sent_width / width
    record = Record(
        id=id,
        owner=owner,
        created=created,
        name="",
        choice="",
        width=sent_width,
        height=sent_height,
        box=analysis.box.scaled(down, across),
        outline=outline_path(outline, (sent_height, sent_width)),
        cautions=tuple(str(caution) for caution in analysis.cautions),
        results=tuple(results),
        tilt=analysis.tilt,
        text=tuple(line.scaled(down, across) for line in analysis.text),
        opacity=analysis.measures,
    )
    if deep := analysis.deep:
        record = replace(record, deep=True, window_low=deep.low, window_high=deep.high, curve=deep.curve)
    return record


def _result(prediction: Prediction, copy: str) -> ModelResult:
    return ModelResult(
        model=prediction.model,
        version=prediction.version,
        positive=prediction.positive,
        exclusive=prediction.exclusive,
        labels=prediction.labels,
        is_own=prediction.is_own,
        explained=prediction.explained,
        heat_in_lungs=prediction.heat_in_lungs,
        even_heat=prediction.even_heat,
        copy=copy,
    )
