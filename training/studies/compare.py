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
from training.report.render import Picture, figure_text, page
from training.studies import backbones, folds
from training.studies.backbones import ARCHITECTURES, IMAGENET, OURS, RANDOM
from training.studies.folds import FROZEN, TUNED, VAL_FOLDS, CompareConfig, Entry, Sample, draw, remembered
from xray.errors import ModelError

TITLE = "Backbones on the same radiographs"
FIGURES = ("roc_auc", "inside", "sensitivity", "specificity", "precision", "f1")
COLOURS = {"lung-box": NEGATIVE, "whole-image": POSITIVE}
MARKS = {FROZEN: "o", TUNED: "^"}
SPREAD = 1.035  # between entries of the same number of parameters, as a factor
LINES = (":", "--")


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
    (args.output / "report.html").write_text(_page(drawn, config, report), encoding="utf-8")
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


def _page(drawn: Sample, config: CompareConfig, report: Json) -> str:
    """Return the report; its words are in training/report/templates/compare.html."""
    entries, blind, counted = report["entries"], report["baselines"], report["architectures"]
    shown = entries + blind
    sizes = {name: each["by_source"][name]["n"] for each in shown for name in sorted(each["by_source"])}
    parameters = {each["name"]: each["backbone"] for each in counted}
    return page(
        TITLE,
        template="compare.html",
        report=report,
        films=config.films,
        tuning=config.tuning,
        val_folds=VAL_FOLDS,
        interval=INTERVAL,
        images={_image(each) for each in config.entries},
        counts=_counts(drawn),
        areas=Picture(_draw_auc(entries, parameters, blind), "ROC AUC against parameters"),
        figures=[[_name(each), *(figure_text(each[name]) for name in FIGURES)] for each in shown],
        sources=[f"{name} (n {n})" for name, n in sizes.items()],
        by_source=[
            [_name(each), *(figure_text(each["by_source"].get(name, {}).get("roc_auc")) for name in sizes)]
            for each in shown
        ],
        gains=[
            [_name(each), figure_text(each["gained"]), figure_text(each["gained_inside"]),
             ", ".join(map(str, each["kept_epochs"])), f"{each['seconds']:.0f}"]
            for each in entries if each["tuning"] == TUNED
        ],
        architectures=[
            [each["name"], f"{each['trainable']:,}", f"{each['total']:,}", f"{each['size_mb']:.1f}",
             f"{each['latency_ms']:.0f}", f"{each['shortest_latency_ms']:.0f}"]
            for each in counted
        ],
    )  # fmt: skip


def _image(entry: Entry) -> str:
    """Say what a backbone sees and where its weights come from: of a file the name, without anybody's folders."""
    file = f", from {PurePath(entry.weights.replace(chr(92), '/')).name}" if _short(entry.weights) == "file" else ""
    return f"{entry.backbone} ({_short(entry.weights)}) {entry.size} px{file}"


def _counts(drawn: Sample) -> list[tuple[object, ...]]:
    """Return the radiographs and patients of each class and source."""
    counts = Counter((row.label, row.source) for row in drawn.rows)
    patients = {key: len({r.group for r in drawn.rows if (r.label, r.source) == key}) for key in counts}
    return [(*key, counts[key], patients[key]) for key in sorted(counts)]


def _name(each: Json) -> str:
    if "backbone" not in each:
        return str(each["name"])
    return f"{each['backbone']} ({_short(each['weights'])}), {each['recipe']}, {each['tuning']}"


def _short(weights: str) -> str:
    return weights if weights in (OURS, IMAGENET, RANDOM) else "file"


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
