"""What an artefact can do, in a few plain sentences made from its figures, so that they stay true."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from web.i18n import capitalize_first, decimal, whole
from web.render.findings import class_name
from web.render.models import own
from web.translation import gettext as _
from xray import head_figures
from xray.finding import NO_VERDICT
from xray.head_figures import UNDECIDED
from xray.networks.metadata import Facts, HeadFacts, OpacityFacts, ScreenFacts, SegmentationFacts
from xray.registry import PROMISED

Counts = Mapping[str, int]


def in_plain_words(facts: Facts) -> list[str]:
    """Return a sentence for each thing that whoever uses an artefact should know first; none where nothing is known."""
    match facts:
        case HeadFacts():
            if facts.is_own:
                return [*own.in_plain_words(facts), cannot(facts)]
            if not facts.decides:
                return [str(_(NO_VERDICT)), cannot(facts)]
            found = _pair(facts) if facts.is_pair else _several(facts) if facts.exclusive else _findings(facts)
            return [*found, cannot(facts)]
        case SegmentationFacts():
            return list(_lungs(facts.metrics))
        case ScreenFacts():
            return list(_screen(facts.metrics))
        case OpacityFacts() if facts.extent_error is not None:
            error = decimal(facts.extent_error, 1)
            return [
                str(_("Its score of how much lung is white, from 0 to 8, is off by %(error)s on average.", error=error))
            ]
    return []


def cannot(facts: HeadFacts) -> str:
    """Say what a head cannot tell."""
    names = ", ".join(class_name(label, facts) for label in facts.labels)
    words: dict[str, str] = {
        PROMISED[0]: _("It cannot tell COVID-19 from another pneumonia. Ask both models."),
        PROMISED[1]: _("It cannot tell healthy lungs from ill ones. Ask both models."),
    }
    return words.get(facts.name) or str(_("It knows only: %(names)s.", names=names))


def _pair(facts: HeadFacts) -> Iterator[str]:
    """Say what a pair answered in hospitals that it never saw."""
    counts = _elsewhere(facts)
    positive, negative = counts.get(facts.positive), counts.get(facts.negative)
    if positive:
        found, open_ = _of_100(positive, facts.positive, UNDECIDED)
        yield _(
            "Of 100 radiographs of %(name)s from hospitals that it never saw, it finds %(found)s, misses %(missed)s "
            "and does not decide on %(open)s.",
            name=_positive_name(facts), found=found, missed=100 - found - open_, open=open_,
        )  # fmt: skip
    if negative:
        alarms, open_ = _of_100(negative, facts.positive, UNDECIDED)
        yield _(
            "Of 100 radiographs there without it (%(name)s), %(alarms)s are false alarms, %(clear)s are cleared and "
            "%(open)s stay open.",
            name=class_name(facts.negative, facts), alarms=alarms, clear=100 - alarms - open_, open=open_,
        )  # fmt: skip


def _several(facts: HeadFacts) -> Iterator[str]:
    """Say how often a head of several exclusive labels names the right one in hospitals that it never saw."""
    counts = _elsewhere(facts)
    shares = {label: _of_100(got, label, UNDECIDED) for label, got in counts.items()}
    if not shares:
        return
    right = round(sum(right for right, _open in shares.values()) / len(shares))
    open_ = round(sum(open_ for _right, open_ in shares.values()) / len(shares))
    yield _(
        "Of 100 radiographs from hospitals that it never saw, each class counting the same, it names the right class "
        "of %(right)s, a wrong one of %(wrong)s, and does not decide on %(open)s.",
        right=right, wrong=100 - right - open_, open=open_,
    )  # fmt: skip
    worst = min(shares, key=lambda label: shares[label][0])
    yield _(
        "It does worst with %(name)s: right on %(right)s of 100.", name=class_name(worst, facts), right=shares[worst][0]
    )


def _findings(facts: HeadFacts) -> Iterator[str]:
    """Say of the first labels of a head how often it finds them in the test radiographs."""
    for label in head_figures.measured_labels(facts)[:2]:
        verdicts = head_figures.curves(facts, label).get("verdicts")
        if not verdicts:
            continue
        sides = [{name: each[side] for name, each in verdicts.items()} for side in ("positive", "negative")]
        (found,), (alarms,) = (_of_100(side, "POSITIVE") for side in sides)
        yield _(
            "%(name)s: of 100 radiographs that show it, it finds %(found)s; of 100 that do not, %(alarms)s are false "
            "alarms. The patients were kept apart, the hospitals were not.",
            name=capitalize_first(class_name(label, facts)), found=found, alarms=alarms,
        )  # fmt: skip


def _lungs(metrics: Mapping[str, Any]) -> Iterator[str]:
    if metrics.get("dice"):
        yield _(
            "Of 100 parts its outline of the lungs shares %(share)s with one drawn by people, on %(n)s "
            "radiographs that it did not learn from.",
            share=round(100 * metrics["dice"]),
            n=whole(metrics["pictures"]),
        )
    yield _("A lung that is white with disease may be missed in part.")


def _screen(metrics: Mapping[str, Any]) -> Iterator[str]:
    parts = metrics.get("not_frontal", {})
    refused, mistaken = (
        list(parts.get(key, {}).values()) for key in ("refused by the gate or the screen", "frontal test films refused")
    )
    if refused and mistaken:
        yield _("Of 100 pictures that are not chest radiographs, it refuses %(n)s.", n=_flagged(refused))
        yield _("Of 100 chest radiographs, it refuses %(n)s by mistake.", n=_flagged(mistaken))


def _flagged(rows: Sequence[Mapping[str, int]]) -> str:
    return decimal(100 * sum(row["flagged"] for row in rows) / sum(row["n"] for row in rows), 1)


def _positive_name(facts: HeadFacts) -> str:
    # Model 1 learned both together.
    return str(_("COVID-19 or another pneumonia")) if facts.name == PROMISED[0] else class_name(facts.positive, facts)


def _elsewhere(facts: HeadFacts) -> dict[str, dict[str, int]]:
    """Add up, by true label, what a head called the radiographs of each source that was left out of its training."""
    found: dict[str, dict[str, int]] = {}
    for row in head_figures.called(facts, "left_out"):
        counts = found.setdefault(row["label"], {})
        for called, number in row["called"].items():
            counts[called] = counts.get(called, 0) + number
    return found


def _of_100(counts: Counts, *keys: str) -> list[int]:
    """Return the shares of some counts in 100."""
    return [round(100 * counts.get(key, 0) / max(sum(counts.values()), 1)) for key in keys]
