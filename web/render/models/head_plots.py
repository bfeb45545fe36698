"""What a model's page draws of its metadata.json: each drawing beside the table that holds the same numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from markupsafe import Markup

from web.formats import verdict
from web.render import charts
from web.render.charts import Words
from web.render.figures import Figure, decimal, percent, shown, whole
from web.render.models.terms import class_name, erasure
from xray.networks.metadata import HeadFacts

Record = Mapping[str, Any]
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Plot:
    """A drawing, its numbers as a table, and what to see in it."""

    title: str
    drawing: Markup
    head: Sequence[str]
    rows: Rows
    note: str = ""


def plots(facts: HeadFacts) -> dict[str, Plot]:
    """Draw what the metadata holds; what it does not hold is left out.

    Args:
        facts: of a model.

    Returns:
        By name: `roc`, `verdicts`, `confusion`, `val` and `test` (where scores fell), `reliability`, `roc_auc`,
        `sensitivity`, `specificity` (each beside those without lungs and those of a source left out), `erased`.
    """
    drawn: dict[str, Callable[[HeadFacts], Plot | None]] = {
        "roc": _roc,
        "verdicts": _verdicts,
        "confusion": _confusion,
        "val": lambda each: _scores(each, "val", _("Scores of the validation films")),
        "test": lambda each: _scores(each, "test", _("Scores of the test films")),
        "reliability": _reliability,
        "roc_auc": lambda each: _apart(each, "roc_auc", _("ROC AUC")),
        "sensitivity": lambda each: _apart(each, "sensitivity", _("Sensitivity")),
        "specificity": lambda each: _apart(each, "specificity", _("Specificity")),
        "erased": _erased,
    }
    found = {name: draw(facts) for name, draw in drawn.items()}
    return {name: plot for name, plot in found.items() if plot}


def audit(facts: HeadFacts) -> Record | None:
    """Return what the audit found of a model, where it was audited."""
    found: Any = facts.metrics.get("audit")
    return found["model"] if found else None


def baselines(facts: HeadFacts) -> dict[str, Record]:
    """Return the figures of the predictors that see no lung, by what was erased."""
    found: Any = facts.metrics.get("baselines", {})
    return {name: each["all"] for name, each in found.items()}


def _all(facts: HeadFacts) -> Record | None:
    found: Any = facts.metrics.get("test")
    return found["all"] if found else None


def _negative(facts: HeadFacts) -> str:
    return facts.negative


def _truths(facts: HeadFacts) -> tuple[str, str]:
    return class_name(facts.positive), class_name(_negative(facts))


def _roc(facts: HeadFacts) -> Plot | None:
    found: Any = facts.metrics.get("roc")
    test = _all(facts)
    if not found or not test:
        return None
    points = list(zip(found["false_positive_rate"], found["sensitivity"], strict=True))
    seen = {_("this model at its threshold"): test}
    seen |= {_("no lung: %(shown)s", shown=erasure(name)): row for name, row in baselines(facts).items()}
    marks = [
        (1 - row["specificity"]["value"], row["sensitivity"]["value"], name)
        for name, row in seen.items()
        if row["specificity"] and row["sensitivity"]
    ]
    title = _("ROC curve on the test films")
    desc = _("Area under the curve %(auc)s; the dashed diagonal is a guess.", auc=shown(test["roc_auc"]))
    words = Words("roc", title, desc, _("false alarms (1 − specificity)"), _("found (sensitivity)"))
    rows = [(decimal(x), decimal(y)) for x, y in points]
    return Plot(title, charts.roc(words, points, marks), (words.x, words.y), rows, desc)


def _confusion(facts: HeadFacts) -> Plot | None:
    test = _all(facts)
    if not test:
        return None
    counts = test["confusion"]
    threshold = decimal(facts.point.threshold, 4)
    rows = [
        (_("from %(threshold)s up", threshold=threshold), (counts["true_positive"], counts["false_positive"])),
        (_("below %(threshold)s", threshold=threshold), (counts["false_negative"], counts["true_negative"])),
    ]
    return _matrix(facts, "confusion", _("Confusion matrix at the threshold"), rows)


def _verdicts(facts: HeadFacts) -> Plot | None:
    found: Any = facts.metrics.get("verdicts")
    if not found:
        return None
    order = ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")
    rows = [(verdict(name), (found[name]["positive"], found[name]["negative"])) for name in order]
    return _matrix(facts, "verdicts", _("Verdicts on the test films"), rows)


def _matrix(facts: HeadFacts, id: str, title: str, rows: Sequence[tuple[str, tuple[int, int]]]) -> Plot:
    truths = _truths(facts)
    desc = _("Columns: what the films are. Rows: what the model said of them, with its share of the column.")
    drawing = charts.matrix(Words(id, title, desc), truths, rows)
    return Plot(title, drawing, ["", *truths], [[said, *map(whole, counts)] for said, counts in rows], desc)


def _scores(facts: HeadFacts, split: str, title: str) -> Plot | None:
    found: Any = facts.metrics.get("score_histograms")
    if not found:
        return None
    up, down = found[split]["positive"], found[split]["negative"]
    desc = _(
        "How many films got which score: above the line %(positive)s, below it %(negative)s, each to its own scale. "
        "The line stands at the threshold, %(threshold)s; the grey part is inconclusive.",
        positive=class_name(facts.positive),
        negative=class_name(_negative(facts)),
        threshold=decimal(facts.point.threshold, 4),
    )
    band = (facts.point.negative_below, facts.point.threshold, facts.point.positive_from)
    drawing = charts.histogram(Words(f"scores-{split}", title, desc, _("score")), up, down, _truths(facts), band)
    steps = [f"{decimal(i / len(up), 2)}–{decimal((i + 1) / len(up), 2)}" for i in range(len(up))]
    rows = [(step, whole(one), whole(other)) for step, one, other in zip(steps, up, down, strict=True)]
    return Plot(title, drawing, [_("score"), *_truths(facts)], rows, desc)


def _reliability(facts: HeadFacts) -> Plot | None:
    found = audit(facts)
    if not found:
        return None
    bins = [(each["score"], each["positives"], each["share"]) for each in found["calibration"]["reliability"]]
    title = _("Calibration: are scores probabilities?")
    desc = _(
        "Each circle holds films of about the same score, the larger the more. On the dashed line a score would be a "
        "probability. The mean distance from it is %(error)s.",
        error=decimal(found["calibration"]["expected_calibration_error"]),
    )
    words = Words("reliability", title, desc, _("score"), _("share that was positive"))
    counts = [each["n"] for each in found["calibration"]["reliability"]]
    rows = [
        (decimal(score), decimal(positives), percent(share, 1), whole(n))
        for (score, positives, share), n in zip(bins, counts, strict=True)
    ]
    head = [words.x, words.y, _("share of all films, weighted"), _("films")]
    return Plot(title, charts.reliability(words, bins), head, rows, desc)


def _apart(facts: HeadFacts, figure: str, title: str) -> Plot | None:
    test, found = _all(facts), audit(facts)
    if not test:
        return None
    seen = [(_("all test films"), test, "own")]
    seen += [(_("no lung: %(shown)s", shown=erasure(name)), row, "baseline") for name, row in baselines(facts).items()]
    if found:
        seen += [(_("%(source)s alone", source=name), row, "apart") for name, row in found["inside"].items()]
        seen += [
            (_("%(source)s left out", source=row["left_out"]), row["unseen"], "apart")
            for row in found["leave_one_source_out"]
        ]
    rows = [(name, value, kind) for name, row, kind in seen if (value := Figure.of(row[figure]))]
    desc = "; ".join(f"{name}: {value}" for name, value, _kind in rows)
    drawing = charts.forest(Words(figure, title, desc), rows, reference=0.5 if figure == "roc_auc" else None)
    table = [(name, whole(row["n"]), whole(row["patients"]), shown(row[figure])) for name, row, _kind in seen]
    return Plot(title, drawing, (_("films of"), _("films"), _("patients"), title), table)


def _erased(facts: HeadFacts) -> Plot | None:
    found: Any = facts.metrics.get("audit")
    if not found or not found["erased"]:
        return None
    title = _("ROC AUC when parts of the film are hidden")
    rows = [(erasure(row["erasure"]), Figure.of(row["roc_auc"]), _kind(row["erasure"])) for row in found["erased"]]
    known = [(name, value, kind) for name, value, kind in rows if value]
    desc = "; ".join(f"{name}: {value}" for name, value, _kind in known)
    table = [
        (
            erasure(row["erasure"]),
            whole(row["n"]),
            shown(row["roc_auc"]),
            ", ".join(f"{source} {decimal(value)}" for source, value in row["inside"].items()),
        )
        for row in found["erased"]
    ]
    head = (_("shown"), _("films"), _("ROC AUC"), _("inside a source"))
    return Plot(title, charts.forest(Words("erased", title, desc), known, reference=0.5), head, table)


def _kind(shown_part: str) -> str:
    return {"as_it_is": "own", "lungs_only": "apart"}.get(shown_part, "baseline")
