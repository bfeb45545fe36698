"""Known failures of a head: sentences made from its figures, so that they stay true."""

from collections.abc import Callable, Iterator

from web.i18n import decimal, percent, shown, whole
from web.render.findings import class_name
from web.render.models.terms import change, erasure
from web.translation import gettext as _
from xray import head_figures
from xray.head_figures import MEAN
from xray.networks.metadata import HeadFacts

CHANCE = 0.5


def failures(facts: HeadFacts) -> list[str]:
    """Return one sentence for each weakness that the figures of a head show."""
    if facts.is_own:
        warnings = facts.training["data"]["warnings"]  # type: ignore[index]  # as `retrain` wrote it
        return [*warnings, *(str(sentence) for sentence in _own(facts))]
    parts: tuple[Callable[[HeadFacts], Iterator[str]], ...]
    if facts.is_pair:
        parts = (_shortcut, _one_sided, _elsewhere, _calibration, _changes, _two_answers)
    elif facts.exclusive:
        parts = (_shortcut, _undecided, _mean_elsewhere, _several_answers)
    else:
        parts = (_findings,)
    return [str(sentence) for part in parts for sentence in part(facts)]


def _own(facts: HeadFacts) -> Iterator[str]:
    """Say what a user's own model cannot do; what its radiographs give reason to doubt stands before it."""
    label = head_figures.measured_labels(facts)[0]
    best = head_figures.strongest_baseline(facts, label)
    if best and not head_figures.too_few(facts, label) and (best.figures["roc_auc"]["low"] or 0) > CHANCE:
        yield _(
            "A plain regression that sees no lung (%(shown)s) reaches ROC AUC %(auc)s on the same radiographs: "
            "a part of the answer lies outside the lungs, and will not hold elsewhere.",
            shown=erasure(best.name),
            auc=shown(best.figures["roc_auc"]),
        )
    if facts.decides:
        yield from _undecided(facts)
    if facts.exclusive:
        yield from _two_answers(facts) if facts.is_pair else _several_answers(facts)
    else:
        names = ", ".join(class_name(label, facts) for label in facts.labels)
        yield _("It knows these findings and no other: %(names)s.", names=names)


def _shortcut(facts: HeadFacts) -> Iterator[str]:
    best = head_figures.strongest_baseline(facts, facts.positive if facts.is_pair else MEAN)
    if not best:
        return
    auc, seen = shown(best.figures["roc_auc"]), erasure(best.name)
    if facts.is_pair:
        yield _(
            "A simple model that sees no lungs (%(shown)s) reaches ROC AUC %(auc)s on the same radiographs. So "
            "a large part of what the figures over all sources measure is the hospital, not the disease.",
            shown=seen, auc=auc,
        )  # fmt: skip
    else:
        yield _(
            "A simple model that sees no lungs (%(shown)s) reaches a mean ROC AUC of %(auc)s on the same "
            "radiographs. So a part of what the figures over all sources measure is the hospital, not the "
            "disease.",
            shown=seen, auc=auc,
        )  # fmt: skip


def _one_sided(facts: HeadFacts) -> Iterator[str]:
    sources = {part.name: part.figures for part in head_figures.parts(facts, facts.positive, "sources")}
    both = {name: row for name, row in sources.items() if row["positives"] and row["negatives"]}
    if sources:
        yield _(
            "%(count)s of the %(all)s sources of test radiographs have one class only: there, whoever knows "
            "the hospital knows the answer.",
            count=len(sources) - len(both),
            all=len(sources),
        )
    for name, row in both.items():
        yield _(
            "Inside %(source)s, where both classes come from (%(positives)s and %(negatives)s films), the ROC AUC is "
            "%(auc)s.",
            source=name,
            positives=whole(row["positives"]),
            negatives=whole(row["negatives"]),
            auc=shown(row["roc_auc"]),
        )


def _elsewhere(facts: HeadFacts) -> Iterator[str]:
    rows = [(part.name, part.figures) for part in head_figures.parts(facts, facts.positive, "left_out")]
    alarms = [(name, row) for name, row in rows if row["specificity"]]
    missed = [(name, row) for name, row in rows if row["sensitivity"]]
    if alarms:
        # By the interval's better end: the surest weakness, rather than one of five radiographs.
        name, row = min(alarms, key=lambda each: each[1]["specificity"]["high"])
        yield _(
            "%(source)s, by a head that learned nothing of it: %(share)s of its %(n)s negative radiographs scored "
            "above the threshold.",
            source=name,
            share=percent(1 - row["specificity"]["value"]),
            n=whole(row["negatives"]),
        )
    if missed:
        name, row = min(missed, key=lambda each: each[1]["sensitivity"]["high"])
        yield _(
            "%(source)s, by a head that learned nothing of it: %(share)s of its %(n)s positive radiographs scored "
            "below the threshold.",
            source=name,
            share=percent(1 - row["sensitivity"]["value"]),
            n=whole(row["positives"]),
        )


def _calibration(facts: HeadFacts) -> Iterator[str]:
    if found := head_figures.audit(facts).get("calibration"):
        yield _(
            "A score is not a probability: taken as one, it is off by %(error)s on average.",
            error=decimal(found["expected_calibration_error"]),
        )


def _changes(facts: HeadFacts) -> Iterator[str]:
    rows = head_figures.audit(facts).get("robustness", [])
    rows = [row for row in rows if row["verdict_changed"] is not None]
    if rows:
        worst = max(rows, key=lambda row: row["verdict_changed"])
        yield _(
            "A change that should mean nothing (%(change)s) gives another verdict on %(share)s of the radiographs.",
            change=change(worst["change"]),
            share=percent(worst["verdict_changed"]),
        )


def _two_answers(facts: HeadFacts) -> Iterator[str]:
    yield _(
        "It knows two answers, %(positive)s and %(negative)s: whatever else a radiograph shows gets one of them.",
        positive=class_name(facts.positive, facts),
        negative=class_name(facts.negative, facts),
    )


def _undecided(facts: HeadFacts) -> Iterator[str]:
    if found := head_figures.confusion(facts):
        open_, total = sum(row[-1] for row in found["called"]), sum(map(sum, found["called"]))
        yield _("It does not decide on %(share)s of the test radiographs.", share=percent(open_ / total))


def _mean_elsewhere(facts: HeadFacts) -> Iterator[str]:
    found = [part for part in head_figures.parts(facts, MEAN, "left_out") if part.figures["sensitivity"]]
    if found:
        worst = min(found, key=lambda part: float(part.figures["sensitivity"]["value"]))
        yield _(
            "%(source)s, by a head that learned nothing of it: %(share)s of its radiographs got the highest score for "
            "their own class, each class counting the same.",
            source=worst.name,
            share=percent(worst.figures["sensitivity"]["value"]),
        )


def _several_answers(facts: HeadFacts) -> Iterator[str]:
    names = ", ".join(class_name(label, facts) for label in facts.labels)
    yield _(
        "It knows these answers and no other: %(names)s. Whatever else a radiograph shows gets one of them.",
        names=names,
    )


def _findings(facts: HeadFacts) -> Iterator[str]:
    for label in head_figures.measured_labels(facts):
        test, best = head_figures.tested(facts, label), head_figures.strongest_baseline(facts, label)
        if test and best:
            yield _(
                "%(finding)s: ROC AUC %(auc)s on the test radiographs; a simple model that sees no lungs "
                "(%(shown)s) reaches %(without)s.",
                finding=class_name(label, facts),
                auc=shown(test["roc_auc"]),
                shown=erasure(best.name),
                without=shown(best.figures["roc_auc"]),
            )
        elsewhere = [part for part in head_figures.parts(facts, label, "left_out") if part.figures["roc_auc"]]
        if elsewhere:
            worst = min(elsewhere, key=lambda part: float(part.figures["roc_auc"]["value"]))
            yield _(
                "%(finding)s: ROC AUC %(auc)s in %(source)s, by a head that learned nothing of it.",
                finding=class_name(label, facts),
                auc=shown(worst.figures["roc_auc"]),
                source=worst.name,
            )
    names = ", ".join(class_name(label, facts) for label in facts.labels)
    yield _("It knows these findings and no other: %(names)s.", names=names)
