"""Models 1 and 2 combined (normal or not, then COVID-19 or another pneumonia), and the rows of all models."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xray.networks.heads import Head, LabelScore, Verdict
from xray.prediction import Prediction
from xray.registry import PROMISED

NAME = "combined"
MODELS = PROMISED
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


Said = Prediction | LabelScore | Combined


def versions(heads: Mapping[str, Head], asked: Iterable[str]) -> dict[str, str]:
    """Return the name of each row of a radiograph, and the version of the model that it is of.

    Args:
        heads: by name.
        asked: names of models. A pair of labels has a row MODEL, another head a row MODEL:LABEL for each; models 1 and
            2 have one more, of both.
    """
    models = {name: heads[name].facts for name in asked}
    found = {
        row: facts.version
        for name, facts in models.items()
        for row in ([name] if facts.is_pair else [f"{name}:{label}" for label in facts.labels])
    }
    if set(MODELS) <= models.keys():
        found[NAME] = "+".join(models[name].version for name in MODELS)
    return found


def rows(predictions: tuple[Prediction, ...]) -> Iterator[tuple[str, Said]]:
    """Yield the name and the content of each row of a radiograph, in the order of `versions`."""
    for each in predictions:
        if each.listed:
            yield from ((f"{each.model}:{score.label}", score) for score in each.listed)
        else:
            yield each.model, each
    if both := combine(predictions):
        yield NAME, both


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
    """Shift a score in logits so that its threshold lies at 0.5; truncated to 4 decimals."""
    above, below = score * (1 - threshold), (1 - score) * threshold
    # Both are 0 only where a score of 0 or 1 equals the threshold.
    share = above / (above + below) if above + below else THRESHOLD
    # Truncated, not rounded: a score just below its threshold must stay below 0.5.
    return math.floor(10_000 * share) / 10_000
