"""What another threshold of a head would do on its validation radiographs, on which the real one was chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
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
        steps: from 0 to 1, each with its sensitivity and specificity: the edges of the histogram, and the threshold of
            the head itself, for which the scores of its bar count as evenly spread.
        served: the index of the step at the threshold of the head.
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
    at, edges = facts.point.threshold, np.linspace(0, 1, len(up) + 1)
    tried = sorted({*edges, at})
    missed, cleared = (np.interp(tried, edges, np.cumsum([0, *side]) / sum(side)) for side in (up, down))
    steps = [(float(each), 1 - float(m), float(c)) for each, m, c in zip(tried, missed, cleared, strict=True)]
    names = class_name(facts.positive, facts), class_name(facts.negative, facts)
    title = _("Scores of the validation radiographs")
    desc = _("Above the line %(positive)s, below it %(negative)s.", positive=names[0], negative=names[1])
    drawing = charts.histogram(Words("known-scores", title, desc, _("score")), up, down, names, (at, at, at))
    return Thresholds(drawing, steps, tried.index(at), films, names)
