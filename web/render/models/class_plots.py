"""What the page of a model of several classes draws of its metadata.json."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _

from web.render import charts
from web.render.charts import Words
from web.render.figures import Figure, whole
from web.render.models.head_plots import Plot
from web.render.models.terms import class_name, erasure
from xray.networks.metadata import HeadFacts

Record = Mapping[str, Any]
Rows = list[tuple[str, Figure, str]]


def plots(facts: HeadFacts) -> dict[str, Plot]:
    """Draw what the metadata holds.

    Returns:
        By name: `roc_auc` (each class, and the means beside those without lungs and elsewhere), `confusion` and
        `verdicts`; nothing for a model that was not tested.
    """
    metrics: Any = facts.metrics
    if "test" not in metrics:
        return {}
    test = metrics["test"]["all"]
    return {
        "roc_auc": _areas(metrics),
        "confusion": _matrix(facts, "confusion", _("The class with the highest score"), test["confusion"]),
        "verdicts": _matrix(facts, "verdicts", _("Verdicts on the test films"), test["verdicts"]),
    }


def _areas(metrics: Record) -> Plot:
    test = metrics["test"]["all"]
    seen = [(_("mean of the classes"), test["macro"]["roc_auc"], "own")]
    seen += [(class_name(label), row["roc_auc"], "own") for label, row in test["classes"].items()]
    seen += [
        (_("mean, no lung: %(shown)s", shown=erasure(name)), row["macro"]["roc_auc"], "baseline")
        for name, row in metrics["baselines"].items()
    ]
    seen += list(_apart(metrics))
    rows: Rows = [(name, figure, kind) for name, row, kind in seen if (figure := Figure.of(row))]
    title = _("ROC AUC, each class against the rest")
    desc = "; ".join(f"{name}: {figure}" for name, figure, _kind in rows)
    drawing = charts.forest(Words("roc_auc", title, desc), rows, reference=0.5)
    return Plot(title, drawing, (_("films of"), _("ROC AUC")), [(name, str(figure)) for name, figure, _kind in rows])


def _apart(metrics: Record) -> Iterator[tuple[str, Record | None, str]]:
    for name, row in metrics["inside"].items():
        yield _("mean, %(source)s alone", source=name), row["macro"]["roc_auc"], "apart"
    for name, row in metrics["left_out"].items():
        yield _("mean, %(source)s left out", source=name), row["macro"]["roc_auc"], "apart"


def _matrix(facts: HeadFacts, id: str, title: str, counts: Sequence[Sequence[int]]) -> Plot:
    """Draw who was called what: a column for what films are, a row for what was said."""
    # In few letters: each stands in a cell.
    short: dict[str, str] = {"pneumonia": _("pneumonia"), "bacterial": _("bacterial"), "viral": _("viral")}
    truths = [short.get(label) or class_name(label) for label in facts.labels]
    said = [*truths, _("undecided")][: len(counts[0])]
    desc = _("Columns: what the films are. Rows: what the model said of them, with its share of the column.")
    rows = [(name, [row[index] for row in counts]) for index, name in enumerate(said)]
    drawing = charts.matrix(Words(id, title, desc), truths, rows)
    return Plot(title, drawing, ["", *truths], [[name, *map(whole, column)] for name, column in rows], desc)
