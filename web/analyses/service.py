"""Where a film is read and filed: the one road of the page, of batches and of the programs' interface."""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import TypeVar

from web.analyses import storage
from web.analyses.folders import StoreError
from web.analyses.record import ClassSaid, Record, Said, Together
from web.analyses.records import Filed, Records
from web.analyses.storage import Copies, Pictures
from web.analyses.threads import alone
from web.metrics import Metrics
from xray.analysis import Analysis, Analyzer
from xray.annotate.annotated_copy import (
    annotate,
    film_panel,
    heat_layer,
    outline_path,
    radiograph_panel,
    thumbnail,
)
from xray.combined import combine
from xray.io.grey_levels import GreyLevels
from xray.io.jpeg import encode_jpeg
from xray.io.png import encode_png
from xray.networks.lungs import LungMask, resized
from xray.prediction import Prediction
from xray.stopwatch import Stopwatch

log = logging.getLogger(__name__)

Found = TypeVar("Found")

DAY_S = 86_400
# A draft is being written right now, unless it is older than any request.
UNFILED_S = 3600
# Films that one process reads at the same time. Always in the same few threads: OpenCV 5 keeps 5 MB for each thread
# that ever wrote letters on a picture, and a server has many threads.
AT_ONCE = 2
# Analyses that are taken away in one step: others who write wait as long.
REMOVED_AT_ONCE = 50
# After so long, whoever takes old analyses away leaves the rest to the next. One goes in any case: one comes.
PRUNE_S = 0.25


@dataclass
class Desk:
    """Reads films and keeps what was found.

    Attributes:
        analyzer: the models.
        copies: the annotated copies.
        pictures: what only the owner sees.
        records: the table of analyses.
        keep_days: an older analysis is taken away.
        keep_count: more analyses than these, the oldest first, are taken away.
        readers: the threads that read films; whoever brings one waits for them.
        painters: the threads that draw what the pages show, while readers draw the annotated copies.
        metrics: counts what is read and refused.
        swept_at: when this process last deleted what killed processes left, in seconds since 1970.
    """

    analyzer: Analyzer
    copies: Copies
    pictures: Pictures
    records: Records
    keep_days: int
    keep_count: int
    readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "reader"))
    painters: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, "painter"))
    metrics: Metrics | None = None
    swept_at: float = inf

    def read(self, data: bytes, *, name: str, choice: str, owner: str, turn: int = 0) -> Record:
        """Analyse one file and keep the analysis.

        Args:
            data: the content of a PNG, JPEG or DICOM file.
            name: of the file, fit to be shown.
            choice: a model's name, or "both".
            owner: who may open the analysis later.
            turn: degrees clockwise by which the film is turned first.

        Raises:
            ImageError: the file cannot be analysed; the message says why.
            StoreError: it cannot be kept; nothing of it is left.
        """
        work = partial(self._read, data, name=name, choice=choice, owner=owner, turn=turn)
        with self.metrics.film() if self.metrics else nullcontext():
            return work() if alone() else self.readers.submit(work).result()

    def _read(self, data: bytes, *, name: str, choice: str, owner: str, turn: int) -> Record:
        analysis = self.analyzer.analyse(data, self.analyzer.expand(choice), turn=turn, deep=True)
        watch = Stopwatch()
        deep = analysis.deep and replace(analysis.deep, levels=film_panel(analysis.deep.levels))
        drawn = self._begin(partial(_drawn, analysis, deep))
        outline = self._begin(partial(outline_path, analysis.lungs, analysis.sent))
        panel = radiograph_panel(analysis)
        now = datetime.now(UTC)
        id = secrets.token_urlsafe(16)
        copies: list[str] = []
        try:
            for prediction in analysis.predictions:
                png = encode_png(annotate(analysis, prediction, file_name=name, when=now, film=panel))
                watch.lap("draw")
                copies.append(self.copies.save(png, prediction.verdict, prediction.score, name))
                watch.lap("keep")
            self.pictures.save(id, drawn())
            record = _record(
                analysis, copies, outline(), id=id, owner=owner, created=now, name=name, choice=choice, turn=turn
            )
            record = _deepened(record, deep) if deep else record
            self.records.add(record)
        except Exception:
            with suppress(StoreError):
                self._discard(id, copies)
            raise
        self.tidy(but=id)
        watch.lap("keep")
        if self.metrics:
            verdicts = [(each.model, str(each.verdict)) for each in analysis.predictions]
            self.metrics.read(verdicts, {**analysis.seconds, **watch.seconds})
        return record

    def _begin(self, work: Callable[[], Found]) -> Callable[[], Found]:
        """Begin a piece of work beside what comes next, where that can be; return what waits for what it found."""
        return work if alone() else self.painters.submit(work).result

    def remove(self, record: Record) -> None:
        """Take an analysis away, with all its pictures.

        Raises:
            StoreError: it is still there, though some of its pictures may be gone.
        """
        self._take_away({record.id: record.copies})

    def remove_all(self, owner: str) -> int:
        """Take all of an owner's analyses away, and return how many they were.

        Raises:
            StoreError: some are still there.
        """
        filed = list(self.records.filed(owner).items())
        for start in range(0, len(filed), REMOVED_AT_ONCE):
            self._take_away(dict(filed[start : start + REMOVED_AT_ONCE]))
        return len(filed)

    def tidy(self, *, but: str = "") -> None:
        """Take away some of what is too old or too many, where that can be without letting today's visitor wait.

        Args:
            but: the id of one that stays in any case: a clock that was set back makes the newest look old.
        """
        self.pictures.folder.aside(partial(self.prune, datetime.now(UTC), but=but))

    def prune(self, now: datetime, *, but: str = "") -> int:
        """Take away some of the analyses that are too old or too many, and return how many.

        What goes wrong is only logged: whoever comes next takes them away, and today's visitor has done nothing.

        Args:
            now: the time.
            but: the id of one that stays in any case.
        """
        removed, end = 0, time.monotonic() + PRUNE_S
        if self.swept_at < time.time() - DAY_S:
            # A process that was killed today left what no row names, and nobody may start this one for months.
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
            log.warning("Not all old analyses could be taken away: %s", error)
        return removed

    def sweep(self) -> None:
        """Take away, at the start, all that is too old or too many, and what killed processes left.

        Pictures without a row lie as long as any others may: their row may be in a database that was not named today.
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
            log.warning("What killed processes left could not be taken away: %s", error)

    def _take_away(self, filed: Filed) -> None:
        with self.records.removing(list(filed)):
            self.pictures.folder.each(lambda each: self._discard(*each), filed.items())

    def _discard(self, id: str, copies: Iterable[str]) -> None:
        # First those that are asked for before they are taken: a store out of reach is noticed while all is there.
        self.pictures.remove(id)
        for copy in copies:
            self.copies.remove(copy)


def _drawn(analysis: Analysis, deep: GreyLevels | None) -> Mapping[str, bytes]:
    """Draw what the pages show of an analysis."""
    film = film_panel(analysis.image)
    heats = {storage.heat(each.model): encode_png(heat_layer(each)) for each in analysis.predictions if each.cam.any()}
    return {
        storage.FILM: encode_jpeg(film),
        storage.THUMB: encode_jpeg(thumbnail(film)),
        storage.MASK: encode_png(_mask(analysis)),
        **heats,
        **({storage.DEEP: encode_png(deep.packed())} if deep else {}),
    }


def _mask(analysis: Analysis) -> LungMask:
    """Return the mask in the size of the picture that was sent."""
    if analysis.sent in (None, analysis.lungs.shape):
        return analysis.lungs
    return resized(analysis.lungs, analysis.sent)


def _box(analysis: Analysis, sent: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return what the networks saw, in pixels of the picture that was sent."""
    down, across = sent[0] / analysis.image.shape[0], sent[1] / analysis.image.shape[1]
    top, bottom, left, right = analysis.box
    return round(top * down), round(bottom * down), round(left * across), round(right * across)


def _deepened(record: Record, deep: GreyLevels) -> Record:
    return replace(record, deep=True, window_low=deep.low, window_high=deep.high, curve=deep.curve)


def _record(
    analysis: Analysis,
    copies: list[str],
    outline: str,
    *,
    id: str,
    owner: str,
    created: datetime,
    name: str,
    choice: str,
    turn: int,
) -> Record:
    together = combine(analysis.predictions)
    sent = analysis.sent or (analysis.image.shape[0], analysis.image.shape[1])
    return Record(
        id=id,
        owner=owner,
        created=created,
        name=name,
        choice=choice,
        width=sent[1],
        height=sent[0],
        box=_box(analysis, sent),
        outline=outline,
        cautions=tuple(str(caution) for caution in analysis.cautions),
        said=tuple(_said(each, copy) for each, copy in zip(analysis.predictions, copies, strict=True)),
        combined=Together(str(together.verdict), together.score, together.threshold) if together else None,
        turn=turn,
    )


def _said(prediction: Prediction, copy: str) -> Said:
    return Said(
        model=prediction.model,
        version=prediction.version,
        verdict=str(prediction.verdict),
        score=prediction.score,
        score_text=prediction.score_text,
        threshold=prediction.threshold,
        low=prediction.own.negative_below,
        high=prediction.own.positive_from,
        positive=prediction.positive,
        negative=prediction.negative,
        explained=prediction.explained,
        heat_in_lungs=prediction.heat_in_lungs,
        even_heat=prediction.even_heat,
        copy=copy,
        kind="multilabel" if not prediction.exclusive else "multiclass" if prediction.listed else "head",
        classes=tuple(
            ClassSaid(
                each.label,
                each.score,
                each.score_text,
                each.threshold,
                each.negative_below,
                each.positive_from,
                str(each.verdict),
            )
            for each in prediction.listed
        ),
    )
