"""Plots of reports, as PNG: ROC, matrices, scores, forest plots, grids of images."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from training.metrics.discrimination import wilson
from training.metrics.figures import Json, area
from xray.networks.metadata import OperatingPoint
from xray.prediction import in_words

# Apart for colour-blind eyes too: Okabe & Ito 2008.
NEGATIVE, POSITIVE, NEUTRAL = "#0072B2", "#D55E00", "#555555"
CYCLE = ("#000000", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DPI = 130
# Scores are drawn on a logit axis, as most lie near 0 or 1; its ends hold all that lies beyond.
SCORE_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
SCORE_END = 1e-4


def roc(parts: Mapping[str, pd.DataFrame], threshold: float | None = None) -> bytes:
    """Draw a ROC curve for each part, and its area with the 95 % interval.

    Args:
        parts: by name, rows with both labels in y_true, y_score and, where patients have several, group.
        threshold: where the first part's sensitivity and specificity are marked, with Wilson's intervals.
    """
    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8, linestyle=":")
    for index, (name, part) in enumerate(parts.items()):
        grouped = part if "group" in part else part.assign(group=np.arange(len(part)))
        false_positive, true_positive, _ = roc_curve(part.y_true, part.y_score)
        label = f"{name}: {_with_interval(area(grouped))} (n {len(part)})"
        axes.plot(false_positive, true_positive, color=CYCLE[index % len(CYCLE)], label=label)
        if index == 0 and threshold is not None:
            positive = part.y_score >= threshold
            across, up = ((sum(positive[part.y_true == side]), sum(part.y_true == side)) for side in (0, 1))
            at = across[0] / across[1], up[0] / up[1]
            ends = [
                np.abs(np.array([*wilson(*each)]) - value)[:, None]
                for each, value in zip((across, up), at, strict=True)
            ]
            axes.errorbar(*at, ends[1], ends[0], fmt="o", color=POSITIVE, label=f"threshold {threshold:.3f}")
    axes.legend(frameon=False, loc="lower right", title="ROC AUC")
    name_axes(axes, "1 − specificity", "sensitivity")
    return png(figure)


def matrix(counts: Sequence[Sequence[int]], labels: Sequence[str], called: Sequence[str]) -> bytes:
    """Draw which label was called of which, shaded by each label's share, with Wilson's 95 % interval."""
    table = np.array(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(1.6 + 1.25 * len(called), 1.2 + 1.1 * len(labels)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if shares[row, column] > 0.5 else "black"
        low, high = wilson(float(count), float(max(table[row].sum(), 1)))
        text = f"{count}\n{shares[row, column]:.0%} [{100 * low:.0f}, {100 * high:.0f}]"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=11)
    axes.set_xticks(range(len(called)), called)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    return png(figure)


def scores(part: pd.DataFrame, point: OperatingPoint, words: Callable[[str], str] = in_words) -> bytes:
    """Draw a histogram of the scores for each class and source, with threshold and INCONCLUSIVE range if any.

    Args:
        part: rows with label, source, y_true and y_score.
        point: threshold and INCONCLUSIVE range.
        words: returns a label as people write it.
    """
    cells = list(part.groupby(["y_true", "label", "source"], sort=True))
    figure = Figure(figsize=(6.4, 1.2 + 0.9 * max(len(cells), 1)), layout="constrained")
    rows = figure.subplots(max(len(cells), 1), 1, sharex=True, squeeze=False)[:, 0]
    low, threshold, high = _logit(np.array([point.negative_below, point.threshold, point.positive_from]))
    first, last = _logit(np.array([SCORE_END, 1 - SCORE_END]))
    bins = np.linspace(float(first), float(last), 49)
    for axes, ((y_true, label, source), cell) in zip(rows, cells, strict=False):
        weights = np.full(len(cell), 1 / len(cell))
        colour = POSITIVE if y_true else NEGATIVE
        axes.hist(_logit(cell.y_score.to_numpy()), bins=bins, weights=weights, color=colour)
        if point.decides:
            axes.axvspan(low, high, color="#999999", alpha=0.35, linewidth=0)
            axes.axvline(threshold, color="black", linewidth=1)
        axes.set_yticks([])
        name = f"{words(label)}\n{source}\nn {len(cell)}"
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
    rows[-1].set_xticks(_logit(np.array(SCORE_TICKS)), [f"{tick:g}" for tick in SCORE_TICKS])
    edges = "; line: threshold; grey: INCONCLUSIVE" if point.decides else ""
    rows[-1].set_xlabel(f"score (logit axis){edges}")
    return png(figure)


def auc_by_source(heads: Mapping[str, Mapping[str, Json]]) -> bytes:
    """Draw ROC AUC with its 95 % interval for each source and head: a forest plot.

    Args:
        heads: by title, and in it by name of the radiographs, what `training.metrics.figures.measure` returns, with or
            without an AUC. At least one.
    """
    names = list(dict.fromkeys(name for rows in heads.values() for name in rows))
    step = 0.8 / len(heads)
    figure = Figure(figsize=(8, 1.3 + max(0.3 * len(heads), 0.4) * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0.5, color=NEUTRAL, linewidth=0.8, linestyle=":")
    for index, (title, rows) in enumerate(heads.items()):
        axes.plot([], [], "o", color=CYCLE[index % len(CYCLE)], label=title)
        for place, name in enumerate(names):
            if name in rows:
                y = place + (index - (len(heads) - 1) / 2) * step
                _forest_row(axes, y, rows[name], CYCLE[index % len(CYCLE)])
    axes.set(xlim=(0, 1), ylim=(len(names) - 0.45, -0.55))
    axes.set_xlabel("ROC AUC with 95 % interval; n: positives + negatives")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for edge in range(1, len(names)):
        axes.axhline(edge - 0.5, color="#dddddd", linewidth=0.8)
    figure.legend(frameon=False, loc="outside upper left", ncols=len(heads))
    return png(figure)


def _forest_row(axes: Axes, y: float, row: Json, colour: str) -> None:
    """Draw one AUC, and in words beside the axes what it is."""
    area, counts = row["roc_auc"], f"n {row['positives']} + {row['negatives']}"
    words = f"one class only, {counts}"
    if area:
        known = area["low"] is not None
        words = f"{area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}]" if known else f"{area['value']:.3f}"
        words += f", {counts}"
        axes.plot(area["value"], y, "o", color=colour, markersize=6, clip_on=False, zorder=3)
        if known:
            axes.plot([area["low"], area["high"]], [y, y], color=colour, linewidth=1.8)
    # In the y axis's own units, but past the right end of the x axis.
    place = axes.get_yaxis_transform()
    axes.text(1.04, y, words, transform=place, va="center", fontsize=8, color="black" if area else NEUTRAL)


def scores_by_erasure(table: pd.DataFrame) -> bytes:
    """Draw the quartiles of the scores by what was erased, one panel for each head; whiskers from 5 % to 95 %.

    Args:
        table: at least one row, with head, erasure, y_true (0 or 1 for that head) and y_score.
    """
    # table.head is a method of pandas.
    heads, erasures = list(dict.fromkeys(table["head"])), list(dict.fromkeys(table.erasure))
    figure = Figure(figsize=(1.6 + 3.6 * len(heads), 1.3 + 0.75 * len(erasures)), layout="constrained")
    panels = figure.subplots(1, len(heads), sharey=True, squeeze=False)[0]
    for axes, head in zip(panels, heads, strict=True):
        for truth, shift, colour, label in (
            (1, -0.19, POSITIVE, "positive class"),
            (0, 0.19, NEGATIVE, "negative class"),
        ):
            rows = table[(table["head"] == head) & (table.y_true == truth)]
            boxes = [rows.y_score[rows.erasure == erasure].clip(SCORE_END, 1 - SCORE_END) for erasure in erasures]
            axes.boxplot(
                boxes, positions=np.arange(len(erasures)) + shift, widths=0.3, orientation="horizontal", whis=(5, 95),
                showfliers=False, manage_ticks=False, patch_artist=True, boxprops={"facecolor": colour},
                medianprops={"color": "black"}, label=label,
            )  # fmt: skip
        axes.set_title(head, fontsize=10)
        axes.set_xscale("logit")
        axes.set_xticks(SCORE_TICKS, [f"{tick:g}" for tick in SCORE_TICKS], fontsize=8)
        axes.minorticks_off()
        axes.set(xlabel="score (logit axis)", xlim=(SCORE_END / 2, 1 - SCORE_END / 2))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(erasures)), [name.replace("_", " ") for name in erasures])
    panels[0].set_ylim(len(erasures) - 0.5, -0.5)
    figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, loc="outside upper left", ncols=2)
    return png(figure)


def grid(
    images: Sequence[NDArray[np.uint8]], names: Sequence[str] = (), *, a_row: int = 8, inches: float = 1.15
) -> bytes:
    """Draw images in rows.

    Args:
        images: uint8, each of shape (height, width), or (height, width, 3) for red, green, blue.
        names: under each; nothing without.
        a_row: how many stand side by side.
        inches: a side of each.

    Returns:
        A PNG.
    """
    rows = -(-len(images) // a_row)
    lines = max((name.count("\n") + 1 for name in names), default=0)
    figure = Figure(figsize=(a_row * inches, rows * (inches + 0.1 + 0.15 * lines)), layout="constrained")
    places = np.atleast_2d(figure.subplots(rows, a_row, squeeze=False))
    for axes in places.flat:
        axes.axis("off")
    for number, (axes, image) in enumerate(zip(places.flat, images, strict=False)):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        if names:
            axes.set_title(names[number], fontsize=7, y=-0.05, va="top", pad=0)
    return png(figure)


def _with_interval(figure: Json) -> str:
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def name_axes(axes: Axes, across: str, up: str) -> None:
    """Name both axes, and take away the two sides of the frame that say nothing."""
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    file = BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def _logit(score: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(score, SCORE_END, 1 - SCORE_END)
    return np.log(clipped / (1 - clipped))
