"""What programs are told of an analysis and of a model."""

from datetime import datetime
from typing import Any

from flask import url_for

from web.analyses import storage
from web.analyses.record import ClassSaid, Record, Said
from web.services import services
from xray import head_figures
from xray.networks.metadata import HeadFacts, OperatingPoint
from xray.quality.cautions import CAUTIONS, Caution

DISCLAIMER = "For education and research only, not for diagnosis."
Answer = dict[str, Any]


def analysis(record: Record) -> Answer:
    """Tell what was found on a film, as schemas.Analysis states it."""
    return {
        "id": record.id,
        "url": _address("api.read_analysis", id=record.id),
        "created": record.created,
        "file": record.name,
        "width": record.width,
        "height": record.height,
        "model": record.choice,
        "turn": record.turn,
        "verdicts": [_verdict(record.id, said) for said in record.said],
        "combined": record.combined,
        "cautions": [{"name": name, "words": CAUTIONS[Caution(name)]} for name in record.cautions],
        "pictures": {name: _address("api.read_picture", id=record.id, name=name) for name in picture_names(record)},
        "disclaimer": DISCLAIMER,
    }


def picture_names(record: Record) -> list[str]:
    """Name the pictures of an analysis that programs may have."""
    heats = [storage.heat(said.model) for said in record.said if said.heat_in_lungs is not None]
    return [storage.FILM, storage.MASK, *heats, *(annotated(said.model) for said in record.said)]


def annotated(model: str) -> str:
    """Return the name under which programs fetch a model's annotated copy."""
    return f"annotated-{model}.png"


def model(facts: HeadFacts) -> Answer:
    """Tell the facts of a model, as schemas.Model states it."""
    point = facts.point
    each = None if facts.is_pair else list(map(_class, facts.labels, facts.points))
    return {
        "name": facts.name,
        "url": _address("api.read_model", name=facts.name),
        "title": services().labels[facts.name],
        "version": facts.version,
        "created": datetime.fromisoformat(facts.created),
        "licence": facts.licence,
        "classes": {
            "positive": facts.positive,
            "negative": facts.negative,
        },
        "kind": "head" if facts.is_pair else "multiclass" if facts.exclusive else "multilabel",
        "each": each,
        "threshold": point.threshold,
        "band": {"low": point.negative_below, "high": point.positive_from},
        "metrics": _metrics(facts) if each is None else None,
        "card": _address("models.card", name=facts.name),
    }


def _verdict(id: str, said: Said) -> Answer:
    return {
        "model": said.model,
        "version": said.version,
        "verdict": said.verdict,
        "score": said.score,
        "threshold": said.threshold,
        "band": {"low": said.low, "high": said.high},
        "classes": {"positive": said.positive, "negative": said.negative},
        "called": said.called,
        "each": [_class_verdict(each) for each in said.classes] or None,
        "explained": said.explained,
        "heat_in_lungs": said.heat_in_lungs,
        "heat_in_lungs_if_even": said.even_heat,
        "annotated": _address("api.read_picture", id=id, name=annotated(said.model)),
        "card": _address("models.card", name=said.model),
    }


def _class(label: str, point: OperatingPoint) -> Answer:
    return {
        "label": label,
        "threshold": point.threshold,
        "band": {"low": point.negative_below, "high": point.positive_from},
    }


def _class_verdict(said: ClassSaid) -> Answer:
    return {
        "label": said.label,
        "verdict": said.verdict,
        "score": said.score,
        "threshold": said.threshold,
        "band": {"low": said.low, "high": said.high},
    }


def _metrics(facts: HeadFacts) -> Answer | None:
    """Return the figures over all test radiographs; None for a model that was never tested."""
    test = head_figures.tested(facts)
    if test is None:
        return None
    return {
        "films": test["n"],
        **{name: test[name] for name in ("patients", "positives", "negatives")},
        **{name: test[name] for name in ("roc_auc", "sensitivity", "specificity")},
        **{name: facts.metrics[name] for name in ("interval", "confounding")},
    }


def _address(endpoint: str, **values: str) -> str:
    return url_for(endpoint, _external=True, **values)
