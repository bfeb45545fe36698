"""What a model is known to get wrong: sentences that are made from what was measured, so that they stay true."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import gettext as _

from web.render.figures import decimal, percent, shown, whole
from web.render.models.head_plots import audit, baselines
from web.render.models.terms import change, class_name, erasure
from xray.networks.metadata import HeadFacts

Record = Mapping[str, Any]


def known(facts: HeadFacts) -> list[str]:
    """Return one sentence for each weakness that the metadata shows."""
    return [
        sentence for part in (_shortcut, _one_sided, _elsewhere, _calibration, _changes) for sentence in part(facts)
    ]


def _shortcut(facts: HeadFacts) -> Iterator[str]:
    seen = {name: row for name, row in baselines(facts).items() if row["roc_auc"]}
    if seen:
        name, best = max(seen.items(), key=lambda each: each[1]["roc_auc"]["value"])
        yield _(
            "A plain regression that sees no lung (%(shown)s) reaches ROC AUC %(auc)s on the same films. So "
            "a large part of what the figures over all sources measure is the hospital, not the disease.",
            shown=erasure(name),
            auc=shown(best["roc_auc"]),
        )


def _one_sided(facts: HeadFacts) -> Iterator[str]:
    test: Any = facts.metrics.get("test")
    sources = test["sources"] if test else {}
    both = {name: row for name, row in sources.items() if row["positives"] and row["negatives"]}
    if sources:
        yield _(
            "%(count)s of the %(all)s sources of test films hold one class only: there, to know the hospital is to "
            "know the answer.",
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
    found = audit(facts)
    rows = [(row["left_out"], row["unseen"]) for row in found["leave_one_source_out"]] if found else []
    alarms = [(name, row) for name, row in rows if row["specificity"]]
    missed = [(name, row) for name, row in rows if row["sensitivity"]]
    if alarms:
        # By the interval's better end: the surest weakness, rather than one of five films.
        name, row = min(alarms, key=lambda each: each[1]["specificity"]["high"])
        yield _(
            "When %(source)s was left out of the training, %(share)s of its %(n)s negative films came to lie above the "
            "threshold.",
            source=name,
            share=percent(1 - row["specificity"]["value"]),
            n=whole(row["negatives"]),
        )
    if missed:
        name, row = min(missed, key=lambda each: each[1]["sensitivity"]["high"])
        yield _(
            "When %(source)s was left out of the training, %(share)s of its %(n)s positive films came to lie below the "
            "threshold.",
            source=name,
            share=percent(1 - row["sensitivity"]["value"]),
            n=whole(row["positives"]),
        )


def _calibration(facts: HeadFacts) -> Iterator[str]:
    if found := audit(facts):
        yield _(
            "A score is no probability: it is off by %(error)s on average.",
            error=decimal(found["calibration"]["expected_calibration_error"]),
        )


def _changes(facts: HeadFacts) -> Iterator[str]:
    found: Any = facts.metrics.get("audit")
    rows = [row for row in found["robustness"] if row["verdict_changed"] is not None] if found else []
    if rows:
        worst = max(rows, key=lambda row: row["verdict_changed"])
        yield _(
            "A change that should mean nothing (%(change)s) gives another verdict on %(share)s of the films.",
            change=change(worst["change"]),
            share=percent(worst["verdict_changed"]),
        )
    yield _(
        "It knows two answers, %(positive)s and %(negative)s: whatever else a film shows is pressed into one of them.",
        positive=class_name(facts.positive),
        negative=class_name(facts.negative),
    )
