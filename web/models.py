"""What is served, model by model, and how one radiograph is read, step by step."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import cast

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request
from flask_babel import gettext as _

from web import classroom, failures, figures, head_plots, head_tables, lesson_plots, network_cards, slides, terms
from web.classroom import Lessons
from web.examples import EXAMPLES
from web.language import in_words
from web.lesson import Lesson
from web.services import services
from xray import gate, lungs, polarity, preprocess
from xray.errors import ImageError
from xray.metadata import BackboneFacts, Facts, HeadFacts, ScreenFacts

models = Blueprint("models", __name__)
models.add_app_template_filter(figures.shown, "figure")
models.add_app_template_filter(figures.decimal, "decimal")
models.add_app_template_filter(figures.percent, "share")
models.add_app_template_filter(figures.whole, "count")

# What makes one artefact again, by its kind; training/README.md explains.
COMMANDS = {
    "segmentation": ("segment", "export lungs"),
    "backbone": ("pretrain", "export backbone"),
    "screen": ("screen", "export screen"),
    "head": ("contrast training/configs/{name}.toml", "evaluate runs/{name}", "audit", "export head {name}"),
}

# The limits that the lesson quotes, from where they hold.
LIMITS = {
    "doubtful_contrast": polarity.DOUBTFUL_CONTRAST,
    "smallest_share": gate.SMALLEST_SHARE,
    "margin": preprocess.MARGIN,
    "lung": lungs.THRESHOLD,
    "lung_side": lungs.SIZE,
}


@models.get("/models")
def index() -> str:
    """List what is served."""
    return render_template(
        "models.html",
        artefacts=services().artefacts,
        labels=services().labels,
        heads=head_plots,
        terms=terms,
        what=what,
    )


@models.get("/models/<name>")
def card(name: str) -> str:
    """Show what is known of one artefact."""
    facts = _artefact(name)
    started = facts.training.get("started")
    return render_template(
        "model.html",
        facts=facts,
        artefacts=services().artefacts,
        labels=services().labels,
        terms=terms,
        what=what,
        created=datetime.fromisoformat(facts.created),
        started=datetime.fromisoformat(str(started)) if started else None,
        commands=[f"python -m training.{step.format(name=name)}" for step in COMMANDS[facts.kind]],
        **_parts(facts),
    )


@models.get("/models/<name>.json")
def record(name: str) -> Response:
    """Send all that is known of one artefact, as training wrote it."""
    response = jsonify(asdict(_artefact(name)))
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


def what(facts: Facts) -> str:
    """Say in one sentence what an artefact does."""
    words: dict[str, str] = {
        "segmentation": _("Finds the lungs. What it finds decides which part of the film the other networks see."),
        "backbone": _("Turns the lungs into features. Both models and the screen judge by these, and by nothing else."),
        "screen": _("Refuses what is no frontal chest film, and warns of films that deserve more doubt."),
    }
    if isinstance(facts, HeadFacts):
        negative = next(label for label in facts.classes if label != facts.positive)
        return str(
            _(
                "Answers one question: %(positive)s or %(negative)s?",
                positive=terms.class_name(facts.positive),
                negative=terms.class_name(negative),
            )
        )
    return words[facts.kind]


def _artefact(name: str) -> Facts:
    facts = services().artefacts.get(name)
    if facts is None:
        abort(404)
    return facts


def _parts(facts: Facts) -> Mapping[str, object]:
    """Return what only the pages of one kind show."""
    match facts:
        case HeadFacts():
            return {
                "plots": head_plots.plots(facts),
                "tables": head_tables.tables(facts),
                "failures": failures.known(facts),
            }
        case BackboneFacts():
            return {"tables": {"accuracies": network_cards.accuracies(facts)}}
        case ScreenFacts():
            return {"plots": network_cards.screened(facts), "tables": {"checks": network_cards.checks(facts)}}
    return {}


@models.get("/how")
def how() -> str:
    """Follow one radiograph through every step."""
    choice = classroom.choose(request, _lessons())
    return render_template(
        "how.html",
        **vars(choice),
        address=choice.address,
        said=choice.said,
        problem=_problem(choice.lesson),
        drawings=lesson_plots,
        examples=EXAMPLES,
        own=classroom.own(),
        labels=services().labels,
        terms=terms,
        limits=LIMITS,
    )


@models.get("/how/<name>.png")
def slide(name: str) -> Response:
    """Draw one step of that radiograph's way."""
    choice = classroom.choose(request, _lessons())
    try:
        png = slides.slide(choice.lesson, name)
    except ImageError:
        abort(404)
    response = Response(png or abort(404), mimetype="image/png")
    if choice.example:
        response.headers["Cache-Control"] = "private, max-age=600"
    return response


def _lessons() -> Lessons:
    found = current_app.extensions.setdefault("lessons", Lessons(services().desk.analyzer.registry))
    return cast(Lessons, found)


def _problem(lesson: Lesson) -> str | None:
    """Say why a film does not come to the end of its way; None where it does."""
    try:
        _reached = lesson.prediction
    except ImageError as error:
        return in_words(error)
    return None
