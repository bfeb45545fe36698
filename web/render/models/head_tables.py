"""What a model's page lists of its metadata.json: tables that no drawing holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from web.formats import verdict
from web.render.figures import NONE, decimal, percent, shown, whole
from web.render.models.head_plots import audit, baselines
from web.render.models.terms import change, class_name, erasure, part
from xray.networks.metadata import HeadFacts

Record = Mapping[str, Any]
VERDICTS = ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")


@dataclass(frozen=True)
class Table:
    """Rows of words; the first of each names it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(facts: HeadFacts) -> dict[str, Table]:
    """List what the metadata holds; what it does not hold is left out.

    Args:
        facts: of a model.

    Returns:
        By name: `films` (trained on), `sources`, `parts`, `called`, `left_out`, `predictive`, `heat`, `changes`,
        `held_out`.
    """
    made: dict[str, Callable[[HeadFacts], Table]] = {
        "films": films,
        "sources": _sources,
        "parts": _parts,
        "called": _called,
        "left_out": _left_out,
        "predictive": _predictive,
        "heat": _heat,
        "changes": _changes,
        "held_out": _held_out,
    }
    found = {name: make(facts) for name, make in made.items()}
    return {name: table for name, table in found.items() if table.rows}


def films(facts: HeadFacts) -> Table:
    """List how many films and patients of each class and source a model learned from and was judged on."""
    found: Any = facts.training.get("films", [])
    splits = {"train": _("training"), "val": _("validation"), "test": _("test"), "held_out": _("held out")}
    counts: dict[str, dict[str, str]] = {}
    for row in sorted(found, key=lambda row: (row["source"], row["label"])):
        of = counts.setdefault(f"{class_name(row['label'])}, {row['source']}", {})
        of[row["split"]] = f"{whole(row['films'])} ({whole(row['patients'])})"
    rows = [(name, *(of.get(split, NONE) for split in splits)) for name, of in counts.items()]
    return Table(_("How many films"), (_("films (patients)"), *splits.values()), rows)


def _sources(facts: HeadFacts) -> Table:
    test = _test(facts)
    rows = [_group(_("all sources"), test["all"])] if test else []
    rows += [_group(name, row) for name, row in test.get("sources", {}).items()]
    rows += [_group(_("no lung: %(shown)s", shown=erasure(name)), row) for name, row in baselines(facts).items()]
    return Table(_("Source by source"), _figures(), rows)


def _parts(facts: HeadFacts) -> Table:
    test = _test(facts)
    names = {"views": _("view"), "sexes": _("sex"), "ages": _("age")}
    rows = [_group(f"{names[kind]}: {part(key)}", row) for kind in names for key, row in test.get(kind, {}).items()]
    if test.get("children"):
        rows.append(_group(_("the children’s published test part"), test["children"]))
    return Table(_("By view, sex and age, where the publishers say them"), _figures(), rows)


def _called(facts: HeadFacts) -> Table:
    found: Any = facts.metrics.get("called_positive", [])
    rows = [_verdicts(f"{class_name(row['label'])}, {row['source']}", row) for row in found]
    return Table(_("Verdicts by class and source"), _verdict_head(), rows)


def _held_out(facts: HeadFacts) -> Table:
    found: Any = facts.metrics.get("held_out", [])
    rows = [_verdicts(class_name(row["label"]), row) for row in found]
    return Table(_("The reference article’s held-out films"), _verdict_head(), rows)


def _left_out(facts: HeadFacts) -> Table:
    found = audit(facts)
    rows = [
        (*_group(row["left_out"], row["unseen"]), decimal(row["threshold"]))
        for row in (found["leave_one_source_out"] if found else [])
    ]
    return Table(_("In a hospital that it did not learn from"), (*_figures(), _("threshold")), rows)


def _predictive(facts: HeadFacts) -> Table:
    found = audit(facts)
    rows = [
        (percent(row["prevalence"]), percent(row["positive"], 1), percent(row["negative"], 1))
        for row in (found["predictive_values"] if found else [])
    ]
    head = (_("of all who are filmed, ill"), _("positive answers that are right"), _("negative answers that are right"))
    return Table(_("How often an answer would be right"), head, rows)


def _heat(facts: HeadFacts) -> Table:
    rows = [
        (
            f"{class_name(row['label'])}, {row['source']}",
            whole(row["n"]),
            NONE if row["in_lungs"] is None else percent(row["in_lungs"]),
            NONE if row["area"] is None else percent(row["area"]),
        )
        for row in _audited(facts, "heat")
    ]
    return Table(_("Heat inside the lungs"), (_("films of"), _("films"), _("heat in the lungs"), _("lung")), rows)


def _changes(facts: HeadFacts) -> Table:
    rows = [
        (
            change(row["change"]),
            _number(row["shift_median"], decimal),
            _number(row["shift_p95"], decimal),
            _number(row["verdict_changed"], _per_cent),
            _number(row["refused"], _per_cent),
        )
        for row in _audited(facts, "robustness")
    ]
    head = (
        _("change"),
        _("score moves (median)"),
        _("score moves (95th percentile)"),
        _("another verdict"),
        _("refused"),
    )
    return Table(_("What harmless changes do"), head, rows)


def _figures() -> tuple[str, ...]:
    return (_("films of"), _("films"), _("patients"), _("ROC AUC"), _("sensitivity"), _("specificity"))


def _group(name: str, row: Record) -> tuple[str, ...]:
    figures = (shown(row[figure]) for figure in ("roc_auc", "sensitivity", "specificity"))
    return (name, whole(row["n"]), whole(row["patients"]), *figures)


def _verdict_head() -> tuple[str, ...]:
    return (_("films of"), _("films"), _("patients"), _("at or above the threshold"), *map(verdict, VERDICTS))


def _verdicts(name: str, row: Record) -> tuple[str, ...]:
    counts = (whole(row[name]) for name in VERDICTS)
    return (name, whole(row["n"]), whole(row["patients"]), shown(row["called_positive"]), *counts)


def _test(facts: HeadFacts) -> Record:
    found: Any = facts.metrics.get("test", {})
    return found  # type: ignore[no-any-return]  # as training wrote it


def _audited(facts: HeadFacts, what: str) -> Sequence[Record]:
    found: Any = facts.metrics.get("audit")
    return found[what] if found else []


def _number(value: float | None, write: Callable[[float], str]) -> str:
    return NONE if value is None else write(value)


def _per_cent(share: float) -> str:
    return percent(share, 1)
