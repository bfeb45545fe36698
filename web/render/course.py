"""Several analyses as a course: the order of their radiographs, and how the opacity of the lungs changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from web.analyses.records import Record
from web.i18n import NONE, decimal, percent
from web.render import charts
from web.render.charts import HALVES, Plot, Words
from web.translation import gettext as _
from xray.opacity import LARGEST_EXTENT


@dataclass(frozen=True)
class Step:
    """One radiograph of a course.

    Attributes:
        record: its analysis.
        day: when it was taken, if that was said: no date of a file is stored.
    """

    record: Record
    day: date | None = None


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Return radiographs in the order of their days where all are known, else of their analyses."""
    days = [step.day for step in steps if step.day]
    if len(days) == len(steps):
        return [steps[place] for place in sorted(range(len(steps)), key=days.__getitem__)]
    return sorted(steps, key=lambda step: step.record.created)


def plots(steps: Sequence[Step]) -> list[Plot]:
    """Draw the opaque share of each lung, and the extent score; nothing where no opacity map was made.

    Args:
        steps: at least two, as `ordered` returns them.
    """
    measures = [step.record.opacity for step in steps]
    known = [each for each in measures if each]
    if not known:
        return []
    lungs = {
        _("Right lung"): [each.opacity_right_percent if each else None for each in measures],
        _("Left lung"): [each.opacity_left_percent if each else None for each in measures],
    }
    extent = {_("Extent score"): [each.extent_score if each else None for each in measures]}
    error = known[0].extent_error or 0.0
    return [
        _plot("lungs", _("Opaque share of each lung"), steps, lungs, 100, lambda value: percent(value / 100, 1)),
        _plot("extent", _("Extent score, 0 to 8"), steps, extent, LARGEST_EXTENT, lambda v: decimal(v, 1), error),
    ]


def _plot(
    id: str,
    title: str,
    steps: Sequence[Step],
    lines: Mapping[str, Sequence[float | None]],
    largest: float,
    written: Callable[[float], str],
    error: float = 0.0,
) -> Plot:
    """Draw quantities from 0 to `largest`, each with its name and a value for each step."""
    days = [step.day for step in steps if step.day]
    since = [(day - days[0]).days for day in days] if len(days) == len(steps) else []
    places: Sequence[float] = since if since and since[-1] else range(len(steps))
    rows = [
        [str(number), *(NONE if value is None else written(value) for value in values)]
        for number, values in enumerate(zip(*lines.values(), strict=True), 1)
    ]
    head = [_("Radiograph"), *lines]
    drawing = charts.course(
        Words(
            id=f"course-{id}",
            title=title,
            desc="; ".join(f"{head[0]} {', '.join(row)}" for row in rows),
            x=_("Days since the first radiograph") if since else _("Radiograph"),
        ),
        [place / places[-1] for place in places],
        [(name, [None if value is None else value / largest for value in values]) for name, values in lines.items()],
        ticks=[str(day) for day in since] if since else [row[0] for row in rows],
        scale=[written(half * largest) for half in HALVES],
        error=error / largest,
        joined=bool(since),
    )
    note = (
        _("A line through a point shows how far the score is from the radiologists’ score, on average.")
        if error
        else ""
    )
    return Plot(title, drawing, head, rows, note)
