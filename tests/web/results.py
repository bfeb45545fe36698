"""Results of models made by hand, for tests of what is made of them."""

from web.analyses.records import ModelResult
from xray.networks.heads import LabelScore, verdicts
from xray.networks.metadata import NO_POINT, OperatingPoint


def make_result(model: str = "covid_normal", score: float = 0.97, **fields: object) -> ModelResult:
    """Make the result of model 1 or 2, INCONCLUSIVE from 0.4 to below 0.6; keywords are its fields."""
    own = OperatingPoint(threshold=0.5, negative_below=0.4, positive_from=0.6)
    scores, points = (round(1 - score, 4), score), (own.mirrored(), own)
    names = ("pneumonia" if model == "covid_pneumo" else "normal", "covid")
    judged = verdicts(scores, points, exclusive=True)
    labels = tuple(
        LabelScore(name, each, point.threshold, point.negative_below, point.positive_from, verdict)
        for name, each, point, verdict in zip(names, scores, points, judged, strict=True)
    )
    defaults = {
        "model": model, "version": "1.2.3", "positive": "covid", "exclusive": True, "labels": labels,
        "explained": "covid", "heat_in_lungs": 0.7, "even_heat": 0.5,
        "copy": f"{labels[1].verdict}_Prob_{round(100 * score)}_Name_film_{'A' * 22}.jpg",
    }  # fmt: skip
    return ModelResult(**(defaults | fields))


def make_own_result(score: float = 0.97) -> ModelResult:
    """Make the result of a user's own model of pneumonia and normal, which has no operating point."""
    labels = tuple(
        LabelScore(name, each, NO_POINT.threshold, NO_POINT.negative_below, NO_POINT.positive_from, verdict)
        for name, each, verdict in zip(
            ("pneumonia", "normal"), (score, round(1 - score, 4)),
            verdicts((score, 1 - score), (NO_POINT, NO_POINT), exclusive=True), strict=True,
        )
    )  # fmt: skip
    named = {"model": "mine", "positive": "pneumonia", "explained": "pneumonia", "labels": labels}
    return make_result(score=score, is_own=True, **named)
