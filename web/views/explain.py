"""How it works: the page that shows one radiograph at every step, and the images of the steps."""

from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, Response, abort, current_app, render_template, request
from werkzeug.datastructures import MultiDict

from web.analyses import storage
from web.analyses.records import ModelResult, Record
from web.i18n import in_words
from web.render import drawings
from web.render.averages import AVERAGES, Average
from web.render.lesson import Lesson
from web.render.models import terms
from web.security import visitors
from web.services import services
from xray.errors import ImageError
from xray.networks import lungs, preprocess
from xray.quality import frontal

blueprint = Blueprint("explain", __name__)

FIRST = "normal"
# Lessons of the examples that are cached, of about 2 MB each; a visitor's own radiographs never are.
CACHED = 4
# Own analyses that the form offers.
OFFERED = 3
# The limits that the page quotes.
LIMITS = {
    "doubtful_contrast": frontal.DOUBTFUL_CONTRAST,
    "smallest_share": frontal.SMALLEST_SHARE,
    "margin": preprocess.MARGIN,
    "lung": lungs.THRESHOLD,
    "lung_side": lungs.SIZE,
}


@dataclass(frozen=True)
class Choice:
    """The radiograph and the model that an address asks for.

    Attributes:
        lesson: the radiograph, step by step.
        model: the model's name.
        example: the example image, if it is one.
        record: the visitor's own analysis, if it is one.
    """

    lesson: Lesson
    model: str
    example: Average | None
    record: Record | None

    @property
    def address(self) -> dict[str, str]:
        """The query of an address that leads to the same radiograph and model."""
        film = self.record.id if self.record else self.example.name if self.example else FIRST
        return {"film": film, "model": self.model}

    @property
    def result(self) -> ModelResult | None:
        """The result of the model when the visitor uploaded the radiograph."""
        results = self.record.results if self.record else ()
        return next((result for result in results if result.model == self.model), None)


@blueprint.get("/how")
def index() -> str:
    """Show one radiograph at every step."""
    choice, owner = _choose(request.args), visitors.known()
    return render_template(
        "explain.html",
        **vars(choice),
        address=choice.address,
        result=choice.result,
        problem=_problem(choice.lesson),
        drawings=drawings,
        examples=AVERAGES,
        own=services().analyses.records.of(owner, limit=OFFERED) if owner else [],
        labels=services().labels,
        terms=terms,
        limits=LIMITS,
    )


@blueprint.get("/how/<name>.png")
def slide(name: str) -> Response:
    """Send the image of one step."""
    choice = _choose(request.args)
    try:
        png = drawings.slide(choice.lesson, name)
    except ImageError:
        abort(404)
    response = Response(png or abort(404), mimetype="image/png")
    if choice.example:
        response.headers["Cache-Control"] = "private, max-age=600"
    return response


def _choose(asked: MultiDict[str, str]) -> Choice:
    """Read an address: ?film=, an example or the id of an own analysis (or ?analysis=), and ?model=; 404 for others."""
    registry = services().analyses.analyzer.registry
    model = asked.get("model") or next(iter(registry.heads))
    if model not in registry.heads:
        abort(404)
    film = asked.get("analysis") or asked.get("film") or FIRST
    if example := AVERAGES.get(film):
        return Choice(_lesson_of_example(film, model), model, example, None)
    record = visitors.own(film)
    content = services().analyses.pictures.read(record.id, [storage.FILM]).get(storage.FILM)
    if content is None:
        abort(404)
    return Choice(Lesson(content, registry, registry.heads[model]), model, None, record)


def _lesson_of_example(film: str, model: str) -> Lesson:
    registry = services().analyses.analyzer.registry

    @lru_cache(CACHED)
    def lesson(film: str, model: str) -> Lesson:
        return Lesson(AVERAGES[film].read(), registry, registry.heads[model])

    cached: Lesson = current_app.extensions.setdefault("lessons", lesson)(film, model)
    return cached


def _problem(lesson: Lesson) -> str | None:
    """Return why the radiograph is refused at some step; None where it is not."""
    try:
        _reached = lesson.prediction
    except ImageError as error:
        return in_words(error)
    return None
