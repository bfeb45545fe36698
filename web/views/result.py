"""The result of one radiograph: its page, images, JSON and PDF, beside how its models did on other patients."""

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.analyses import storage
from web.analyses.records import ModelResult, Record
from web.analyses.storage import slug
from web.render import pdf
from web.security import guests, rate_limit, visitors
from web.services import services
from web.views.shares import new_link
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
    service = services().analyses
    owner = visitors.token()
    with service.turns:
        upload = forms.read(request, service.analyzer.names)
        record = service.analyse(
            upload.data,
            name=upload.name,
            choice=upload.model,
            owner=owner,
            sender=rate_limit.sender_group(),
            adjust=upload.adjust,
        )
    return page(record)


@blueprint.get("/analyses/<id>")
def show(id: str) -> str:
    """Show the result of a stored analysis, to its owner or by a share link."""
    return page(guests.seen(id))


@blueprint.get("/analyses/<id>/<name>")
def picture(id: str, name: str) -> Response:
    """Send an image of an analysis, to its owner or by a share link; an annotated copy of it to its owner alone."""
    content = services().analyses.picture(guests.seen(id), name)
    if content is None:
        abort(404)
    return Response(content, mimetype=mimetypes.guess_type(name)[0])


@blueprint.before_app_request
def hide_copies() -> None:
    """End a request for a static file with 404 where the path, whatever its detours, leads to the annotated copies."""
    folders = Path(current_app.config["ANALYSIS_DIR"]), Path(str(current_app.static_folder), "xray_analysis")
    path = safe_join(str(current_app.static_folder), (request.view_args or {}).get("filename", ""))
    if request.endpoint == "static" and path and any(_same(*pair) for pair in product(Path(path).parents, folders)):
        abort(404)


def _same(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to the same folder."""
    return one.exists() and other.exists() and one.samefile(other)


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
    names = (storage.FILM, storage.OPACITY, *(storage.heat(result.model) for result in record.results))
    found = services().analyses.pictures.read(record.id, names)
    return _file(pdf.write(record, found, services().labels, size), "application/pdf", _name(record, "pdf"))


def _name(record: Record, ending: str) -> str:
    return f"{slug(record.name)}-{record.id[:6]}.{ending}"


def _file(content: str | bytes, kind: str, name: str) -> Response:
    response = Response(content, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


class Share(NamedTuple):
    """Some radiographs out of all of one class."""

    number: int
    of: int

    @property
    def share(self) -> float:
        """The share, in [0, 1]."""
        return self.number / self.of


class Sides(NamedTuple):
    """A count of the positive label and one of the other label of a pair."""

    positive: Share
    negative: Share


@dataclass(frozen=True)
class Histogram:
    """Scores of known radiographs, in equal steps from 0 to 1.

    Attributes:
        positive: for each step the share of the positive label, divided by the largest share of both labels.
        negative: the same of the other label.
        films: the number of radiographs of each label.
    """

    positive: tuple[float, ...]
    negative: tuple[float, ...]
    films: tuple[int, int]


@dataclass(frozen=True)
class HeldOut:
    """The performance of a model on other patients; None where its metadata does not hold it.

    Attributes:
        scores: of the validation radiographs that the threshold was set on.
        verdict: the test radiographs with the same verdict.
        near: the test radiographs whose score lies in the same step.
        step: the two ends of that step.
        by_label: of labels that are listed, the test radiographs of each that were called the same.
    """

    scores: Histogram | None = None
    verdict: Sides | None = None
    near: Sides | None = None
    step: tuple[float, float] = (0.0, 1.0)
    by_label: tuple[tuple[str, Share], ...] = ()


def page(record: Record) -> str:
    """Render the result page of an analysis, for its owner or, without what is theirs alone, for a guest."""
    models, service = services().models, services().analyses
    return render_template(
        "result.html",
        record=record,
        guest=not record.owner,
        link=new_link(record) if record.owner else None,
        shares=services().shares.of(record.id) if record.owner else (),
        labels=services().labels,
        held_out={result.model: held_out(result, models.get(result.model)) for result in record.results},
        cards={result.model for result in record.results if result.model in models},
        # On a host with a temporary disk the table may outlive the images.
        pictured=service.pictures.has(record.id, storage.FILM),
    )


def held_out(result: ModelResult, facts: HeadFacts | None) -> HeldOut:
    """Return how the model of a result did on radiographs of other patients.

    Args:
        result: of one model.
        facts: of the model that is served now; figures of another version say nothing about this score.
    """
    if facts is None or facts.version != result.version:
        return HeldOut()
    if result.listed:
        return HeldOut(by_label=_by_label(result, facts))
    curves = head_figures.curves(facts)
    histograms = _mapping(curves, "score_histograms")
    val, test = (_counts(histograms, split) for split in ("val", "test"))
    near, step = None, (0.0, 1.0)
    if test:
        steps = len(test[0])
        index = min(int(result.score * steps), steps - 1)
        near = Sides(*(Share(side[index], sum(side)) for side in test))
        step = (index / steps, (index + 1) / steps)
    return HeldOut(_histogram(*val) if val else None, _verdicts(curves, result.verdict), near, step)


def _by_label(result: ModelResult, facts: HeadFacts) -> tuple[tuple[str, Share], ...]:
    """Return, of each true label, the test radiographs that were called the same; the last column is undecided."""
    rows = (head_figures.confusion(facts) or {}).get("called", [])
    column = facts.labels.index(result.called) if result.called in facts.labels else -1
    counts = zip(facts.labels, rows, strict=False)
    return tuple((label, Share(row[column], sum(row))) for label, row in counts if sum(row))


def _histogram(positive: list[int], negative: list[int]) -> Histogram:
    films = sum(positive), sum(negative)
    # Shares, not counts: one label may have many more radiographs.
    shares = [[count / of for count in side] for side, of in zip((positive, negative), films, strict=True)]
    largest = max(max(side) for side in shares)
    up, down = (tuple(share / largest for share in side) for side in shares)
    return Histogram(up, down, films)


def _counts(histograms: Mapping[str, Any], split: str) -> tuple[list[int], list[int]] | None:
    """Return the counts of both labels; None unless both have radiographs, in the same number of steps."""
    found = _mapping(histograms, split)
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
