"""Where a film is read and filed: the one road of the page, of batches and of the programs' interface."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from web import pictures
from web.pictures import Pictures
from web.record import Record, Said, Together
from web.records import Records
from web.store import Store
from xray.analysis import Analysis, Analyzer, Prediction
from xray.annotate import annotate, encode_jpeg, encode_png, film_panel, heat_layer, outline_path, thumbnail
from xray.combined import combine

DAY_S = 86_400
# A picture without its row is being filed right now, unless it is older than any request.
UNFILED_S = 3600


@dataclass(frozen=True)
class Desk:
    """Reads films and keeps what was found.

    Attributes:
        analyzer: the models.
        store: the annotated copies.
        pictures: what only the owner sees.
        records: the table of analyses.
        keep_days: an older analysis is taken away.
        keep_count: more analyses than these, the oldest first, are taken away.
    """

    analyzer: Analyzer
    store: Store
    pictures: Pictures
    records: Records
    keep_days: int
    keep_count: int

    def read(self, data: bytes, *, name: str, choice: str, owner: str) -> Record:
        """Analyse one file and keep the analysis.

        Args:
            data: the content of a PNG, JPEG or DICOM file.
            name: of the file, fit to be shown.
            choice: a model's name, or "both".
            owner: who may open the analysis later.

        Raises:
            ImageError: the file cannot be analysed; the message says why.
            StoreError: it cannot be kept; nothing of it is left.
        """
        analysis = self.analyzer.analyse(data, self.analyzer.expand(choice))
        now = datetime.now(UTC)
        id = secrets.token_urlsafe(16)
        copies: list[str] = []
        try:
            for prediction in analysis.predictions:
                png = encode_png(annotate(analysis, prediction, file_name=name, when=now))
                copies.append(self.store.save(png, prediction.verdict, prediction.score, name))
            self.pictures.save(id, _drawn(analysis))
            record = _record(analysis, copies, id=id, owner=owner, created=now, name=name, choice=choice)
            self.records.add(record)
        except Exception:
            self._discard(id, copies)
            raise
        self.prune(now)
        return record

    def remove(self, record: Record) -> None:
        """Take an analysis away, with all its pictures."""
        self._discard(record.id, [each.copy for each in record.said])
        self.records.remove([record.id])

    def prune(self, now: datetime) -> None:
        """Take away some of the analyses that are too old or too many."""
        for record in self.records.expired(now, days=self.keep_days, count=self.keep_count):
            self.remove(record)

    def sweep(self) -> None:
        """Take away what killed processes left: pictures without a row, copies older than any row."""
        now = time.time()
        lost = list(self.pictures.older_than(now - UNFILED_S))
        for id in set(lost) - self.records.known(lost):
            self.pictures.remove(id)
        self.store.sweep(now - (self.keep_days + 1) * DAY_S)

    def _discard(self, id: str, copies: list[str]) -> None:
        for copy in copies:
            self.store.remove(copy)
        self.pictures.remove(id)


def _drawn(analysis: Analysis) -> Mapping[str, bytes]:
    """Draw what the pages show of an analysis."""
    film = film_panel(analysis.image)
    heats = {pictures.heat(each.model): encode_png(heat_layer(each)) for each in analysis.predictions if each.cam.any()}
    return {
        pictures.FILM: encode_jpeg(film),
        pictures.THUMB: encode_jpeg(thumbnail(film)),
        pictures.MASK: encode_png(np.asarray(analysis.lungs * np.uint8(255), np.uint8)),
        **heats,
    }


def _record(
    analysis: Analysis, copies: list[str], *, id: str, owner: str, created: datetime, name: str, choice: str
) -> Record:
    together = combine(analysis.predictions)
    height, width = analysis.image.shape
    return Record(
        id=id,
        owner=owner,
        created=created,
        name=name,
        choice=choice,
        width=width,
        height=height,
        box=(analysis.box.top, analysis.box.bottom, analysis.box.left, analysis.box.right),
        outline=outline_path(analysis.lungs),
        cautions=tuple(str(caution) for caution in analysis.cautions),
        said=tuple(_said(each, copy) for each, copy in zip(analysis.predictions, copies, strict=True)),
        combined=Together(str(together.verdict), together.score, together.threshold) if together else None,
    )


def _said(prediction: Prediction, copy: str) -> Said:
    return Said(
        model=prediction.model,
        version=prediction.version,
        verdict=str(prediction.verdict),
        score=prediction.score,
        score_text=prediction.score_text,
        threshold=prediction.threshold,
        low=prediction.band.low,
        high=prediction.band.high,
        positive=prediction.positive,
        negative=prediction.negative,
        explained=prediction.explained,
        heat_in_lungs=prediction.heat_in_lungs,
        even_heat=prediction.even_heat,
        copy=copy,
    )
