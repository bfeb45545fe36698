"""Models 1 and 2 combined (normal or not, then COVID-19 or another pneumonia), and the rows of all models."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xray.finding import finding_of, of_label
from xray.networks.heads import Head, Judgement, LabelScore, Verdict
from xray.registry import PROMISED

NAME = "combined"
MODELS = PROMISED
# Both thresholds are moved to this score.
THRESHOLD = 0.5


@dataclass(frozen=True)
class Combined:
    """The combined verdict of models 1 and 2.

    Attributes:
        verdict: for COVID-19: POSITIVE where both are, NEGATIVE where one is, else INCONCLUSIVE.
        score: the smaller of the two scores, each moved in logit so that its threshold lies at 0.5.
        negative_below: None, as is `positive_from`: the verdict follows from the edges of the two models.
    """

    verdict: Verdict
    score: float
    threshold: float = THRESHOLD
    negative_below: None = None
    positive_from: None = None


class Answer(NamedTuple):
    """A row of a radiograph's results: of a pair of labels, of one label of another head, or of models 1 and 2.

    Attributes:
        name: MODEL, MODEL:LABEL or NAME.
        said: verdict, score and edges.
        finding: of the model, or of both; of labels that do not exclude each other each has its own, where it is found.
    """

    name: str
    said: Judgement | LabelScore | Combined
    finding: str | None


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


def rows(judged: Sequence[Judgement]) -> Iterator[Answer]:
    """Yield the rows of a radiograph, in the order of `versions`.

    Args:
        judged: what each model says of it.
    """
    for each in judged:
        finding = finding_of([each])
        if not each.listed:
            yield Answer(each.model, each, finding)
        for label in each.listed:
            own = of_label(label.label, own=each.is_own) if label.verdict is Verdict.POSITIVE else None
            yield Answer(f"{each.model}:{label.label}", label, finding if each.exclusive else own)
    if both := combine(judged):
        yield Answer(NAME, both, finding_of(judged))


def combine(judged: Sequence[Judgement]) -> Combined | None:
    """Combine what two models say of one radiograph; None unless models 1 and 2 were asked.

    Args:
        judged: what each model says of it.
    """
    by_name = {each.model: each for each in judged}
    if not by_name.keys() >= set(MODELS):
        return None
    pair = [by_name[name] for name in MODELS]
    order = (Verdict.NEGATIVE, Verdict.INCONCLUSIVE, Verdict.POSITIVE)
    verdict = min((each.verdict for each in pair), key=order.index)
    score = min(_moved(each.score, each.threshold) for each in pair)
    return Combined(verdict, score)


def _moved(score: float, threshold: float) -> float:
    """Shift a score in logits so that its threshold lies at 0.5; truncated to 4 decimals."""
    above, below = score * (1 - threshold), (1 - score) * threshold
    # Both are 0 only where a score of 0 or 1 equals the threshold.
    share = above / (above + below) if above + below else THRESHOLD
    # Truncated, not rounded: a score just below its threshold must stay below 0.5.
    return math.floor(10_000 * share) / 10_000
