"""The result of one radiograph: its page, images, JSON and PDF, beside how its models did on other patients."""

import json
import mimetypes
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.analyses import storage
from web.analyses.records import ModelResult, Record
from web.analyses.storage import slug
from web.examples import EXAMPLES
from web.render import pdf
from web.security import guests, rate_limit, visitors
from web.services import services
from web.views.shares import new_link
from xray import answers, head_figures
from xray.annotate.words import DISCLAIMER
from xray.combined import MODELS
from xray.finding import of_label
from xray.networks.heads import Verdict
from xray.networks.metadata import HeadFacts

blueprint = Blueprint("result", __name__)


@blueprint.get("/query")
def query_without_file() -> AnyResponse:
    """Redirect to the form: a result has an address of its own."""
    return redirect(url_for("index.index"), 303)


def analysed() -> Record:
    """Analyse the radiograph of a form and store the analysis.

    Raises:
        FormError, ImageError, StoreError: see `web.views.index.refused`.
    """
    service = services().analyses
    owner = visitors.token()
    with service.turns:
        upload = forms.read(request, service.analyzer.names)
        return service.analyse(
            upload.data,
            name=upload.name,
            choice=upload.model,
            owner=owner,
            sender=rate_limit.sender_group(),
            adjust=upload.adjust,
            example=upload.example,
        )


@blueprint.post("/query")
def query() -> Response:
    """Analyse the uploaded radiograph and show its result; see `web.views.index.refused` for what is refused.

    The script of the form opens the result's own address and prefers no page here (RFC 7240, section 4.2).
    """
    record = analysed()
    minimal = request.headers.get("Prefer") == "return=minimal"
    response = Response(status=204) if minimal else make_response(page(record))
    # Where the script of the form finds the result.
    response.headers["Content-Location"] = url_for("result.show", id=record.id)
    return response


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


def page(record: Record) -> str:
    """Render the result page of an analysis, for its owner or, without what is theirs alone, for a guest."""
    models, service = services().models, services().analyses
    # Figures of another version say nothing about these scores.
    same = {each.model: facts for each in record.results if (facts := _same_version(each, models.get(each.model)))}
    return render_template(
        "result.html",
        record=record,
        example=EXAMPLES.get(record.example),
        guest=not record.owner,
        link=new_link(record) if record.owner else None,
        shares=services().shares.of(record.id) if record.owner else (),
        labels=services().labels,
        scores={name: histogram(facts) for name, facts in same.items()},
        answers={
            result.model: _answers(result, same[result.model]) for result in record.results if result.model in same
        },
        answers_together=answers.of_both(same[MODELS[0]]) if record.combined and same.keys() >= set(MODELS) else (),
        cards={result.model for result in record.results if result.model in models},
        # On a host with a temporary disk the table may outlive the images.
        pictured=service.pictures.has(record.id, storage.FILM),
    )


def _answers(result: ModelResult, facts: HeadFacts) -> list[tuple[str, tuple[answers.Group, ...]]]:
    """Return each finding of a model, with how often it was given to test radiographs."""
    if result.finding:
        return [(result.finding, answers.of_head(facts))]
    found = [each.label for each in result.labels if each.verdict is Verdict.POSITIVE]
    return [(of_label(label, own=result.is_own), answers.of_one(facts, label)) for label in found]


def _same_version(result: ModelResult, facts: HeadFacts | None) -> HeadFacts | None:
    return facts if facts and facts.version == result.version else None


def histogram(facts: HeadFacts) -> Histogram | None:
    """Return where the validation radiographs fell that the threshold of a pair was set on.

    Args:
        facts: of the model.

    Returns:
        None for a model of more than a pair of labels, and where a side has no radiographs.
    """
    sides = head_figures.curves(facts).get("score_histograms", {}).get("val", {})
    positive, negative = sides.get("positive", []), sides.get("negative", [])
    usable = facts.is_pair and len(positive) == len(negative) and sum(positive) and sum(negative)
    return _histogram(positive, negative) if usable else None


def _histogram(positive: list[int], negative: list[int]) -> Histogram:
    films = sum(positive), sum(negative)
    # Shares, not counts: one label may have many more radiographs.
    shares = [[count / of for count in side] for side, of in zip((positive, negative), films, strict=True)]
    largest = max(max(side) for side in shares)
    up, down = (tuple(share / largest for share in side) for side in shares)
    return Histogram(up, down, films)
