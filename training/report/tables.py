"""Tables of what was measured of a head or of the screen, for reports and model cards."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from training.report.render import FIGURES, Table, figure_text
from xray import head_figures
from xray.answers import PREVALENCES, Group, findings, worth
from xray.head_figures import MEAN, UNDECIDED, Measured, Part
from xray.networks.heads import Verdict
from xray.prediction import in_words

Json = Mapping[str, Any]
BASELINES = {
    "lungs_erased": "whole image, lungs erased",
    "border_only": "border of the image, centre erased",
}
SHOWN = {
    "as_it_is": "the radiograph as it is",
    "lungs_only": "the lungs only",
    "lungs_erased": "lungs erased",
    "scrambled": "scrambled in blocks",
    "border_only": "the border only",
}
GROUPS = {"sources": "source", "views": "view", "sexes": "sex", "ages": "age"}


@dataclass(frozen=True)
class MeasuredHead:
    """What was measured of a head, as `xray.head_figures` reads it."""

    name: str
    labels: Sequence[str]
    exclusive: bool
    positive: str
    metrics: Mapping[str, object]
    is_own: bool = False

    @classmethod
    def of(cls, record: Json) -> "MeasuredHead":
        """Read report.json of a run, or metadata.json of an artefact."""
        name = record.get("name") or record["model"]
        own = bool(record.get("data") or record.get("training", {}).get("data"))
        return cls(name, record["labels"], record["exclusive"], record["positive"], record["metrics"], own)


def part_name(part: Part) -> str:
    """Name the radiographs that a part's figures are of."""
    match part.kind:
        case "all":
            return "all"
        case "children":
            return "kermany's published test part (children)"
        case "baselines":
            return f"baseline without lungs: {BASELINES.get(part.name, part.name)}"
        case "left_out":
            return f"{part.name} left out"
        case "inside":
            return f"learned and judged in {part.name} alone"
    return f"{GROUPS[part.kind]} {part.name}"


def figures(caption: str, facts: Measured, labels: Sequence[str], *kinds: str) -> Table:
    """List figures by part, and by label where there are several.

    Args:
        caption: of the table.
        facts: of a head.
        labels: of them, MEAN among them; labels that no radiograph of a part shows are left out.
        kinds: of parts; see `xray.head_figures.Part`.
    """
    head = ["n (patients)", "with it", *FIGURES.values()]
    if len(labels) == 1:
        found = head_figures.parts(facts, labels[0], *kinds)
        return Table(
            caption, ["radiographs", *head], [[part_name(part), *_figure_cells(part.figures)] for part in found]
        )
    rows = [
        [part_name(part), "all" if label == MEAN else in_words(label, own=facts.is_own), *_figure_cells(part.figures)]
        for label, part in head_figures.by_label(facts, labels, *kinds)
    ]
    return Table(caption, ["radiographs", "label", *head], rows)


def _figure_cells(row: Json) -> list[object]:
    return [_size(row), row.get("positives", "–"), *(figure_text(row[name]) for name in FIGURES)]


def _size(row: Json) -> str:
    return str(row["n"]) if row["patients"] is None else f"{row['n']} ({row['patients']})"


def called(caption: str, facts: Measured, part: str) -> Table:
    """Count which label was called of which, by source; nothing where labels do not exclude each other.

    Args:
        caption: of the table.
        facts: of a head.
        part: test, held_out or left_out.
    """
    rows = head_figures.called(facts, part)
    if head_figures.is_pair(facts):
        other = next(label for label in facts.labels if label != facts.positive)
        names = {facts.positive: "POSITIVE", UNDECIDED: "INCONCLUSIVE", other: "NEGATIVE"}
    else:
        names = {label: in_words(label, own=facts.is_own) for label in facts.labels} | {UNDECIDED: "INCONCLUSIVE"}
    cells = [
        [
            ", ".join(filter(None, (in_words(row["label"], own=facts.is_own), row["source"]))),
            _size(row),
            figure_text(row["called_positive"]),
            *(row["called"][name] for name in names),
        ]
        for row in rows
    ]
    positive = in_words(facts.positive, own=facts.is_own)
    head = ["radiographs", "n (patients)", f"{positive} at or above the threshold", *names.values()]
    return Table(caption, head, cells)


def verdicts(facts: Measured, label: str) -> Table:
    """Count the verdicts for a label on test radiographs, by truth."""
    found = head_figures.curves(facts, label).get("verdicts", {})
    rows = [[name, *(found[each][side] for each in Verdict)] for name, side in (("with it", "positive"),
            ("without it", "negative")) if found]  # fmt: skip
    name = in_words(label, own=facts.is_own)
    return Table(f"Verdicts for {name} on test radiographs", ["radiographs", *Verdict], rows)


def left_out(facts: Measured) -> Table:
    """List what heads reach in a source of whose hospital nothing was learned, and in its views."""
    parts = head_figures.parts(facts, facts.positive, "left_out", "left_out_views")
    rows = [[part.name, *_figure_cells(part.figures)] for part in parts]
    contrast = head_figures.audit(facts).get("contrast")
    return Table(
        f"Leave one source out{contrast and f': {contrast}' or ''}",
        ["left out", "n (patients)", "with it", *FIGURES.values()],
        rows,
    )


def inside(facts: Measured) -> Table:
    """List what heads reach inside one source: trained there alone, and trained on other patients."""
    audited = head_figures.audit(facts)
    parts = head_figures.parts(facts, facts.positive, "inside")
    rows = [[part.name, "learned there alone, test split", *_figure_cells(part.figures)] for part in parts]
    rows += [
        [name, "five folds over patients", *_figure_cells(row)]
        for name, row in audited.get("cross_validation", {}).items()
    ]
    head = ["source", "how", "n (patients)", "with it", *FIGURES.values()]
    return Table(f"Inside one source: {audited.get('contrast', '')}", head, rows)


def together(audited: Json) -> Table:
    """List how many test radiographs each of models 1 and 2, and both together, put at COVID-19."""
    rows = [
        [row["films"], _size(row)]
        + [
            f"{row['called'][name]} = {figure_text(row['share'][name])}; {row['positive'][name]} POSITIVE"
            for name in row["called"]
        ]
        for row in audited["together"]
    ]
    head = ["radiographs", "n (patients)", "model 1", "model 2", "both"]
    return Table("Test radiographs at or above the threshold, and those with the verdict POSITIVE", head, rows)


def calibration(audited: Json) -> Table:
    """List how far scores are probabilities, in the training sources and in those left out."""
    parts = {
        "training sources, test split": audited["calibration"],
        "two labels, test split": audited["calibration_of_labels"],
    }
    parts |= {f"{row['left_out']}, left out": row["calibration"] for row in audited["left_out"]}
    rows = [
        [
            name, f"{row['expected_calibration_error']:.3f}", f"{row['brier']:.3f}", f"{1 - row['decided']:.1%}",
            f"{row['wrong_of_positives']:.1%}", f"{row['wrong_of_negatives']:.1%}",
        ]
        for name, row in parts.items()
        if row
    ]  # fmt: skip
    head = ["radiographs", "calibration error (ECE)", "Brier", "INCONCLUSIVE", "positives called NEGATIVE",
            "negatives called POSITIVE"]  # fmt: skip
    return Table("Calibration, and what the INCONCLUSIVE range leaves", head, rows)


def got(groups: Sequence[Group], *, own: bool = False) -> Table:
    """List how many of 100 test radiographs of each kind got each finding.

    Args:
        groups: what was said of test radiographs.
        own: whether the findings are a user's own words.
    """
    found, words = findings(groups), partial(in_words, own=own)
    rows = [
        [words(group.shown), group.count, *(f"{100 * group.share(finding):.1f}" for finding in found)]
        for group in groups
    ]
    return Table("Of 100 test radiographs of a kind", ["showing", "n", *map(words, found)], rows)


def worth_of(groups: Sequence[Group], shown: str, *, own: bool = False) -> Table:
    """List what radiographs with each finding would show, at several prevalences.

    Args:
        groups: what was said of test radiographs.
        shown: the kind whose prevalence it is.
        own: as `got`.
    """
    words = partial(in_words, own=own)
    found = [finding for finding in findings(groups) if finding != UNDECIDED]
    rows = [
        [f"{prevalence:.0%}", *(_made_up(worth(groups, each, shown, prevalence), words) for each in found)]
        for prevalence in PREVALENCES
    ]
    others = " and ".join(words(group.shown) for group in groups if group.shown != shown)
    caption = f"Of 100 radiographs with a finding, by how many of all show {words(shown)} (the others: {others}"
    equally = ", as many of each" if len(groups) > 2 else ""
    return Table(f"{caption}{equally})", [f"showing {words(shown)}", *map(words, found)], rows if groups else [])


def _made_up(shares: Mapping[str, float], words: Callable[[str], str]) -> str:
    return ", ".join(f"{100 * share:.0f} {words(name)}" for name, share in shares.items()) or "–"


def erased(audited: Json) -> Table:
    """List how well scores tell the labels apart when the lungs are erased."""
    rows = [
        [
            SHOWN[row["erasure"]],
            row["n"],
            figure_text(row["roc_auc"]),
            ", ".join(f"{name} {value:.3f}" for name, value in row["inside"].items()) or "–",
        ]
        for row in audited["erased"]
    ]
    return Table("ROC AUC when the network is shown", ["shown", "n", "all sources", "inside a source"], rows)


def robustness(audited: Json) -> Table:
    """List how far harmless changes move scores and verdicts."""
    rows = [
        [row["change"].replace("_", " "), *(_number(row[key], "{:.3f}") for key in ("shift_median", "shift_p95"))]
        + [_number(row[key], "{:.1%}") for key in ("verdict_changed", "refused")]
        for row in audited["robustness"]
    ]
    head = ["change", "score moved (median)", "score moved (95th percentile)", "verdict changed", "refused"]
    return Table("Harmless changes", head, rows)


def heat(audited: Json) -> Table:
    """List how much of the heat lies in the lungs."""
    rows = [
        [f"{row['label']}, {row['source']}", row["n"], *(_number(row[key], "{:.2f}") for key in ("in_lungs", "area"))]
        for row in audited["heat"]
    ]
    head = ["radiographs", "n", "heat in lungs", "lung's share of the box"]
    return Table("Share of the heat inside the lungs (median)", head, rows)


def sanity(audited: Json) -> Table:
    """List how much the heat resembles that of heads that know nothing."""
    rows = [
        [row["other"].replace("_", " "), row["n"], _number(row["correlation"], "{:.2f}")] for row in audited["sanity"]
    ]
    return Table("Rank correlation of the heat with that of a head that knows nothing", ["head", "n", "Spearman"], rows)


def opacity(metrics: Json) -> list[Table]:
    """List how well the opacity map, and heat maps beside it, point at radiologists' boxes; and the extent score."""
    rows = [
        [name.replace("_", " "), each["n"], figure_text(each["peak_in_box"]), f"{each['chance']:.2f}",
         figure_text(each["overlap"]), f"{each['threshold']:.2f}", f"{each['place_auc']:.3f}"]
        for name, each in metrics["maps"].items()
    ]  # fmt: skip
    head = ["map", "n", "peak in a box", "by chance", "overlap (IoU)", "from", "ROC AUC of places"]
    extent = metrics["extent"]
    scores = [[extent["n"], figure_text(extent["pearson"]), figure_text(extent["error"])]]
    return [
        Table("Test radiographs with boxes: the opacity map, and Grad-CAM of models 1 and 2", head, rows),
        Table("The extent score against three experts, each radiograph by a line that has not seen it (Cohen et al. "
              "2020 report r 0.80 and an error of 1.14)", ["n", "Pearson's r", "mean absolute error, points"], scores),
    ]  # fmt: skip


def screen(metrics: Json) -> list[Table]:
    """List how many images of each kind each check of the screen flagged."""
    return [
        Table(
            f"{check.replace('_', ' ')}: {what}",
            ["images", "flagged", "of", "95 % interval"],
            [[name, row["flagged"], row["n"], f"{row['low']:.3f}, {row['high']:.3f}"] for name, row in kinds.items()],
        )
        for check, parts in metrics.items()
        for what, kinds in parts.items()
    ]


def _number(value: float | None, how: str) -> str:
    return "–" if value is None else how.format(value)
