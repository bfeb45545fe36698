"""What the page of a multi-label model shows of its metadata.json."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import gettext as _

from web.render import charts
from web.render.charts import Words
from web.render.figures import Figure, decimal, shown, whole
from web.render.models.head_plots import Plot
from web.render.models.head_tables import Table, films
from web.render.models.terms import class_name, erasure
from xray.networks.metadata import HeadFacts

Record = Mapping[str, Any]
FIGURES = ("roc_auc", "sensitivity", "specificity")


def tables(facts: HeadFacts) -> dict[str, Table]:
    """List what the metadata holds: `points`, `films`, and the figures of each finding by its label."""
    rows = [
        (
            class_name(label),
            decimal(point.threshold, 4),
            decimal(point.negative_below, 4),
            decimal(point.positive_from, 4),
        )
        for label, point in zip(facts.labels, facts.points, strict=True)
    ]
    head = (_("finding"), _("threshold"), _("negative below"), _("positive from"))
    found = {"points": Table(_("Thresholds"), head, rows), "films": films(facts)}
    found |= {label: _figures(label, row) for label, row in _labels(facts).items()}
    return {name: table for name, table in found.items() if table.rows}


def plots(facts: HeadFacts) -> list[Plot]:
    """Draw the ROC AUC of each finding beside those without lungs and elsewhere."""
    return [_areas(label, row) for label, row in _labels(facts).items()]


def failures(facts: HeadFacts) -> list[str]:
    """Return one sentence for each finding, and what no finding says."""
    found = []
    for label, row in _labels(facts).items():
        name, best = max(row["baselines"].items(), key=lambda each: each[1]["roc_auc"]["value"])
        sentence = _(
            "%(finding)s: ROC AUC %(auc)s on the test films; a plain regression that sees no lung (%(shown)s) reaches "
            "%(without)s.",
            finding=class_name(label),
            auc=shown(row["test"]["all"]["roc_auc"]),
            shown=erasure(name),
            without=shown(best["roc_auc"]),
        )
        found.append(str(sentence))
        elsewhere = {source: part for source, part in row["left_out"].items() if part["roc_auc"]}
        if elsewhere:
            source, part = min(elsewhere.items(), key=lambda each: each[1]["roc_auc"]["value"])
            sentence = _(
                "%(finding)s: ROC AUC %(auc)s where %(source)s was left out of the training.",
                finding=class_name(label),
                auc=shown(part["roc_auc"]),
                source=source,
            )
            found.append(str(sentence))
    names = ", ".join(class_name(label) for label in facts.labels)
    return [*found, str(_("It knows these findings and no other: %(names)s.", names=names))]


def _labels(facts: HeadFacts) -> dict[str, Record]:
    found: Any = facts.metrics.get("labels", {})
    return {label: found[label] for label in facts.labels if label in found}


def _parts(row: Record) -> Iterator[tuple[str, Record, str]]:
    yield _("all sources"), row["test"]["all"], "own"
    for name, part in row["baselines"].items():
        yield _("no lung: %(shown)s", shown=erasure(name)), part, "baseline"
    for name, part in row["inside"].items():
        yield _("%(source)s alone", source=name), part, "apart"
    for name, part in row["left_out"].items():
        yield _("%(source)s left out", source=name), part, "apart"


def _areas(label: str, row: Record) -> Plot:
    rows = [(name, value, kind) for name, part, kind in _parts(row) if (value := Figure.of(part["roc_auc"]))]
    title = _("ROC AUC, %(finding)s", finding=class_name(label))
    desc = "; ".join(f"{name}: {value}" for name, value, _kind in rows)
    drawing = charts.forest(Words(f"roc-{label}", title, desc), rows, reference=0.5)
    return Plot(title, drawing, (_("films of"), _("ROC AUC")), [(name, str(value)) for name, value, _kind in rows])


def _figures(label: str, row: Record) -> Table:
    rows = [
        (name, whole(part["n"]), whole(part["positives"]), *(shown(part[key]) for key in FIGURES))
        for name, part, _kind in _parts(row)
    ]
    head = (_("films of"), _("films"), _("with it"), _("ROC AUC"), _("sensitivity"), _("specificity"))
    return Table(_("All figures: %(finding)s", finding=class_name(label)), head, rows)
