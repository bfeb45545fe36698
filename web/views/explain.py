"""How it works: the page that follows one radiograph, and the pictures of its steps."""

from typing import cast

from flask import Blueprint, Response, abort, current_app, render_template, request

from web.examples import EXAMPLES
from web.explain import classroom, plots, slides
from web.explain.classroom import Lessons
from web.explain.lesson import Lesson
from web.i18n import in_words
from web.render.models import terms
from web.services import services
from xray.errors import ImageError
from xray.networks import lungs, preprocess
from xray.quality import frontal, polarity

blueprint = Blueprint("explain", __name__)

# The limits that the lesson quotes, from where they hold.
LIMITS = {
    "doubtful_contrast": polarity.DOUBTFUL_CONTRAST,
    "smallest_share": frontal.SMALLEST_SHARE,
    "margin": preprocess.MARGIN,
    "lung": lungs.THRESHOLD,
    "lung_side": lungs.SIZE,
}


@blueprint.get("/how")
def index() -> str:
    """Follow one radiograph through every step."""
    choice = classroom.choose(request, _lessons())
    return render_template(
        "explain.html",
        **vars(choice),
        address=choice.address,
        said=choice.said,
        problem=_problem(choice.lesson),
        drawings=plots,
        examples=EXAMPLES,
        own=classroom.own(),
        labels={name: services().labels[name] for name in _lessons().registry.heads},
        terms=terms,
        limits=LIMITS,
    )


@blueprint.get("/how/<name>.png")
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
