"""The finding: what the models say of a radiograph, in one word for machines."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from xray.errors import Phrase
from xray.networks.heads import Judgement, Verdict
from xray.networks.metadata import HeadFacts
from xray.registry import PROMISED


class Finding(StrEnum):
    """A finding that has a name of its own; every other is the label of a head, as it is."""

    NORMAL = "normal"
    COVID_19 = "covid-19"
    OTHER_PNEUMONIA = "other-pneumonia"
    ABNORMAL = "abnormal"  # COVID-19 or another pneumonia
    UNDECIDED = "undecided"


# As a page and the annotated copy say them; "Looks like" a label otherwise.
WORDS: Mapping[str, Phrase] = {
    Finding.NORMAL: Phrase("Looks normal"),
    Finding.COVID_19: Phrase("Looks like COVID-19"),
    Finding.OTHER_PNEUMONIA: Phrase("Looks like another pneumonia"),
    Finding.ABNORMAL: Phrase("Abnormal"),
    Finding.UNDECIDED: Phrase("Undecided"),
}
NO_VERDICT = Phrase("Too few radiographs to choose an operating point for this model: its scores have no verdict.")
LOOKS_LIKE, FOUND, NOTHING = Phrase("Looks like: %(name)s"), Phrase("Found: %(names)s"), Phrase("Nothing found")
# The verdict whose colour and sign suit a finding: those of POSITIVE wherever the lungs look ill.
_TONES: Mapping[str, Verdict] = {
    Finding.NORMAL: Verdict.NEGATIVE,
    Finding.COVID_19: Verdict.POSITIVE,
    Finding.OTHER_PNEUMONIA: Verdict.POSITIVE,
    Finding.ABNORMAL: Verdict.POSITIVE,
    Finding.UNDECIDED: Verdict.INCONCLUSIVE,
}
_OF_LABEL = {"covid": Finding.COVID_19, "pneumonia": Finding.OTHER_PNEUMONIA}


def finding_of(judged: Sequence[Judgement]) -> str | None:
    """Return the finding of a radiograph: of models 1 and 2 together where both judged it, else of the first.

    Together they find it normal where model 1 does. Where model 1 finds it abnormal, model 2 tells which pneumonia it
    is. They are undecided where the model that has the say is.

    Args:
        judged: what each model says of it, at least one.

    Returns:
        A Finding or a label; None for a head whose labels do not exclude each other, see `found_by`.
    """
    by_model = {each.model: each for each in judged}
    if by_model.keys() >= set(PROMISED):
        first, second = (_called(by_model[name]) for name in PROMISED)
        return together(first, second)
    return _called(judged[0]) if judged[0].exclusive else None


def found_by(judged: Sequence[Judgement]) -> tuple[str, ...]:
    """Return all that was found: the finding, or, of a head without one, each label that is POSITIVE.

    Args:
        judged: as `finding_of`.
    """
    if said := finding_of(judged):
        return (said,)
    first = judged[0]
    return tuple(of_label(each.label, own=first.is_own) for each in first.labels if each.verdict is Verdict.POSITIVE)


def possible(heads: Sequence[HeadFacts]) -> tuple[str, ...]:
    """Return all that can be found by heads that are asked together, undecided last.

    Args:
        heads: those asked, at least one.
    """
    by_name = {facts.name: facts for facts in heads}
    if by_name.keys() >= set(PROMISED):
        each = (_possible(by_name[name]) for name in PROMISED)
        alone = [finding for found in each for finding in found if finding != Finding.ABNORMAL]
    else:
        alone = _possible(heads[0])
    return tuple(sorted(dict.fromkeys(alone), key=lambda finding: finding == Finding.UNDECIDED))


def _possible(facts: HeadFacts) -> list[str]:
    if not facts.exclusive:
        return [of_label(label, own=facts.is_own) for label in facts.labels]
    return [of_model(facts.name, facts.positive, label, own=facts.is_own) for label in (*facts.labels, None)]


def positive_side(judged: Judgement) -> str:
    """Return the finding that a high score of a head's own label stands for.

    Args:
        judged: what the head says.
    """
    if not judged.exclusive:
        return of_label(judged.positive, own=judged.is_own)
    return of_model(judged.model, judged.positive, judged.positive, own=judged.is_own)


def tone(judged: Sequence[Judgement]) -> Verdict:
    """Return the verdict whose colour and sign suit what was found.

    Args:
        judged: as `finding_of`.
    """
    if finding := finding_of(judged):
        return judged[0].verdict if judged[0].is_own else _TONES.get(finding, judged[0].verdict)
    said = {each.verdict for each in judged[0].labels}
    return next(verdict for verdict in (Verdict.POSITIVE, Verdict.INCONCLUSIVE, Verdict.NEGATIVE) if verdict in said)


def note(judged: Sequence[Judgement]) -> Phrase | None:
    """Return what must be read beside a finding; None where it says all.

    Args:
        judged: as `finding_of`.
    """
    if not judged[0].decides:
        return NO_VERDICT
    by_model = {each.model: each for each in judged}
    first, second = (by_model.get(name) for name in PROMISED)
    if first and second:
        return _note_of_both(first.verdict, second.verdict)
    if first and first.verdict is Verdict.POSITIVE:
        return Phrase("COVID-19 or another pneumonia. Ask both models to tell which.")
    return Phrase("This model cannot tell healthy lungs from ill ones. Ask both models.") if second else None


def is_abnormal(judged: Sequence[Judgement]) -> bool:
    """Tell whether model 1 was asked and finds the radiograph abnormal, whatever it may be.

    Args:
        judged: as `finding_of`.
    """
    return any(each.model == PROMISED[0] and each.verdict is Verdict.POSITIVE for each in judged)


def _note_of_both(first: Verdict, second: Verdict) -> Phrase:
    """Say which of models 1 and 2 decided."""
    if first is Verdict.NEGATIVE:
        return Phrase("Model 1 finds it normal, so the score of model 2 is not used.")
    if first is Verdict.INCONCLUSIVE:
        return Phrase("Model 1 does not decide whether it is normal.")
    if second is Verdict.INCONCLUSIVE:
        return Phrase("Model 1 finds it abnormal. Model 2 does not decide which pneumonia it is.")
    return Phrase("Model 1 finds it abnormal, and model 2 says which pneumonia it looks like.")


def of_label(label: str, *, own: bool = False) -> str:
    """Return the finding of a radiograph that shows a label.

    Args:
        label: of a head.
        own: whether it is a user's own word, which is the finding as it is written.
    """
    return label if own else _OF_LABEL.get(label, label)


def of_model(model: str, positive: str, called: str | None, *, own: bool = False) -> str:
    """Return the finding of a head whose labels exclude each other.

    Args:
        model: its name.
        positive: the label that its own verdict is for.
        called: the only plausible label; None where there is none.
        own: as `of_label`.
    """
    if called is None:
        return Finding.UNDECIDED
    # Model 1 learned COVID-19 and other pneumonias together: it cannot tell which of them it sees.
    return Finding.ABNORMAL if (model, called) == (PROMISED[0], positive) else of_label(called, own=own)


def together(first: str, second: str) -> str:
    """Return the finding of models 1 and 2 together, from that of each alone."""
    return second if first == Finding.ABNORMAL else first


def _called(judged: Judgement) -> str:
    return of_model(judged.model, judged.positive, judged.called, own=judged.is_own)
