"""Which film the page "How it works" follows: an average film, or one of the visitor's own analyses."""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from flask import Request, abort

from web.analyses import pictures
from web.analyses.record import Record, Said
from web.examples import EXAMPLES, Example
from web.explain.lesson import Lesson
from web.security import visitors
from web.services import services
from xray.registry import Registry

FIRST = "normal"
# About 2 MB each.
KEPT = 4
OFFERED = 3


@dataclass(frozen=True)
class Lessons:
    """The lessons of the average films, the last few kept; a visitor's own films never are."""

    registry: Registry
    _kept: OrderedDict[tuple[str, str], Lesson] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, example: Example, model: str) -> Lesson:
        """Return the lesson of an average film."""
        key = (example.name, model)
        with self._lock:
            lesson = self._kept.get(key) or Lesson(example.read(), self.registry, self.registry.heads[model])
            self._kept[key] = lesson
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return lesson


@dataclass(frozen=True)
class Choice:
    """A film and a model.

    Attributes:
        lesson: the film on its way through the networks.
        model: the model's name.
        example: the average film, if it is one.
        record: the visitor's own analysis, if it is one.
    """

    lesson: Lesson
    model: str
    example: Example | None
    record: Record | None

    @property
    def address(self) -> dict[str, str]:
        """What an address needs to lead to this film and model again."""
        film = self.record.id if self.record else self.example.name if self.example else FIRST
        return {"film": film, "model": self.model}

    @property
    def said(self) -> Said | None:
        """What the model said when the visitor sent the film."""
        found = (said for said in (self.record.said if self.record else ()) if said.model == self.model)
        return next(found, None)


def choose(request: Request, lessons: Lessons) -> Choice:
    """Read an address: ?film=, an average film or the id of an own analysis (or ?analysis=), and ?model=.

    What is not there, or is somebody else's, ends in 404.
    """
    heads = lessons.registry.heads
    model = request.args.get("model") or next(iter(heads))
    if model not in heads:
        abort(404)
    film = request.args.get("analysis") or request.args.get("film") or FIRST
    example = EXAMPLES.get(film)
    if example is None:
        record = visitors.own(film)
        content = services().desk.pictures.read(record.id, [pictures.FILM]).get(pictures.FILM)
        if content is None:
            abort(404)
        return Choice(Lesson(content, lessons.registry, heads[model]), model, None, record)
    return Choice(lessons.of(example, model), model, example, None)


def own() -> list[Record]:
    """Return the visitor's last analyses."""
    owner = visitors.known()
    return services().desk.records.of(owner, limit=OFFERED) if owner else []
