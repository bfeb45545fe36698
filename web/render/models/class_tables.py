"""What the page of a model of several classes shows of its metadata.json."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from web.render.figures import decimal, percent, shown, whole
from web.render.models.head_tables import Table, films
from web.render.models.terms import class_name, erasure
from xray.networks.metadata import HeadFacts

Record = Mapping[str, Any]
FIGURES = ("roc_auc", "sensitivity", "specificity")


def tables(facts: HeadFacts) -> dict[str, Table]:
    """List what the metadata holds; what it does not hold is left out.

    Returns:
        By name: `points`, `films`, `figures`, `left_out`, `inside`, `sources`.
    """
    found = {"points": _points(facts), "films": films(facts)}
    metrics: Any = facts.metrics
    if "test" in metrics:
        test = metrics["test"]
        beside = {_("all sources"): test["all"]}
        beside |= {_("no lung: %(shown)s", shown=erasure(name)): row for name, row in metrics["baselines"].items()}
        found |= {
            "figures": _figures(_("All sources mixed"), beside),
            "left_out": _figures(_("In a hospital that it did not learn from"), metrics["left_out"]),
            "inside": _figures(_("Learned and judged inside one source"), metrics["inside"]),
            "sources": _figures(_("Source by source"), test["sources"]),
        }
    return {name: table for name, table in found.items() if table.rows}


def beside(facts: HeadFacts) -> dict[str, Record]:
    """Return the mean ROC AUC of the predictors that see no lung, by what was erased."""
    found: Any = facts.metrics.get("baselines", {})
    return {name: row["macro"]["roc_auc"] for name, row in found.items()}


def failures(facts: HeadFacts) -> list[str]:
    """Return one sentence for each weakness that the metadata shows."""
    metrics: Any = facts.metrics
    found = []
    if baselines := beside(facts):
        name, best = max(baselines.items(), key=lambda each: each[1]["value"])
        sentence = _(
            "A plain regression that sees no lung (%(shown)s) reaches a mean ROC AUC of %(auc)s on the same films. So "
            "a part of what the figures over all sources measure is the hospital, not the disease.",
            shown=erasure(name),
            auc=shown(best),
        )
        found.append(str(sentence))
    if "test" in metrics:
        rows = metrics["test"]["all"]["verdicts"]
        open_, total = sum(row[-1] for row in rows), sum(map(sum, rows))
        found.append(str(_("It does not decide on %(share)s of the test films.", share=percent(open_ / total))))
    parts = {name: row for name, row in metrics.get("left_out", {}).items() if row["macro"]["sensitivity"]}
    if parts:
        name, row = min(parts.items(), key=lambda each: each[1]["macro"]["sensitivity"]["value"])
        sentence = _(
            "When %(source)s was left out of the training, it gave %(share)s of that source’s films their own class "
            "the highest score, each class counting the same.",
            source=name,
            share=percent(row["macro"]["sensitivity"]["value"]),
        )
        found.append(str(sentence))
    names = ", ".join(class_name(label) for label in facts.labels)
    pressed = _(
        "It knows these answers and no other: %(names)s. Whatever else a film shows is pressed into them.", names=names
    )
    return [*found, str(pressed)]


def _points(facts: HeadFacts) -> Table:
    rows = [
        (class_name(label), decimal(point.threshold, 4))
        for label, point in zip(facts.labels, facts.points, strict=True)
    ]
    return Table(_("Thresholds"), (_("class"), _("plausible from")), rows)


def _figures(title: str, parts: Mapping[str, Record]) -> Table:
    rows = []
    for name, part in parts.items():
        means = (shown(part["macro"][key]) for key in FIGURES)
        rows.append((name, _("all, each counting the same"), whole(part["n"]), *means))
        for label, row in part["classes"].items():
            if row["n"]:
                rows.append((name, class_name(label), whole(row["n"]), *(shown(row[key]) for key in FIGURES)))
    head = (_("films of"), _("class"), _("films"), _("ROC AUC"), _("sensitivity"), _("specificity"))
    return Table(title, head, rows)
