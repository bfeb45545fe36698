"""What the pages of the backbone and of the screen show of their metadata.json."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask_babel import gettext as _

from web.render import charts
from web.render.charts import Words
from web.render.figures import Figure, decimal, percent, whole
from web.render.models.head_plots import Plot
from web.render.models.head_tables import Table
from web.render.models.terms import asked, check, class_name, kind_of_picture
from xray.networks.metadata import BackboneFacts, ScreenFacts


def accuracies(facts: BackboneFacts) -> Table:
    """List how often the backbone was right in its own exercises, on validation films."""
    rows = [(name, percent(value, 1)) for name, value in _exercises(facts.metrics)]
    return Table(_("Validation accuracy after training"), (_("films of"), _("right")), rows)


def _exercises(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    totals = {
        "balanced_accuracy": _("all classes, each counting the same"),
        "within": _("findings inside a source, each counting the same"),
    }
    for key, value in metrics.items():
        exercise = key.removeprefix("val_")
        label, _joint, source = exercise.partition("_")
        if exercise == key:
            continue
        if exercise in totals:
            yield totals[exercise], value
        elif label == "within":
            yield _("findings inside %(source)s", source=source), value
        else:
            yield f"{class_name(label)}, {source}", value


def checks(facts: ScreenFacts) -> Table:
    """List what the screen asks, and what follows."""
    rows = [
        (check(each.name), decimal(each.threshold), _("refused") if each.name == "not_frontal" else _("caution"))
        for each in facts.checks
    ]
    return Table(_("What it asks of every picture"), (_("question"), _("yes from"), _("then")), rows)


def screened(facts: ScreenFacts) -> dict[str, list[Plot]]:
    """Draw how many pictures of each kind the screen flagged, by its questions."""
    found: Any = facts.metrics
    return {
        name: [_flagged(f"{name}-{number}", asked(what), rows) for number, (what, rows) in enumerate(parts.items())]
        for name, parts in found.items()
    }


def _flagged(id: str, title: str, rows: Mapping[str, Mapping[str, Any]]) -> Plot:
    figures = [
        (kind_of_picture(name), Figure(row["flagged"] / row["n"], row["low"], row["high"]), "own")
        for name, row in rows.items()
    ]
    counts = [f"{whole(row['flagged'])} / {whole(row['n'])}" for row in rows.values()]
    desc = "; ".join(f"{name}: {value}" for name, value, _kind in figures)
    drawing = charts.forest(Words(id, title, desc), figures)
    table = [(name, count, str(value)) for (name, value, _kind), count in zip(figures, counts, strict=True)]
    return Plot(title, drawing, (_("pictures"), _("flagged / shown"), _("share")), table)
