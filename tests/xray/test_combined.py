"""Both models read together: the verdict, and the score that agrees with it."""

from itertools import product

import numpy as np
import pytest

from tests.xray.predictions import pair, point
from xray.combined import combine
from xray.networks.heads import Verdict
from xray.networks.metadata import OperatingPoint
from xray.prediction import Prediction

P, N, I = Verdict.POSITIVE, Verdict.NEGATIVE, Verdict.INCONCLUSIVE  # noqa: E741
SCORES = {P: 0.9, I: 0.5, N: 0.1}


def prediction(model: str, score: float, at: OperatingPoint | None = None) -> Prediction:
    return pair(score, at or point(0.4, 0.6, 0.5), model=model)


@pytest.mark.parametrize(
    ("normal", "pneumo", "judged"),
    [(P, P, P), (P, I, I), (P, N, N), (I, P, I), (I, I, I), (I, N, N), (N, P, N), (N, I, N), (N, N, N)],
)
def test_the_more_negative_of_two_verdicts_counts(normal, pneumo, judged):
    # The order in which they were asked does not matter.
    for order in (1, -1):
        both = (prediction("covid_normal", SCORES[normal]), prediction("covid_pneumo", SCORES[pneumo]))[::order]
        together = combine(both)
        assert together is not None and together.verdict is judged


@pytest.mark.parametrize("models", [(), ("covid_normal",), ("covid_pneumo",), ("covid_normal", "apple")])
def test_one_model_alone_is_not_combined(models: tuple[str, ...]) -> None:
    assert combine(tuple(prediction(model, 0.9) for model in models)) is None


def test_the_score_agrees_with_the_thresholds_and_the_verdict() -> None:
    """Close to the threshold too, where rounding could put it on the other side; thresholds have many digits."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        thresholds = rng.uniform(0.02, 0.98, 2)
        near = [{0.0, 1.0, *np.round(t + np.array([-1, -1e-4, 0, 1e-4, 1]) / 2, 4).clip(0, 1)} for t in thresholds]
        for scores in product(*near):
            both = tuple(
                prediction(model, float(score), point(max(t - 0.02, 0), min(t + 0.02, 1), float(t)))
                for model, score, t in zip(("covid_normal", "covid_pneumo"), scores, thresholds, strict=True)
            )
            together = combine(both)
            assert together is not None and 0 <= together.score <= 1
            assert (together.score >= 0.5) is all(each.score >= each.threshold for each in both)
            assert together.verdict is not P or together.score >= 0.5
            assert together.verdict is not N or together.score < 0.5
