"""What a user's own model can do, in plain sentences: it was measured on its own radiographs, and on no others."""

from collections.abc import Iterator

from web.i18n import shown, whole
from web.translation import gettext as _
from xray import head_figures
from xray.finding import NO_VERDICT
from xray.head_figures import MEAN, Figures
from xray.networks.metadata import HeadFacts


def in_plain_words(facts: HeadFacts) -> Iterator[str]:
    """Yield how well it does, beside what is reached without lungs, and of which labels nothing is known.

    Args:
        facts: of a user's own head.
    """
    if not facts.decides:
        yield str(_(NO_VERDICT))
    label = next(iter(head_figures.measured_labels(facts)), facts.positive)
    test = head_figures.tested(facts, label)
    if not test or not test["roc_auc"]:
        return
    if facts.is_pair and head_figures.too_few(facts, label):
        counts = f"{whole(test['positives'])} {facts.positive}, {whole(test['negatives'])} {facts.negative}"
        yield _("Too few test radiographs to tell how well it does (%(counts)s).", counts=counts)
        return
    if facts.exclusive and not head_figures.too_few(facts, label):
        yield _how_well(facts, label, test)
    if few := [each for each in _labels(facts) if head_figures.too_few(facts, each)]:
        names = ", ".join(f"{each} ({whole(_positives(facts, each))})" for each in few)
        yield _("Too few test radiographs to tell how well it finds: %(names)s.", names=names)
    if matched := [name for name, _part in head_figures.matched_without_lungs(facts)]:
        yield _(
            "No better than a model that sees no lungs, as far as so few radiographs can tell: %(names)s.",
            names=", ".join(matched),
        )


def _how_well(facts: HeadFacts, label: str, test: Figures) -> str:
    best = head_figures.strongest_baseline(facts, label)
    without = shown(best.figures["roc_auc"] if best else None)
    return str(
        _(
            "On %(n)s radiographs of %(patients)s patients that it had not seen, its ROC AUC is %(auc)s; a model that "
            "sees no lungs reaches %(without)s.",
            n=whole(test["n"]),
            patients=whole(test["patients"]),
            auc=shown(test["roc_auc"]),
            without=without,
        )
    )


def _labels(facts: HeadFacts) -> list[str]:
    return [label for label in head_figures.measured_labels(facts) if label != MEAN]


def _positives(facts: HeadFacts, label: str) -> int:
    return int((head_figures.tested(facts, label) or {"positives": 0})["positives"])
