"""Both models read together: model 1 first (normal or not), then model 2 (COVID-19 or another pneumonia)."""

import math
from dataclasses import dataclass

from xray.networks.heads import Verdict
from xray.prediction import Prediction

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
    """

    verdict: Verdict
    score: float
    threshold: float = THRESHOLD


def combine(predictions: tuple[Prediction, ...]) -> Combined | None:
    """Read two predictions of one radiograph together; None unless both models were asked.

    Args:
        predictions: of an Analysis.
    """
    by_name = {prediction.model: prediction for prediction in predictions}
    if not by_name.keys() >= set(MODELS):
        return None
    pair = [by_name[name] for name in MODELS]
    order = (Verdict.NEGATIVE, Verdict.INCONCLUSIVE, Verdict.POSITIVE)
    judged = min((each.verdict for each in pair), key=order.index)
    score = min(_moved(each.score, each.threshold) for each in pair)
    return Combined(judged, score)


def _moved(score: float, threshold: float) -> float:
    """Move a score in logit so that the threshold comes to lie at 0.5; cut to 4 decimals."""
    above, below = score * (1 - threshold), (1 - score) * threshold
    # Neither is left only where a score of 0 or 1 is the threshold itself.
    share = above / (above + below) if above + below else THRESHOLD
    # Cut rather than rounded, or a score just below its threshold would reach 0.5 as well.
    return math.floor(10_000 * share) / 10_000
