"""Models 1 and 2 combined: model 1 (normal or not), then model 2 (COVID-19 or another pneumonia)."""

import math
from dataclasses import dataclass

from xray.networks.heads import Verdict
from xray.prediction import Prediction

NAME = "combined"
MODELS = ("covid_normal", "covid_pneumo")
# Both thresholds are moved to this score.
THRESHOLD = 0.5


@dataclass(frozen=True)
class Combined:
    """The combined verdict of models 1 and 2.

    Attributes:
        verdict: POSITIVE where both are, NEGATIVE where one is, else INCONCLUSIVE.
        score: the smaller of the two scores, each moved in logit so that its threshold lies at 0.5.
    """

    verdict: Verdict
    score: float
    threshold: float = THRESHOLD


def combine(predictions: tuple[Prediction, ...]) -> Combined | None:
    """Combine two predictions of one radiograph; None unless both models were asked.

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
    """Shift a score in logits so that its threshold lies at 0.5; truncated to 4 decimals.

    Args:
        score: in [0, 1].
        threshold: in [0, 1].
    """
    above, below = score * (1 - threshold), (1 - score) * threshold
    # Both are 0 only where a score of 0 or 1 equals the threshold.
    share = above / (above + below) if above + below else THRESHOLD
    # Truncated, not rounded: a score just below its threshold must stay below 0.5.
    return math.floor(10_000 * share) / 10_000
