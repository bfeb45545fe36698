"""What the training radiographs look like before any network sees them: the figures of static/data/ as charts.

`python -m training explore` writes them.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from web.i18n import NONE, decimal, percent, whole
from web.render import charts
from web.render.charts import Plot, Words
from web.render.findings import class_name
from web.render.models.tables import Table
from web.render.models.terms import group_name
from web.settings import ROOT
from web.translation import gettext as _

Figures = Mapping[str, Any]
FOLDER = ROOT / "static" / "data"
CLASSES = ("covid", "normal", "pneumonia")


def read() -> Figures | None:
    """Return the figures; None where the training kit has not made any."""
    try:
        found: Figures = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def name_of(by: str, name: str) -> str:
    """Name a group of radiographs: a class, or a source, whose name stays."""
    return class_name(name) if by == "label" else name


def grouped(figures: Figures, by: str) -> list[Mapping[str, Any]]:
    """Return the groups by `label` or by `source`, each with its mean image and grey values."""
    return [group for group in figures["groups"] if group["by"] == by]


def sources(figures: Figures) -> list[str]:
    """Return the names of the sources that were counted."""
    return sorted({row["source"] for row in figures["counts"]["source_label_split"]})


def where_from(figures: Figures) -> Table:
    """List how many radiographs of each class came from each source, with the share of the class."""
    counts = _films(figures, "source_label_split", "source")
    totals = {label: sum(films for (_source, each), films in counts.items() if each == label) for label in CLASSES}
    rows = [
        (source, *(_share(counts.get((source, label), 0), totals[label]) for label in CLASSES))
        for source in sources(figures)
    ]
    return Table(_("Radiographs by source and class"), (_("source"), *map(class_name, CLASSES)), rows)


def _share(count: int, total: int) -> str:
    return f"{whole(count)} ({percent(count / total, 1)})" if count else NONE


def splits(figures: Figures) -> Table:
    """List what the radiographs of each source and class were used for."""
    names = {"train": _("training"), "val": _("validation"), "test": _("test"), "held_out": _("held out")}
    rows = [
        (f"{class_name(label)}, {source}", *(whole(found.get(split, 0)) for split in names))
        for (source, label), found in _nested(figures["counts"]["source_label_split"])
    ]
    return Table(_("What they were used for"), (_("radiographs"), *names.values()), rows)


def people(figures: Figures, column: str) -> Table:
    """List the radiographs of each class by `sex` or `age` of the patient."""
    counts = _films(figures, f"label_{column}", column)
    names = sorted({name for name, _label in counts}, key=lambda name: (name == "not stated", "over" in name, name))
    rows = [(group_name(name), *(whole(counts.get((name, label), 0)) for label in CLASSES)) for name in names]
    titles = {"sex": _("By sex"), "age": _("By age")}
    return Table(titles[column], (_("radiographs"), *map(class_name, CLASSES)), rows)


def greys(figures: Figures, by: str, measured: str) -> Plot:
    """Draw the distribution of the grey values of each group.

    Args:
        figures: of `read`.
        by: label or source.
        measured: whole or lungs.
    """
    titles = {"whole": _("Grey values, whole image"), "lungs": _("Grey values, lungs alone")}
    rows = [(name_of(by, each["name"]), each[measured]) for each in grouped(figures, by)]
    ends = (_("black"), _("white"))
    return _ridges(f"greys-{by}-{measured}", titles[measured], rows, ends, _("share of the pixels"))


def spread(figures: Figures, by: str, component: str) -> Plot:
    """Draw how the radiographs of each group spread along a component of the whole images.

    Args:
        figures: of `read`.
        by: label or source.
        component: first or second.
    """
    titles = {"first": _("Along the first component"), "second": _("Along the second component")}
    [whole_images] = [each for each in figures["components"] if each["of"] == "whole"]
    rows = [(name_of(by, each["name"]), each[component]) for each in whole_images["groups"] if each["by"] == by]
    ends = (_("like the dark parts"), _("like the bright parts"))
    return _ridges(f"spread-{by}-{component}", titles[component], rows, ends, _("share of the radiographs"))


def from_border(figures: Figures) -> Table:
    """List what a plain regression tells from the border of an image alone."""
    names = {
        "source": _("where the radiograph comes from"),
        "label": _("what it shows"),
        "view": _("the view, PA or AP"),
        "sex": _("the sex"),
        "age": _("the age group"),
    }
    rows = [
        (names[each["of"]], whole(each["n"]), percent(each["balanced_accuracy"]), percent(each["chance"]))
        for each in figures["told_from_border"]
    ]
    head = (_("what is told"), _("radiographs"), _("right"), _("right by guessing"))
    return Table(_("Told from the border alone"), head, rows)


def _ridges(id: str, title: str, rows: Sequence[tuple[str, Sequence[float]]], ends: tuple[str, str], unit: str) -> Plot:
    """Draw a histogram for each group, one below the other, with the quarters of its distribution as a table."""
    quarters = (0.25, 0.5, 0.75)
    table = [(name, *(decimal(_quantile(shares, quarter), 2) for quarter in quarters)) for name, shares in rows]
    desc = _("For each group how often a value occurs, from the left end, 0, to the right end, 1: %(unit)s.", unit=unit)
    head = (_("group"), _("a quarter lies below"), _("half lies below"), _("three quarters lie below"))
    return Plot(title, charts.ridges(Words(id, title, desc), rows, ends), head, table)


def _quantile(shares: Sequence[float], wanted: float) -> float:
    """Return where, from 0 to 1, a share of a histogram lies to the left."""
    below = 0.0
    for index, share in enumerate(shares):
        if share and below + share >= wanted:
            return (index + (wanted - below) / share) / len(shares)
        below += share
    return 1.0


def _films(figures: Figures, counted: str, column: str) -> dict[tuple[str, str], int]:
    """Add up the radiographs by a column and the label."""
    found: dict[tuple[str, str], int] = {}
    for row in figures["counts"][counted]:
        key = row[column], row["label"]
        found[key] = found.get(key, 0) + row["films"]
    return found


def _nested(rows: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str, str], dict[str, int]]]:
    """Return the radiographs of each source and label, by split; the rows are sorted by both."""
    pairs = groupby(rows, key=lambda row: (row["source"], row["label"]))
    return [(key, {row["split"]: row["films"] for row in of}) for key, of in pairs]
