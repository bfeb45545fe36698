"""Plots of the comparison and of the grid."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from training.metrics.figures import Json
from training.report.plots import NEGATIVE, NEUTRAL, POSITIVE, png
from training.studies.compare.architectures import RANDOM

COLOURS = {"lung-box": NEGATIVE, "whole-image": POSITIVE}
UNTAUGHT = "#999999"
MARKS = {"frozen": "o", "fine-tuned": "^"}
SPREAD = 1.035  # between entries of the same number of parameters, as a factor
LINES = (":", "--")


def against_parameters(entries: Sequence[Json], parameters: dict[str, int], blind: Sequence[Json]) -> bytes:
    """Draw the AUC of every entry over its number of parameters: over all films, and over pairs of one source.

    Args:
        entries: with `backbone`, `weights`, `recipe`, `tuning`, `roc_auc` and `inside`.
        parameters: of each backbone.
        blind: the predictors that see no lung: dotted lines.
    """
    figure = Figure(figsize=(10.5, 5.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, name, title in zip(
        panels, ("roc_auc", "inside"), ("all films", "pairs of films of one source"), strict=True
    ):
        _entries(axes, entries, parameters, name)
        for each, style in zip(blind, LINES, strict=True):
            if each[name]:
                axes.axhline(each[name]["value"], color=NEUTRAL, linewidth=1, linestyle=style)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("parameters of the backbone, millions (logarithmic)")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("ROC AUC, 95 % interval")
    _legend(figure, panels[0], entries, blind)
    return png(figure)


def _entries(axes: Axes, entries: Sequence[Json], parameters: dict[str, int], name: str) -> None:
    names = sorted({each["backbone"] for each in entries}, key=parameters.__getitem__)
    for backbone in names:
        own = [each for each in entries if each["backbone"] == backbone and each[name]]
        x = parameters[backbone] / 1e6 * SPREAD ** (np.arange(len(own)) - (len(own) - 1) / 2)
        for place, each in zip(x, own, strict=True):
            untaught = each["weights"] == RANDOM
            colour = UNTAUGHT if untaught else COLOURS[each["recipe"]]
            _point(axes, place, each[name], colour, MARKS[each["tuning"]], hollow=untaught)
    axes.set_xscale("log")
    places = [parameters[backbone] / 1e6 for backbone in names]
    axes.set_xticks(places, [f"{each} {place:.1f}" for each, place in zip(names, places, strict=True)], rotation=90,
                    fontsize=7)  # fmt: skip
    axes.xaxis.set_minor_locator(NullLocator())


def _point(axes: Axes, x: float, found: Json, colour: str, mark: str, *, hollow: bool) -> None:
    if found["low"] is not None:
        axes.plot([x, x], [found["low"], found["high"]], color=colour, linewidth=1)
    axes.plot(x, found["value"], mark, color=colour, markersize=6, markerfacecolor="white" if hollow else colour)


def _legend(figure: Figure, axes: Axes, entries: Sequence[Json], blind: Sequence[Json]) -> None:
    for recipe, colour in COLOURS.items():
        for tuning, mark in MARKS.items():
            axes.plot([], [], mark, color=colour, label=f"{recipe}, {tuning}")
    if any(each["weights"] == RANDOM for each in entries):
        axes.plot([], [], "o", color=UNTAUGHT, markerfacecolor="white", label="random weights, never trained")
    for each, style in zip(blind, LINES, strict=True):
        axes.plot([], [], style, color=NEUTRAL, label=f"sees no lung: {each['name']}")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)


def settings(cells: Sequence[Json], names: Sequence[str]) -> bytes:
    """Draw the validation AUC of the grid's cells, by each setting that was varied.

    Args:
        cells: with `val` and a value for each of the names.
        names: settings.
    """
    varied = [name for name in names if len({cell[name] for cell in cells}) > 1] or list(names[:1])
    figure = Figure(figsize=(2.4 * len(varied) + 1, 3.4), layout="constrained")
    panels = figure.subplots(1, len(varied), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, varied, strict=True):
        values = list(dict.fromkeys(cell[name] for cell in cells))
        for place, value in enumerate(values):
            areas = [cell["val"] for cell in cells if cell[name] == value]
            spread = np.linspace(-0.15, 0.15, len(areas)) if len(areas) > 1 else [0.0]
            axes.plot(place + np.array(spread), areas, "o", color=NEGATIVE, markersize=4, alpha=0.7)
            axes.plot([place - 0.25, place + 0.25], [np.median(areas)] * 2, color=POSITIVE, linewidth=2)
        axes.set_xticks(range(len(values)), [str(value) for value in values], fontsize=8)
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_xlabel(name.replace("_", " "))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation ROC AUC; bar: median")
    return png(figure)
