"""Both models read together: model 1 first (normal or not), then model 2 (COVID-19 or another pneumonia)."""

import math
from dataclasses import dataclass

from xray.analysis import Prediction, in_words
from xray.classifier import Verdict

NAME = "combined"
MODELS = ("covid_normal", "covid_pneumo")
# Where both thresholds are moved to.
THRESHOLD = 0.5


@dataclass(frozen=True)
class Combined:
    """What the two models say together.

    Attributes:
        verdict: POSITIVE where both are, NEGATIVE where one is, else INCONCLUSIVE.
        score: the smaller of the two scores, each moved in logit so that its threshold lies at 0.5.
        reading: the verdict in words.
    """

    verdict: Verdict
    score: float
    reading: str
    threshold: float = THRESHOLD


def combine(predictions: tuple[Prediction, ...]) -> Combined | None:
    """Read two predictions of one radiograph together; None unless both models were asked.

    Args:
        predictions: of an Analysis.
    """
    by_name = {prediction.model: prediction for prediction in predictions}
    if not by_name.keys() >= set(MODELS):
        return None
    normal, pneumo = (by_name[name] for name in MODELS)
    verdicts = {normal.verdict, pneumo.verdict}
    judged = min(verdicts, key=(Verdict.NEGATIVE, Verdict.INCONCLUSIVE, Verdict.POSITIVE).index)
    score = min(_moved(each.score, each.threshold) for each in (normal, pneumo))
    return Combined(judged, score, _reading(normal, pneumo, judged))


def _moved(score: float, threshold: float) -> float:
    """Move a score in logit so that the threshold comes to lie at 0.5; cut to 4 decimals."""
    above, below = score * (1 - threshold), (1 - score) * threshold
    # Neither is left only where a score of 0 or 1 is the threshold itself.
    share = above / (above + below) if above + below else THRESHOLD
    # Cut rather than rounded, or a score just below its threshold would reach 0.5 as well.
    return math.floor(10_000 * share) / 10_000


def _reading(normal: Prediction, pneumo: Prediction, judged: Verdict) -> str:
    if normal.verdict is Verdict.NEGATIVE:
        return f"Looks {in_words(normal.negative)} to model 1; what model 2 says of a normal film means nothing."
    if judged is Verdict.NEGATIVE:
        return f"Not {in_words(pneumo.positive)}: more like another pneumonia to model 2."
    if judged is Verdict.INCONCLUSIVE:
        return "Too close to call: at least one of the two models does not decide."
    return f"Abnormal to model 1, and more like {in_words(pneumo.positive)} than another pneumonia to model 2."
