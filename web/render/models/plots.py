"""Plots of the model pages, each with the numbers that it shows as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from web.i18n import Figure, decimal, percent, shown, verdict, whole
from web.render import charts
from web.render.charts import Plot, Words
from web.render.findings import class_name
from web.render.models.terms import asked, erasure, kind_of_picture, part_name
from web.translation import gettext as _
from xray import head_figures
from xray.head_figures import FIGURES, MEAN, Part
from xray.networks.metadata import HeadFacts, ScreenFacts

Record = Mapping[str, Any]
VERDICTS = ("POSITIVE", "INCONCLUSIVE", "NEGATIVE")
# How the style sheet shows the figures of each kind of part.
STYLES = {"all": "own", "baselines": "baseline", "inside": "apart", "left_out": "apart"}

# Of the names of all columns of a matrix together, so that none stands over another.
LETTERS_OF_A_ROW = 44


def plots(facts: HeadFacts) -> dict[str, list[Plot]]:
    """Draw the figures of a head; what its metadata does not hold is left out.

    Returns:
        `figures`: the served head beside baselines, one source alone and sources left out; `scores`: curves, matrices
        and histograms; `erased`: radiographs with parts erased.
    """
    if head_figures.tested(facts) is None:
        return {"figures": [], "scores": [], "erased": []}
    scores = [_reliability(facts)]
    if facts.is_pair:
        figures = [_forest_of(facts, figure) for figure in FIGURES]
        scores = [
            _roc(facts), _reliability(facts), _confusion(facts), _verdicts(facts),
            _histogram(facts, "val", _("Scores of the validation radiographs")),
            _histogram(facts, "test", _("Scores of the test radiographs")),
        ]  # fmt: skip
    elif facts.exclusive:
        figures = [_means(facts), *_called(facts)]
    else:
        figures = [_forest_of_label(facts, label) for label in head_figures.measured_labels(facts)]
    return {
        "figures": figures,
        "scores": [plot for plot in scores if plot],
        "erased": [plot for plot in [_erased(facts)] if plot],
    }


def screened(facts: ScreenFacts) -> dict[str, list[Plot]]:
    """Draw how many pictures of each kind the screen flagged, by its checks."""
    found: Any = facts.metrics
    return {
        name: [_flagged(f"{name}-{number}", asked(what), rows) for number, (what, rows) in enumerate(parts.items())]
        for name, parts in found.items()
    }


def _forest(
    id: str, title: str, rows: Sequence[tuple[str, Record | None, str]], reference: float | None = 0.5
) -> tuple[Markup, list[tuple[str, Figure, str]]]:
    known = [(name, figure, style) for name, row, style in rows if (figure := Figure.of(row))]
    desc = "; ".join(f"{name}: {figure}" for name, figure, _style in known)
    return charts.forest(Words(id, title, desc), known, reference=reference), known


def _forest_of(facts: HeadFacts, figure: str) -> Plot:
    titles: dict[str, str] = {
        "roc_auc": _("ROC AUC"), "sensitivity": _("Sensitivity"), "specificity": _("Specificity"),
    }  # fmt: skip
    title, found = titles[figure], head_figures.parts(facts, facts.positive, *STYLES)
    names = [_("all test radiographs") if part.kind == "all" else part_name(part) for part in found]
    rows = [(name, part.figures[figure], STYLES[part.kind]) for name, part in zip(names, found, strict=True)]
    drawing, _known = _forest(figure, title, rows, 0.5 if figure == "roc_auc" else None)
    table = [
        (name, whole(part.figures["n"]), whole(part.figures["patients"]), shown(part.figures[figure]))
        for name, part in zip(names, found, strict=True)
    ]
    return Plot(title, drawing, (_("radiographs of"), _("radiographs"), _("patients"), title), table)


def _forest_of_label(facts: HeadFacts, label: str) -> Plot:
    found = head_figures.parts(facts, label, *STYLES)
    rows = [(part_name(part), part.figures["roc_auc"], STYLES[part.kind]) for part in found]
    return _areas(f"roc-{label}", _("ROC AUC, %(finding)s", finding=class_name(label, facts)), rows)


def _means(facts: HeadFacts) -> Plot:
    labels = [label for label in head_figures.measured_labels(facts) if label != MEAN]
    own = [(class_name(label, facts), head_figures.tested(facts, label) or {}, "own") for label in labels]
    found = head_figures.parts(facts, MEAN, *STYLES)
    named = [(_mean_name(part), part.figures, STYLES[part.kind]) for part in found]
    rows = [(name, row["roc_auc"], style) for name, row, style in (*named[:1], *own, *named[1:])]
    return _areas("roc_auc", _("ROC AUC, each class against the rest"), rows)


def _mean_name(part: Part) -> str:
    match part.kind:
        case "baselines":
            return str(_("mean, no lung: %(shown)s", shown=erasure(part.name)))
        case "inside":
            return str(_("mean, %(source)s alone", source=part.name))
        case "left_out":
            return str(_("mean, %(source)s, nothing learned of it", source=part.name))
    return str(_("mean of the classes"))


def _areas(id: str, title: str, rows: Sequence[tuple[str, Record | None, str]]) -> Plot:
    drawing, known = _forest(id, title, rows)
    return Plot(
        title, drawing, (_("radiographs of"), _("ROC AUC")), [(name, str(figure)) for name, figure, _style in known]
    )


def _truths(facts: HeadFacts) -> tuple[str, str]:
    return class_name(facts.positive, facts), class_name(facts.negative, facts)


def _roc(facts: HeadFacts) -> Plot | None:
    found, test = head_figures.curves(facts).get("roc"), head_figures.tested(facts)
    if not found or not test:
        return None
    points = list(zip(found["false_positive_rate"], found["sensitivity"], strict=True))
    seen = [(_("this model at its threshold"), test)]
    seen += [(part_name(part), part.figures) for part in head_figures.parts(facts, facts.positive, "baselines")]
    marks = [
        (1 - row["specificity"]["value"], row["sensitivity"]["value"], name)
        for name, row in seen
        if row["specificity"] and row["sensitivity"]
    ]
    title = _("ROC curve on the test radiographs")
    desc = _("Area under the curve %(auc)s; the dashed diagonal is a guess.", auc=shown(test["roc_auc"]))
    words = Words("roc", title, desc, _("false alarms (1 − specificity)"), _("found (sensitivity)"))
    rows = [(decimal(x), decimal(y)) for x, y in points]
    return Plot(title, charts.roc(words, points, marks), (words.x, words.y), rows, desc)


def _confusion(facts: HeadFacts) -> Plot | None:
    counts = (head_figures.tested(facts) or {}).get("confusion")
    if not counts:
        return None
    threshold = decimal(facts.point.threshold, 4)
    rows = [
        (_("from %(threshold)s up", threshold=threshold), (counts["true_positive"], counts["false_positive"])),
        (_("below %(threshold)s", threshold=threshold), (counts["false_negative"], counts["true_negative"])),
    ]
    return _matrix("confusion", _("Confusion matrix at the threshold"), _truths(facts), rows)


def _verdicts(facts: HeadFacts) -> Plot | None:
    found = head_figures.curves(facts).get("verdicts")
    if not found:
        return None
    rows = [(verdict(name), (found[name]["positive"], found[name]["negative"])) for name in VERDICTS]
    return _matrix("verdicts", _("Verdicts on the test radiographs"), _truths(facts), rows)


def _called(facts: HeadFacts) -> list[Plot]:
    """Draw which label was called of which: by the highest score, and by the verdict."""
    found = head_figures.confusion(facts)
    if not found:
        return []
    # In few letters: each stands in a cell.
    short: dict[str, str] = {"pneumonia": _("pneumonia"), "bacterial": _("bacterial"), "viral": _("viral")}
    truths = [(not facts.is_own and short.get(label)) or class_name(label, facts) for label in found["labels"]]
    titles: dict[str, tuple[str, str]] = {
        "highest": ("confusion", _("The class with the highest score")),
        "called": ("verdicts", _("Verdicts on the test radiographs")),
    }
    said = [*truths, _("undecided")]
    return [
        _matrix(*titles[key], truths, [(name, column) for name, *column in zip(said, *found[key], strict=False)])
        for key in titles
        if key == "highest" or facts.decides
    ]


def _matrix(id: str, title: str, truths: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]) -> Plot:
    desc = _("Columns: what the radiographs show. Rows: what the model said, with the share of the column.")
    room = LETTERS_OF_A_ROW // len(truths)
    short = [(_shortened(said, room), counts) for said, counts in rows]
    drawing = charts.matrix(Words(id, title, desc), [_shortened(truth, room) for truth in truths], short)
    return Plot(title, drawing, ["", *truths], [[said, *map(whole, counts)] for said, counts in rows], desc)


def _shortened(name: str, room: int) -> str:
    """Return a name that fits into a cell; the table below the drawing has it whole."""
    return name if len(name) <= room else f"{name[: room - 1]}…"


def _histogram(facts: HeadFacts, split: str, title: str) -> Plot | None:
    found = head_figures.curves(facts).get("score_histograms")
    if not found:
        return None
    up, down = found[split]["positive"], found[split]["negative"]
    point = facts.point
    desc = _(
        "How many radiographs got which score: %(positive)s above the line, %(negative)s below it, each to its "
        "own scale. The line marks the threshold, %(threshold)s; scores in the grey part are inconclusive.",
        positive=class_name(facts.positive, facts),
        negative=class_name(facts.negative, facts),
        threshold=decimal(point.threshold, 4),
    )
    band = (point.negative_below, point.threshold, point.positive_from)
    drawing = charts.histogram(Words(f"scores-{split}", title, desc, _("score")), up, down, _truths(facts), band)
    steps = [f"{decimal(i / len(up), 2)}–{decimal((i + 1) / len(up), 2)}" for i in range(len(up))]
    rows = [(step, whole(one), whole(other)) for step, one, other in zip(steps, up, down, strict=True)]
    return Plot(title, drawing, [_("score"), *_truths(facts)], rows, desc)


def _reliability(facts: HeadFacts) -> Plot | None:
    found = head_figures.audit(facts).get("calibration")
    if not found:
        return None
    bins = [(each["score"], each["positives"], each["share"]) for each in found["reliability"]]
    title = _("Calibration: are scores probabilities?")
    desc = _(
        "Each circle holds radiographs of about the same score, the larger the more. On the dashed line a "
        "score would be a probability. The mean distance from it is %(error)s.",
        error=decimal(found["expected_calibration_error"]),
    )
    words = Words("reliability", title, desc, _("score"), _("share that was positive"))
    rows = [
        (decimal(each["score"]), decimal(each["positives"]), percent(each["share"], 1), whole(each["n"]))
        for each in found["reliability"]
    ]
    head = [words.x, words.y, _("share of all radiographs, weighted"), _("radiographs")]
    return Plot(title, charts.reliability(words, bins), head, rows, desc)


def _erased(facts: HeadFacts) -> Plot | None:
    found = head_figures.audit(facts).get("erased")
    if not found:
        return None
    title = _("ROC AUC when parts of the radiograph are hidden")
    styles = {"as_it_is": "own", "lungs_only": "apart"}
    rows = [(erasure(row["erasure"]), row["roc_auc"], styles.get(row["erasure"], "baseline")) for row in found]
    drawing, _known = _forest("erased", title, rows)
    table = [
        (
            erasure(row["erasure"]),
            whole(row["n"]),
            shown(row["roc_auc"]),
            ", ".join(f"{source} {decimal(value)}" for source, value in row["inside"].items()),
        )
        for row in found
    ]
    return Plot(title, drawing, (_("shown"), _("radiographs"), _("ROC AUC"), _("inside a source")), table)


def _flagged(id: str, title: str, rows: Mapping[str, Record]) -> Plot:
    figures = [
        (kind_of_picture(name), Figure(row["flagged"] / row["n"], row["low"], row["high"]), "own")
        for name, row in rows.items()
    ]
    counts = [f"{whole(row['flagged'])} / {whole(row['n'])}" for row in rows.values()]
    desc = "; ".join(f"{name}: {value}" for name, value, _style in figures)
    drawing = charts.forest(Words(id, title, desc), figures)
    table = [(name, count, str(value)) for (name, value, _style), count in zip(figures, counts, strict=True)]
    return Plot(title, drawing, (_("pictures"), _("flagged / shown"), _("share")), table)
