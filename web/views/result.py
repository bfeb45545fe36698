"""The result of one radiograph: its page, images, JSON and PDF, beside how its models did on other patients."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.analyses import storage
from web.analyses.record import Record, Said
from web.analyses.storage import slug
from web.render.report import pdf
from web.security import visitors
from web.services import services
from web.views.pictures import sent
from xray import head_figures
from xray.annotate.annotated_copy import DISCLAIMER
from xray.networks.metadata import HeadFacts

blueprint = Blueprint("result", __name__)


@blueprint.get("/query")
def query_without_file() -> AnyResponse:
    """Redirect to the form: a result has an address of its own."""
    return redirect(url_for("index.index"), 303)


@blueprint.post("/query")
def query() -> str:
    """Analyse the uploaded radiograph and show its result; see `web.views.index.refused` for what is refused."""
    desk = services().desk
    upload = forms.read(request, desk.analyzer.names)
    return page(desk.read(upload.data, name=upload.name, choice=upload.model, owner=visitors.token(), turn=upload.turn))


@blueprint.get("/analyses/<id>")
def show(id: str) -> str:
    """Show the result of a stored analysis."""
    return page(visitors.own(id))


@blueprint.get("/analyses/<id>/<name>")
def picture(id: str, name: str) -> Response:
    """Send an image of an analysis to its owner."""
    found = services().desk.pictures.read(visitors.own(id).id, [name])
    response = sent(found.get(name), name, tag=f"{id}-{name}")
    # The browser asks each time, so that a deleted image is gone from a shared computer too.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get("/static/xray_analysis/<name>")
def annotated_copy(name: str) -> Response:
    """Send an annotated copy, with headers that keep it out of search engines and caches."""
    response = sent(services().desk.copies.read(name), name, tag=name)
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.get("/analyses/<id>.json")
def as_json(id: str) -> Response:
    """Send an analysis as JSON."""
    record = visitors.own(id)
    found = {"disclaimer": DISCLAIMER, **record.shared()}
    return _file(json.dumps(found, ensure_ascii=False, indent=2), "application/json", _name(record, "json"))


@blueprint.get("/analyses/<id>.pdf")
def as_pdf(id: str) -> Response:
    """Send the report of an analysis: one page of A4 or, with ?paper=letter, of US Letter."""
    record = visitors.own(id)
    size = pdf.PAPERS.get(request.args.get("paper", ""), pdf.A4)
    names = (storage.FILM, *(storage.heat(said.model) for said in record.said))
    found = services().desk.pictures.read(record.id, names)
    return _file(pdf.write(record, found, services().labels, size), "application/pdf", _name(record, "pdf"))


def _name(record: Record, ending: str) -> str:
    return f"{slug(record.name)}-{record.id[:6]}.{ending}"


def _file(content: str | bytes, kind: str, name: str) -> Response:
    response = Response(content, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


class Share(NamedTuple):
    """Some films out of all of one class."""

    number: int
    of: int

    @property
    def share(self) -> float:
        """The share, in [0, 1]."""
        return self.number / self.of


class Sides(NamedTuple):
    """What was counted of the positive class, and of the other one."""

    positive: Share
    negative: Share


@dataclass(frozen=True)
class Histogram:
    """Where the scores of known films fell, in equal steps from 0 to 1.

    Attributes:
        positive: for each step the share of the positive class, of the largest such share of both classes.
        negative: the same of the other class.
        films: how many films of each class.
    """

    positive: tuple[float, ...]
    negative: tuple[float, ...]
    films: tuple[int, int]


@dataclass(frozen=True)
class HeldOut:
    """How a model did on films that it had not learned from; None where its artefact does not say.

    Attributes:
        scores: of the validation films, by which the threshold was set.
        verdict: the test films that got the same verdict.
        near: the test films whose score lies in the same step.
        step: that step's two ends.
        by_class: of a model of several classes, the test films of each that got the same verdict.
    """

    scores: Histogram | None = None
    verdict: Sides | None = None
    near: Sides | None = None
    step: tuple[float, float] = (0.0, 1.0)
    by_class: tuple[tuple[str, Share], ...] = ()


def page(record: Record) -> str:
    """Render the result page of an analysis."""
    models, desk = services().models, services().desk
    return render_template(
        "result.html",
        record=record,
        labels=services().labels,
        held_out={said.model: held_out(said, models.get(said.model)) for said in record.said},
        cards={said.model: url_for("models.card", name=said.model) for said in record.said if said.model in models},
        # On a host with a temporary disk the table may outlive the images.
        pictured=desk.pictures.has(record.id, storage.FILM),
    )


def held_out(said: Said, facts: HeadFacts | None) -> HeldOut:
    """Return how the model that said it did on films of other patients.

    Args:
        said: what it said.
        facts: of the model that is served today; another version's figures say nothing of this score.
    """
    if facts is None or facts.version != said.version:
        return HeldOut()
    if not facts.is_pair:
        return HeldOut(by_class=_by_class(said, facts))
    curves = head_figures.curves(facts)
    histograms = _mapping(curves, "score_histograms")
    val, test = (_counts(histograms, part) for part in ("val", "test"))
    near, step = None, (0.0, 1.0)
    if test:
        steps = len(test[0])
        index = min(int(said.score * steps), steps - 1)
        near = Sides(*(Share(side[index], sum(side)) for side in test))
        step = (index / steps, (index + 1) / steps)
    return HeldOut(_histogram(*val) if val else None, _verdicts(curves, said.verdict), near, step)


def _by_class(said: Said, facts: HeadFacts) -> tuple[tuple[str, Share], ...]:
    rows = (head_figures.confusion(facts) or {}).get("called", [])
    column = facts.labels.index(said.called) if said.called in facts.labels else -1
    counts = zip(facts.labels, rows, strict=False)
    return tuple((label, Share(row[column], sum(row))) for label, row in counts if sum(row))


def _histogram(positive: list[int], negative: list[int]) -> Histogram:
    films = sum(positive), sum(negative)
    # Shares and not counts: of one class there may be many more films.
    shares = [[count / of for count in side] for side, of in zip((positive, negative), films, strict=True)]
    largest = max(max(side) for side in shares)
    up, down = (tuple(share / largest for share in side) for side in shares)
    return Histogram(up, down, films)


def _counts(histograms: Mapping[str, Any], part: str) -> tuple[list[int], list[int]] | None:
    """Return both classes' counts; None unless both have films, in as many steps."""
    found = _mapping(histograms, part)
    positive, negative = found.get("positive", []), found.get("negative", [])
    usable = len(positive) == len(negative) and sum(positive) and sum(negative)
    return (positive, negative) if usable else None


def _verdicts(curves: Mapping[str, Any], verdict: str) -> Sides | None:
    found = _mapping(curves, "verdicts")
    totals = [sum(each[side] for each in found.values()) for side in Sides._fields]
    if verdict not in found or not all(totals):
        return None
    return Sides(*(Share(found[verdict][side], of) for side, of in zip(Sides._fields, totals, strict=True)))


def _mapping(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = record.get(key)
    return found if isinstance(found, Mapping) else {}
