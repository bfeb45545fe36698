"""Report of the comparison: which backbone, on which crop, frozen or fine-tuned.

Counts and times eight architectures, and judges the entries of a configuration on the same radiographs and folds by
patient, beside the no-lung baselines. A fold that is done is not done again. Writes runs/compare/report.html, one page
with its plots inside, and report.json with the same figures.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from time import perf_counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from training import run as runs
from training.config import load
from training.metrics.figures import INTERVAL, Json
from training.metrics.folds import gained, measured
from training.report.plots import NEGATIVE, NEUTRAL, POSITIVE, png
from training.report.render import Picture, Section, Table, figure_text, page
from training.studies import backbones, folds
from training.studies.backbones import ARCHITECTURES, IMAGENET, OURS, RANDOM
from training.studies.folds import FROZEN, TUNED, VAL_FOLDS, CompareConfig, Sample, draw, remembered
from xray.errors import ModelError

TITLE = "Backbones on the same radiographs"
SHOWN = {
    "roc_auc": "AUC, all radiographs",
    "inside": "AUC inside a source",
    "sensitivity": "sensitivity (recall)",
    "specificity": "specificity",
    "precision": "precision",
    "f1": "F1",
}
COLOURS = {"lung-box": NEGATIVE, "whole-image": POSITIVE}
MARKS = {FROZEN: "o", TUNED: "^"}
SPREAD = 1.035  # between entries of the same number of parameters, as a factor
LINES = (":", "--")

FIGURES = """Every entry is judged on the same folds; no patient stands on both sides of one. The first figure compares
all radiographs of a fold, so to know the hospital helps: read it beside the baselines that see no lung. The second
compares only radiographs of one source, where knowing the hospital helps nothing; it is the fairer one, and its sources
follow. Scores of two folds are never compared, as each fold has a network of its own; nor are thresholds shared.

Precision and F1 depend on how many of these radiographs are abnormal: they are no figures of a hospital's day. Our
VGG16 has learned from other radiographs of the same hospitals, labels and all; ImageNet's networks have never seen
one."""
PARAMETERS = """Counts hold for any weights; the head is Flatten and Dense(2), as the student comparison has it. Times
are those of one image of 224 px in Keras on this machine, median and shortest of 9. Sizes are those of 32-bit
weights."""


def run(args: argparse.Namespace) -> None:
    """Judge every entry, and write the report."""
    config = with_weights(load(args.config, CompareConfig), named_weights(args.weights))
    drawn = draw(args.manifest, config.films, config.recipe)
    runs.start(args.output, config, args.manifest)
    judged = []
    for entry in config.entries:
        for recipe in entry.recipes:
            began = perf_counter()
            judged += folds.judge(drawn, config, entry, recipe, args.manifest, args.output)
            print(f"{entry.backbone}, {entry.weights}, {recipe}: {perf_counter() - began:.0f} s", flush=True)
    report = {
        **runs.describe(config, args.manifest),
        "films": len(drawn.rows),
        "patients": len(set(drawn.column("group"))),
        "entries": _figures(drawn, judged),
        "baselines": _figures(drawn, folds.judge_blind(drawn, config, args.manifest, args.output)),
        "architectures": [
            remembered(args.output / "architectures" / f"{name}.json", partial(backbones.measure, name))
            for name in ARCHITECTURES
        ],
    }
    runs.write_json(args.output / "report.json", report)
    (args.output / "report.html").write_text(page(TITLE, sections(drawn, config, report)), encoding="utf-8")
    print(f"{args.output / 'report.html'}: {len(drawn.rows)} films")


def named_weights(given: Sequence[str]) -> dict[str, str]:
    """Read BACKBONE=WEIGHTS pairs of the command line.

    Raises:
        ModelError: no pair, or no such backbone.
    """
    pairs = [each.partition("=") for each in given]
    for name, _, weights in pairs:
        if name not in ARCHITECTURES or not weights:
            raise ModelError(f"Expected BACKBONE=WEIGHTS, with one of {', '.join(ARCHITECTURES)}. Received: {name!r}.")
    return {name: weights for name, _, weights in pairs}


def with_weights(config: CompareConfig, weights: dict[str, str]) -> CompareConfig:
    """Return the configuration with other weights where it asks for those of ImageNet."""
    entries = [
        replace(each, weights=weights.get(each.backbone, IMAGENET)) if each.weights == IMAGENET else each
        for each in config.entries
    ]
    return replace(config, entries=tuple(entries))


def _figures(drawn: Sample, judged: Sequence[Json]) -> list[Json]:
    """Replace margins by their figures, and say what fine-tuning gained."""
    groups, sources = drawn.column("group"), drawn.column("source")
    frozen = {_key(each): each["margin"] for each in judged if each.get("tuning") == FROZEN}
    found = []
    for each in judged:
        told = {name: value for name, value in each.items() if name not in ("margin", "folds")}
        told |= measured(drawn.y_true, each["margin"], groups, drawn.folds, sources)
        told["seconds"] = sum(fold["seconds"] for fold in each["folds"])
        if each.get("tuning") == TUNED:
            told["kept_epochs"] = [fold["kept_epoch"] for fold in each["folds"]]
            inside = [f"{fold} {source}" for fold, source in zip(drawn.folds, sources, strict=True)]
            for name, strata in (("gained", drawn.folds.tolist()), ("gained_inside", inside)):
                told[name] = gained(drawn.y_true, each["margin"], frozen[_key(each)], groups, strata)
        found.append(told)
    return found


def _key(each: Json) -> tuple[str, ...]:
    return each["backbone"], each["weights"], each["recipe"]


def sections(drawn: Sample, config: CompareConfig, report: Json) -> list[Section]:
    """Return the report's sections.

    Args:
        drawn: the radiographs.
        config: of the comparison.
        report: of report.json.
    """
    entries, blind, counted = report["entries"], report["baselines"], report["architectures"]
    gains = [each for each in entries if each["tuning"] == TUNED]
    shown = entries + blind
    plot = _draw_auc(entries, {each["name"]: each["backbone"] for each in counted}, blind)
    return [
        Section("Which radiographs", _sample_text(config, report), [_count_table(drawn)]),
        Section(
            "How well they tell the classes apart",
            FIGURES + f"\n\nIntervals: {INTERVAL}.",
            [
                _figure_table("Backbones, and what sees no lung, at each fold's threshold", shown),
                _source_table(shown),
            ],
            [Picture(plot, "ROC AUC against parameters")],
        ),
        Section("Frozen or fine-tuned", _tuning_text(config), [_gain_table(gains)] if gains else []),
        Section("Parameters, size and time", PARAMETERS, [_parameter_table(counted)]),
    ]


def _sample_text(config: CompareConfig, report: Json) -> str:
    choice = config.films
    # The names of weight files, without the folders of whoever measured.
    images = {
        f"{each.backbone} ({_short(each.weights)}) {each.size} px"
        + (f", from {PurePath(each.weights.replace(chr(92), '/')).name}" if _short(each.weights) == "file" else "")
        for each in config.entries
    }
    return (
        f"{' or '.join(choice.positive)} against {' or '.join(choice.negative)}: {report['films']} radiographs of "
        f"{report['patients']} patients (near-copies counted with theirs), at most {choice.at_most} of each class and "
        f"source, drawn at random from the splits {', '.join(choice.splits)}. Where our backbone is compared, "
        "radiographs from which it has learned must not be among them: leave the split train out, as the configuration "
        f"does.\n\n{choice.folds} folds; in each, one of {VAL_FOLDS} parts of the rest finds the threshold (Youden's "
        "index) and, where there are epochs, the best of them. Classes count the same, and sources of a class nearly "
        f"so.\n\nImages and weights: {'; '.join(sorted(images))}."
    )


def _count_table(drawn: Sample) -> Table:
    counts = Counter((row.label, row.source) for row in drawn.rows)
    patients = {key: len({r.group for r in drawn.rows if (r.label, r.source) == key}) for key in counts}
    rows = [(*key, counts[key], patients[key]) for key in sorted(counts)]
    return Table("Radiographs", ("class", "source", "films", "patients"), rows)


def _name(each: Json) -> str:
    if "backbone" not in each:
        return str(each["name"])
    return f"{each['backbone']} ({_short(each['weights'])}), {each['recipe']}, {each['tuning']}"


def _short(weights: str) -> str:
    return weights if weights in (OURS, IMAGENET, RANDOM) else "file"


def _figure_table(caption: str, shown: Sequence[Json]) -> Table:
    rows = [[_name(each), *(figure_text(each[name]) for name in SHOWN)] for each in shown]
    return Table(caption, ("what", *SHOWN.values()), rows)


def _source_table(shown: Sequence[Json]) -> Table:
    sizes = {name: each["by_source"][name]["n"] for each in shown for name in sorted(each["by_source"])}
    rows = [
        [_name(each), *(figure_text(each["by_source"].get(name, {}).get("roc_auc")) for name in sizes)]
        for each in shown
    ]
    head = ("what", *(f"{name} (n {n})" for name, n in sizes.items()))
    return Table("ROC AUC inside each source that has both classes", head, rows)


def _tuning_text(config: CompareConfig) -> str:
    how = config.tuning
    return (
        "Frozen: a logistic regression on the averaged features, computed once. Fine-tuned: the same head first, then "
        f"it and the last {how.share:.0%} of the backbone's layers together, at most {how.epochs} epochs of Adam at "
        f"{how.learning_rate:g}, batches of {how.batch}; the epoch with the least validation loss is kept, 0 where the "
        "first phase was better. Batch norm keeps its statistics. Nothing is augmented. A gain whose interval holds 0 "
        "is none that these radiographs can show."
    )


def _gain_table(gains: Sequence[Json]) -> Table:
    rows = [
        (
            _name(each), figure_text(each["gained"]), figure_text(each["gained_inside"]),
            ", ".join(map(str, each["kept_epochs"])), f"{each['seconds']:.0f}",
        )
        for each in gains
    ]  # fmt: skip
    head = ("what", "AUC gained, all radiographs", "AUC gained inside a source", "epochs kept, by fold", "seconds")
    return Table("Fine-tuned less frozen, on the same radiographs", head, rows)


def _parameter_table(counted: Sequence[Json]) -> Table:
    rows = [
        (e["name"], f"{e['trainable']:,}", f"{e['total']:,}", f"{e['size_mb']:.1f}", f"{e['latency_ms']:.0f}",
         f"{e['shortest_latency_ms']:.0f}")
        for e in counted
    ]  # fmt: skip
    head = ("backbone", "trainable: the head, 224 px", "total", "MB", "ms an image", "shortest")
    return Table("Architectures with a frozen backbone under Flatten and Dense(2)", head, rows)


def _draw_auc(entries: Sequence[Json], parameters: dict[str, int], blind: Sequence[Json]) -> bytes:
    """Draw the AUC over the number of parameters, over all radiographs and inside a source; a PNG."""
    figure = Figure(figsize=(10.5, 5.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    titles = {"roc_auc": "all radiographs", "inside": "pairs of radiographs of one source"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        _draw_entries(axes, entries, parameters, name)
        for each, style in zip(blind, LINES, strict=True):
            if each[name]:
                axes.axhline(each[name]["value"], color=NEUTRAL, linewidth=1, linestyle=style)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("parameters of the backbone, millions (logarithmic)")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("ROC AUC, 95 % interval")
    _draw_legend(panels[0], blind)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return png(figure)


def _draw_entries(axes: Axes, entries: Sequence[Json], parameters: dict[str, int], name: str) -> None:
    names = sorted({each["backbone"] for each in entries}, key=parameters.__getitem__)
    for backbone in names:
        own = [each for each in entries if each["backbone"] == backbone and each[name]]
        x = parameters[backbone] / 1e6 * SPREAD ** (np.arange(len(own)) - (len(own) - 1) / 2)
        for place, each in zip(x, own, strict=True):
            found, colour = each[name], COLOURS[each["recipe"]]
            if found["low"] is not None:
                axes.plot([place, place], [found["low"], found["high"]], color=colour, linewidth=1)
            axes.plot(place, found["value"], MARKS[each["tuning"]], color=colour, markersize=6)
    axes.set_xscale("log")
    places = [parameters[backbone] / 1e6 for backbone in names]
    words = [f"{each} {place:.1f}" for each, place in zip(names, places, strict=True)]
    axes.set_xticks(places, words, rotation=90, fontsize=7)
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_legend(axes: Axes, blind: Sequence[Json]) -> None:
    for recipe, colour in COLOURS.items():
        for tuning, mark in MARKS.items():
            axes.plot([], [], mark, color=colour, label=f"{recipe}, {tuning}")
    for each, style in zip(blind, LINES, strict=True):
        axes.plot([], [], style, color=NEUTRAL, label=f"sees no lung: {each['name']}")
