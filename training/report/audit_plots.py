"""The plots of an audit: calibration, AUC by source, and scores of films with parts erased."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.metrics.discrimination import wilson
from training.metrics.figures import Json
from training.report.plots import CYCLE, DPI, NEGATIVE, NEUTRAL, POSITIVE, SCORE_END, SCORE_TICKS

BINS = 10
# With fewer radiographs in a bin its share is noise, though its interval says so too.
HOLLOW = 10
JITTER = 0.11


def reliability(curves: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Draw a reliability diagram: what share is positive among the radiographs of about one score.

    Ten bins of equal width; bars are 95 % intervals (Wilson's, as if radiographs were independent); markers of
    fewer than ten radiographs are hollow. Below, how many radiographs each bin holds.

    Args:
        curves: by name, rows with y_true and y_score in [0, 1]; at least one.
        path: of the PNG.

    Source:
        Guo et al. 2017, arXiv:1706.04599, section 2.
    """
    figure = Figure(figsize=(5.6, 6.4), layout="constrained")
    shares, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    shares.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8, linestyle=":")
    for index, (name, part) in enumerate(curves.items()):
        colour = CYCLE[index % len(CYCLE)]
        _curve(shares, part, colour, f"{name} (n {len(part)})")
        held, edges = np.histogram(part.y_score, bins=BINS, range=(0, 1))
        counts.stairs(held, edges, color=colour, linewidth=1.5)
    shares.legend(frameon=False, loc="upper left")
    shares.set(ylabel="share that is positive", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    # Most scores lie at the ends: the bins between them would vanish beside those.
    counts.set_yscale("symlog", linthresh=1)
    most = max(len(part) for part in curves.values())
    ticks = [0, *(10**power for power in range(6) if 10**power <= most)]
    counts.set_yticks(ticks, [f"{tick:,}" for tick in ticks])
    counts.minorticks_off()
    counts.set(xlabel="score", ylabel="radiographs", ylim=(0, None))
    for axes in (shares, counts):
        axes.spines[["top", "right"]].set_visible(False)
    figure.align_ylabels()
    figure.savefig(path, dpi=DPI)


def _curve(axes: Axes, part: pd.DataFrame, colour: str, label: str) -> None:
    bins = np.minimum((part.y_score.to_numpy() * BINS).astype(int), BINS - 1)
    found = part.groupby(bins).agg(n=("y_true", "size"), share=("y_true", "mean"), score=("y_score", "mean"))
    intervals = np.array([wilson(row.share * row.n, row.n) for row in found.itertuples()])
    axes.plot(found.score, found.share, color=colour, linewidth=1.2, label=label)
    axes.vlines(found.score, intervals[:, 0], intervals[:, 1], color=colour, linewidth=0.9, alpha=0.6)
    faces = [colour if n >= HOLLOW else "white" for n in found.n]
    axes.scatter(found.score, found.share, s=26, color=faces, edgecolors=colour, zorder=3)


def auc_by_source(heads: Mapping[str, Mapping[str, Json]], path: Path) -> None:
    """Draw ROC AUC with its 95 % interval for each source and head: a forest plot.

    Args:
        heads: by title, and in it by name of the radiographs, what `training.metrics.figures.measure` returns, with or
            without an AUC; `training.report.markdown.by_name` gives such rows. At least one.
        path: of the PNG.
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
    figure.savefig(path, dpi=DPI)


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


def scores_by_erasure(table: pd.DataFrame, path: Path) -> None:
    """Draw each film's score as a dot, by what was erased of it, under a box of the quartiles.

    Whiskers reach from the 5th to the 95th percentile.

    Args:
        table: rows with head, erasure, y_true (0 or 1 for that head) and y_score, as `erased_scores` in
            training/evaluate/lung_audit.py gives them with y_true added; one panel for each head; at least one row.
        path: of the PNG.
    """
    # table.head is a method of pandas.
    heads, erasures = list(dict.fromkeys(table["head"])), list(dict.fromkeys(table.erasure))
    figure = Figure(figsize=(1.6 + 3.6 * len(heads), 1.3 + 0.75 * len(erasures)), layout="constrained")
    panels = figure.subplots(1, len(heads), sharey=True, squeeze=False)[0]
    for axes, head in zip(panels, heads, strict=True):
        for place, erasure in enumerate(erasures):
            for truth, shift in ((0, 0.19), (1, -0.19)):
                of = (table["head"] == head) & (table.erasure == erasure) & (table.y_true == truth)
                _strip(axes, place + shift, table.y_score[of].to_numpy(), POSITIVE if truth else NEGATIVE)
        axes.set_title(head, fontsize=10)
        axes.set_xscale("logit")
        axes.set_xticks(SCORE_TICKS, [f"{tick:g}" for tick in SCORE_TICKS], fontsize=8)
        axes.minorticks_off()
        axes.set(xlabel="score (logit axis)", xlim=(SCORE_END / 2, 1 - SCORE_END / 2))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_yticks(range(len(erasures)), [name.replace("_", " ") for name in erasures])
    panels[0].set_ylim(len(erasures) - 0.5, -0.5)
    for colour, label in ((POSITIVE, "positive class"), (NEGATIVE, "negative class")):
        panels[0].plot([], [], "o", color=colour, label=label)
    figure.legend(frameon=False, loc="outside upper left", ncols=2)
    figure.savefig(path, dpi=DPI)


def _strip(axes: Axes, y: float, scores: NDArray[np.float64], colour: str) -> None:
    if not len(scores):
        return
    clipped = np.clip(scores, SCORE_END, 1 - SCORE_END)
    # Spread by the golden ratio rather than by chance, so that a plot drawn again is the same.
    spread = JITTER * (2 * (np.arange(len(scores)) * 0.618034 % 1) - 1)
    opacity = float(np.clip(60 / len(scores), 0.25, 0.8))  # few dots must show, many must not clot
    axes.scatter(clipped, y + spread, s=6, color=colour, alpha=opacity, linewidths=0)
    line = {"color": "black", "linewidth": 1.1}
    axes.boxplot(
        clipped, positions=[y], widths=0.26, orientation="horizontal", whis=(5, 95), showfliers=False,
        manage_ticks=False, boxprops=line, whiskerprops=line, capprops=line,
        medianprops=line | {"linewidth": 2.2, "solid_capstyle": "butt"},
    )  # fmt: skip
