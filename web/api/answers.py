"""The API's answers about analyses and models, as web/api/schemas.py states them."""

from datetime import datetime
from typing import Any

from flask import url_for

from web.analyses import storage
from web.analyses.records import ModelResult, Record
from web.services import services
from xray import head_figures
from xray.networks.heads import LabelScore
from xray.networks.metadata import HeadFacts, OperatingPoint
from xray.quality.cautions import Caution, words

DISCLAIMER = "For education and research only, not for diagnosis."
Answer = dict[str, Any]


def analysis(record: Record) -> Answer:
    """Return an analysis as schemas.Analysis."""
    return {
        "id": record.id,
        "url": _address("api.read_analysis", id=record.id),
        "created": record.created,
        "file": record.name,
        "width": record.width,
        "height": record.height,
        "model": record.choice,
        "turn": record.turn,
        "tilt": record.tilt,
        "finding": record.finding,
        "verdicts": [_verdict(record.id, result) for result in record.results],
        "combined": record.combined,
        "opacity": record.opacity,
        "cautions": [{"name": name, "words": words(Caution(name), own=record.is_own)} for name in record.cautions],
        "pictures": {name: _address("api.read_picture", id=record.id, name=name) for name in picture_names(record)},
        "disclaimer": DISCLAIMER,
    }


def picture_names(record: Record) -> list[str]:
    """Return the names of the images of an analysis that the API offers."""
    heats = [storage.heat(result.model) for result in record.results if result.heat_in_lungs is not None]
    maps = [storage.OPACITY] if record.opacity else []
    return [storage.FILM, storage.MASK, *maps, *heats, *(result.annotated for result in record.results)]


def model(facts: HeadFacts) -> Answer:
    """Return the facts of a model as schemas.Model."""
    return {
        "name": facts.name,
        "url": _address("api.read_model", name=facts.name),
        "title": services().labels[facts.name],
        "version": facts.version,
        "created": datetime.fromisoformat(facts.created),
        "licence": facts.licence,
        "classes": {"positive": facts.positive, "negative": facts.negative},
        "exclusive": facts.exclusive,
        "labels": [{"label": label, **_edges(point)} for label, point in zip(facts.labels, facts.points, strict=True)],
        "threshold": facts.point.threshold,
        **_edges(facts.point),
        "metrics": _metrics(facts),
        "card": _address("models.card", name=facts.name),
    }


def _verdict(id: str, result: ModelResult) -> Answer:
    return {
        "model": result.model,
        "version": result.version,
        "finding": result.finding,
        "verdict": result.verdict,
        "score": result.score,
        **_edges(result.own),
        "classes": {"positive": result.positive, "negative": result.negative},
        "called": result.called,
        "labels": [
            {"label": each.label, "verdict": each.verdict, "score": each.score, **_edges(each)}
            for each in result.labels
        ],
        "explained": result.explained,
        "heat_in_lungs": result.heat_in_lungs,
        "heat_in_lungs_if_even": result.even_heat,
        "annotated": _address("api.read_picture", id=id, name=result.annotated),
        "card": _address("models.card", name=result.model),
    }


def _edges(point: OperatingPoint | LabelScore) -> Answer:
    return {"negative_below": point.negative_below, "positive_from": point.positive_from}


def _metrics(facts: HeadFacts) -> Answer | None:
    """Return the figures over all test radiographs; None for a model that was not tested."""
    test = head_figures.tested(facts)
    if test is None:
        return None
    names = ("patients", "positives", "negatives", *head_figures.FIGURES)
    return {
        "films": test["n"],
        **{name: test[name] for name in names},
        **{name: facts.metrics[name] for name in ("interval", "confounding")},
    }


def _address(endpoint: str, **values: str) -> str:
    return url_for(endpoint, _external=True, **values)
