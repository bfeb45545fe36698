"""What another threshold of a head would do on its validation radiographs, on which the real one was chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from web.render import charts
from web.render.charts import Words
from web.render.findings import class_name
from web.translation import gettext as _
from xray import head_figures
from xray.networks.metadata import HeadFacts


@dataclass(frozen=True)
class Thresholds:
    """The thresholds that a visitor can try.

    Attributes:
        drawing: the scores of the validation radiographs, with a line at the threshold.
        steps: from 0 to 1 in equal steps, each with its sensitivity and specificity.
        served: the index of the step that is nearest to the threshold of the head.
        films: the number of radiographs with the positive label, and without it.
        names: of the two.
    """

    drawing: Markup
    steps: Sequence[tuple[float, float, float]]
    served: int
    films: tuple[int, int]
    names: tuple[str, str]


def thresholds(facts: HeadFacts) -> Thresholds | None:
    """Return the thresholds of a head for its positive label; None where its metadata holds no scores."""
    found = head_figures.curves(facts).get("score_histograms", {}).get("val")
    if not found or not sum(found["positive"]) or not sum(found["negative"]):
        return None
    up, down = found["positive"], found["negative"]
    films = sum(up), sum(down)
    below = zip(accumulate(up, initial=0), accumulate(down, initial=0), strict=True)
    steps = [(i / len(up), 1 - missed / films[0], clear / films[1]) for i, (missed, clear) in enumerate(below)]
    names = class_name(facts.positive, facts), class_name(facts.negative, facts)
    title = _("Scores of the validation radiographs")
    desc = _("Above the line %(positive)s, below it %(negative)s.", positive=names[0], negative=names[1])
    at = round(facts.point.threshold * len(up)) / len(up)
    drawing = charts.histogram(Words("known-scores", title, desc, _("score")), up, down, names, (at, at, at))
    return Thresholds(drawing, steps, round(at * len(up)), films, names)
