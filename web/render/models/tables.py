"""Tables of the model pages: what no chart holds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from web.i18n import NONE, decimal, percent, shown, verdict, whole
from web.render.findings import class_name, finding_name, finding_words, of_100
from web.render.models.terms import change, check, part_name
from web.translation import gettext as _
from xray import answers, head_figures
from xray.answers import Group
from xray.finding import Finding, of_label
from xray.head_figures import FIGURES, MEAN, UNDECIDED
from xray.networks.metadata import BackboneFacts, HeadFacts, ScreenFacts

Record = Mapping[str, Any]
VERDICTS = ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")


@dataclass(frozen=True)
class Table:
    """Rows of words; the first of each names it."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(facts: HeadFacts) -> dict[str, Table]:
    """List what the metadata of a head holds; what it does not hold is left out.

    Returns:
        By name: `points`, `films` (trained on), `got` and `worth` (its answers), `got_together` and `worth_together`
        (of models 1 and 2), `figures`, `sources`, `parts` (by view, sex and age), `called`, `left_out`, `inside`,
        `heat`, `changes`, `held_out`; of labels that do not exclude each other `label NAME`, the figures of each.
    """
    groups, both = answers.of_head(facts), answers.of_both(facts)
    made = {
        "points": _points(facts), "films": _films(facts),
        "got": _got(_("What this model answered"), groups, facts),
        "worth": _worth(_("What an answer would be worth"), groups, facts),
        "got_together": _got(_("What models 1 and 2 answered together"), both, facts),
        "worth_together": _worth(_("What their answer would be worth"), both, facts),
    }  # fmt: skip
    if facts.is_pair:
        made |= {
            "sources": _figures(_("Source by source"), facts, "all", "sources", "baselines"),
            "parts": _figures(
                _("By view, sex and age, where they are known"), facts, "views", "sexes", "ages", "children"
            ),
            "called": _called(_("Verdicts by class and source"), facts, "test"),
            "left_out": _left_out(facts),
            "held_out": _called(_("The reference article’s held-out radiographs"), facts, "held_out"),
        }
    elif facts.exclusive:
        made |= {
            "figures": _by_class(_("All sources mixed"), facts, "all", "baselines"),
            "left_out": _by_class(_("In a hospital that it did not learn from"), facts, "left_out"),
            "inside": _by_class(_("Learned and judged inside one source"), facts, "inside"),
            "sources": _by_class(_("Source by source"), facts, "sources"),
        }
    else:
        made |= {f"label {label}": _of_label(facts, label) for label in head_figures.measured_labels(facts)}
    made |= {"heat": _heat(facts), "changes": _changes(facts)}
    return {name: table for name, table in made.items() if table.rows}


def accuracies(facts: BackboneFacts) -> Table:
    """List how often the backbone was right in its training tasks, on the validation split."""
    rows = [(name, percent(value, 1)) for name, value in _tasks(facts.metrics)]
    return Table(_("Validation accuracy after training"), (_("radiographs of"), _("right")), rows)


def checks(facts: ScreenFacts) -> Table:
    """List the checks of the screen, and what follows from each."""
    rows = [
        (check(each.name), decimal(each.threshold), _("refused") if each.name == "not_frontal" else _("caution"))
        for each in facts.checks
    ]
    return Table(_("What it asks of every picture"), (_("question"), _("yes from"), _("then")), rows)


def _tasks(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    totals = {
        "balanced_accuracy": _("all classes, each counting the same"),
        "within": _("findings inside a source, each counting the same"),
    }
    for key, value in metrics.items():
        task = key.removeprefix("val_")
        label, _joint, source = task.partition("_")
        if task == key:
            continue
        if task in totals:
            yield totals[task], value
        elif label == "within":
            yield _("findings inside %(source)s", source=source), value
        else:
            yield f"{class_name(label)}, {source}", value


def _points(facts: HeadFacts) -> Table:
    names = ("negative_below",) if facts.exclusive else ("threshold", "negative_below", "positive_from")
    rows = [
        (class_name(label, facts), *(decimal(getattr(point, name), 4) if point.decides else NONE for name in names))
        for label, point in zip(facts.labels, facts.points, strict=True)
        if not facts.is_pair
    ]
    head: tuple[str, ...] = (_("class"), _("plausible from"))
    if not facts.exclusive:
        head = (_("finding"), _("threshold"), _("negative below"), _("positive from"))
    return Table(_("Thresholds"), head, rows)


def _films(facts: HeadFacts) -> Table:
    """List how many radiographs and patients of each label and source the head was trained and tested on."""
    found: Any = facts.training.get("films", [])
    splits = {"train": _("training"), "val": _("validation"), "test": _("test"), "held_out": _("held out")}
    counts: dict[str, dict[str, str]] = {}
    for row in sorted(found, key=lambda row: (row["source"], row["label"])):
        of = counts.setdefault(f"{class_name(row['label'], facts)}, {row['source']}", {})
        of[row["split"]] = f"{whole(row['films'])} ({whole(row['patients'])})"
    rows = [(name, *(of.get(split, NONE) for split in splits)) for name, of in counts.items()]
    return Table(_("How many radiographs"), (_("radiographs (patients)"), *splits.values()), rows)


def _figures(title: str, facts: HeadFacts, *kinds: str) -> Table:
    rows = [_row(part_name(part), part.figures) for part in head_figures.parts(facts, facts.positive, *kinds)]
    return Table(title, _figure_head(), rows)


def _figure_head() -> tuple[str, ...]:
    return (_("radiographs of"), _("radiographs"), _("patients"), _("ROC AUC"), _("sensitivity"), _("specificity"))


def _row(name: str, row: Record) -> tuple[str, ...]:
    return (name, whole(row["n"]), whole(row["patients"]), *_areas(row))


def _areas(row: Record) -> tuple[str, ...]:
    return tuple(shown(row[figure]) for figure in FIGURES)


def _by_class(title: str, facts: HeadFacts, *kinds: str) -> Table:
    """List the figures of each part by label, the mean of the labels first; labels without radiographs are left out."""
    rows = [
        (
            part.name if part.kind in ("left_out", "inside") else part_name(part),
            _("all, each counting the same") if label == MEAN else class_name(label, facts),
            whole(part.figures["n" if label == MEAN else "positives"]),
            *_areas(part.figures),
        )
        for label, part in head_figures.by_label(facts, head_figures.measured_labels(facts), *kinds)
    ]
    head = (_("radiographs of"), _("class"), _("radiographs"), _("ROC AUC"), _("sensitivity"), _("specificity"))
    return Table(title, head, rows)


def _of_label(facts: HeadFacts, label: str) -> Table:
    rows = [
        (part_name(part), whole(part.figures["n"]), whole(part.figures["positives"]), *_areas(part.figures))
        for part in head_figures.parts(facts, label, "all", "baselines", "inside", "left_out")
    ]
    head = (_("radiographs of"), _("radiographs"), _("with it"), _("ROC AUC"), _("sensitivity"), _("specificity"))
    return Table(_("All figures: %(finding)s", finding=class_name(label, facts)), head, rows)


def _called(title: str, facts: HeadFacts, part: str) -> Table:
    keys = {"POSITIVE": facts.positive, "INCONCLUSIVE": UNDECIDED, "NEGATIVE": facts.negative}
    rows = [
        (
            ", ".join(filter(None, (class_name(row["label"], facts), row["source"]))),
            whole(row["n"]),
            whole(row["patients"]),
            shown(row["called_positive"]),
            *(whole(row["called"][keys[name]]) for name in VERDICTS),
        )
        for row in head_figures.called(facts, part)
    ]
    head = (
        _("radiographs of"),
        _("radiographs"),
        _("patients"),
        _("at or above the threshold"),
        *map(verdict, VERDICTS),
    )
    return Table(title, head, rows)


def _left_out(facts: HeadFacts) -> Table:
    rows = [_row(part.name, part.figures) for part in head_figures.parts(facts, facts.positive, "left_out")]
    return Table(_("In a hospital that it did not learn from"), _figure_head(), rows)


def _got(title: str, groups: Sequence[Group], facts: HeadFacts) -> Table:
    """List how many of 100 test radiographs of each kind got each answer."""
    found = answers.findings(groups)
    rows = [
        (finding_name(group.shown, facts), whole(group.count), *(of_100(group.share(finding)) for finding in found))
        for group in groups
    ]
    words = (finding_words(finding, facts) for finding in found)
    return Table(title, (_("of 100 radiographs showing"), _("radiographs"), *words), rows)


def _worth(title: str, groups: Sequence[Group], facts: HeadFacts) -> Table:
    """List what 100 radiographs with each answer would show, by how many of all show the positive label."""
    found = [finding for finding in answers.findings(groups) if finding != Finding.UNDECIDED]
    shown = of_label(facts.positive, own=facts.is_own)
    rows = [
        (percent(prevalence), *(_made_up(answers.worth(groups, each, shown, prevalence), facts) for each in found))
        for prevalence in answers.PREVALENCES
    ]
    name = finding_name(shown, facts)
    head = (_("radiographs that show %(name)s", name=name), *(finding_words(finding, facts) for finding in found))
    return Table(title, head, rows if found else [])


def _made_up(shares: Mapping[str, float], facts: HeadFacts) -> str:
    return ", ".join(f"{of_100(share)} {finding_name(name, facts)}" for name, share in shares.items()) or NONE


def _heat(facts: HeadFacts) -> Table:
    rows = [
        (f"{class_name(row['label'], facts)}, {row['source']}", whole(row["n"]))
        + tuple(_number(row[key], percent) for key in ("in_lungs", "area"))
        for row in head_figures.audit(facts).get("heat", [])
    ]
    return Table(
        _("Heat inside the lungs"), (_("radiographs of"), _("radiographs"), _("heat in the lungs"), _("lung")), rows
    )


def _changes(facts: HeadFacts) -> Table:
    rows = [
        (
            change(row["change"]),
            *(_number(row[key], decimal) for key in ("shift_median", "shift_p95")),
            *(_number(row[key], _per_cent) for key in ("verdict_changed", "refused")),
        )
        for row in head_figures.audit(facts).get("robustness", [])
    ]
    head = (
        _("change"),
        _("score moves (median)"),
        _("score moves (95th percentile)"),
        _("another verdict"),
        _("refused"),
    )
    return Table(_("What harmless changes do"), head, rows)


def _number(value: float | None, write: Callable[[float], str]) -> str:
    return NONE if value is None else write(value)


def _per_cent(share: float) -> str:
    return percent(share, 1)
