"""How it works: one radiograph to play with, at every step, and the images of the steps."""

from dataclasses import dataclass
from functools import lru_cache

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from web.analyses import storage
from web.analyses.records import ModelResult, Record
from web.examples import EXAMPLES, FOLDER, Example
from web.i18n import in_words
from web.render import charts, drawings
from web.render.averages import AVERAGES, Average
from web.render.glossary import glossary
from web.render.lesson import FIELDS, Area, Lesson
from web.render.models import terms
from web.render.models.plain import cannot
from web.render.models.thresholds import thresholds
from web.security import visitors
from web.services import services
from web.views import result
from xray.errors import ImageError
from xray.networks import lungs, preprocess
from xray.quality import frontal

blueprint = Blueprint("explain", __name__)

# What the page offers, by its file's name: an example and an average may have the same.
_OFFERED: tuple[Example | Average, ...] = (*EXAMPLES.values(), *AVERAGES.values())
PICTURES = {each.file.partition(".")[0]: each for each in _OFFERED}
FIRST = next(iter(PICTURES))
# Lessons of the examples that are cached, of up to 4 MB each; a visitor's own radiographs never are.
CACHED = 4
# Own analyses that the form offers.
OFFERED = 3
# Rectangles that are covered in one request.
MOST_AREAS = 50
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
        film: the name of an example, or the id of the visitor's own analysis.
        record: that analysis, if it is one.
    """

    lesson: Lesson
    model: str
    film: str
    record: Record | None

    @property
    def address(self) -> dict[str, str]:
        """The query of an address that leads to the same radiograph and model."""
        return {"film": self.film, "model": self.model}

    @property
    def result(self) -> ModelResult | None:
        """The result of the model when the visitor uploaded the radiograph."""
        results = self.record.results if self.record else ()
        return next((result for result in results if result.model == self.model), None)


@blueprint.get("/how")
def index() -> str:
    """Show one radiograph at every step."""
    choice, owner = _choose(request.args), visitors.known()
    problem = _problem(choice.lesson)
    return render_template(
        "explain.html",
        **vars(choice),
        address=choice.address,
        result=choice.result,
        problem=problem,
        before=None if problem else choice.lesson.prediction,
        tries=thresholds(choice.lesson.head.facts),
        cannot=cannot(choice.lesson.head.facts),
        axis=(charts.LEFT, charts.SIDE),
        fields=FIELDS,
        glossary=glossary(),
        drawings=drawings,
        pictures=PICTURES,
        thumb=storage.THUMB,
        own=services().analyses.records.of(owner, limit=OFFERED) if owner else [],
        labels=services().labels,
        terms=terms,
        limits=LIMITS,
    )


@blueprint.post("/how")
def upload() -> AnyResponse:
    """Analyse the uploaded radiograph as the first page does, and redirect to its steps."""
    record = result.analysed()
    return redirect(url_for("explain.index", film=record.id, model=record.results[0].model), 303)


@blueprint.post("/how/cover")
def cover() -> str:
    """Read the radiograph again with some of it covered, fields or rectangles; nothing is stored."""
    cells = {cell for cell in request.form.getlist("cell", type=int) if cell in range(FIELDS**2)}
    drawn = filter(None, map(Area.read, request.form.getlist("area")[:MOST_AREAS]))
    areas = [*map(Area.of_field, sorted(cells)), *drawn]
    service = services().analyses
    with service.turns:
        choice = _choose(request.form)
        before, after = service.read(lambda: (choice.lesson.prediction, choice.lesson.covered(areas)))
    covered = len(areas)
    return render_template("covered.html", before=before, after=after, covered=covered, address=choice.address)


@blueprint.get("/how/<name>.png")
def slide(name: str) -> Response:
    """Send the image of one step."""
    choice = _choose(request.args)
    try:
        png = drawings.slide(choice.lesson, name)
    except ImageError:
        abort(404)
    response = Response(png or abort(404), mimetype="image/png")
    if choice.film in PICTURES:
        response.headers["Cache-Control"] = "private, max-age=600"
    return response


def _choose(asked: MultiDict[str, str]) -> Choice:
    """Read an address: ?film=, an example or the id of an own analysis (or ?analysis=), and ?model=; 404 for others."""
    registry = services().analyses.analyzer.registry
    model = asked.get("model") or next(iter(registry.heads))
    if model not in registry.heads:
        abort(404)
    film = asked.get("analysis") or asked.get("film") or FIRST
    if film in PICTURES:
        return Choice(_lesson_of_example(film, model), model, film, None)
    record = visitors.own(film)
    content = services().analyses.pictures.read(record.id, [storage.FILM]).get(storage.FILM)
    if content is None:
        abort(404)
    return Choice(Lesson(content, registry, registry.heads[model]), model, record.id, record)


def _lesson_of_example(film: str, model: str) -> Lesson:
    registry = services().analyses.analyzer.registry

    @lru_cache(CACHED)
    def lesson(film: str, model: str) -> Lesson:
        return Lesson((FOLDER / PICTURES[film].file).read_bytes(), registry, registry.heads[model])

    cached: Lesson = current_app.extensions.setdefault("lessons", lesson)(film, model)
    return cached


def _problem(lesson: Lesson) -> str | None:
    """Return why the radiograph is refused at some step; None where it is not."""
    try:
        _reached = lesson.prediction
    except ImageError as error:
        return in_words(error)
    return None
