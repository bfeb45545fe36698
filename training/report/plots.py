"""The plots of a report: learning curves, ROC, confusion matrix and scores."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from training.metrics.discrimination import Confusion, roc_auc
from training.metrics.thresholds import OperatingPoint
from xray.prediction import in_words

# Apart for colour-blind eyes too: Okabe & Ito 2008.
NEGATIVE, POSITIVE, NEUTRAL = "#0072B2", "#D55E00", "#555555"
CYCLE = ("#000000", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DPI = 130
# Scores are drawn on a logit axis, as most lie near 0 or 1; its ends hold all that lies beyond.
SCORE_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
SCORE_END = 1e-4


def learning_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw each quantity of history.csv over the epochs; loss apart from shares.

    Args:
        history: one mapping an epoch, with `epoch`, `loss`, `val_loss` and shares in [0, 1].
        path: of the PNG.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, shares = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    colours = {losses: iter(CYCLE), shares: iter(CYCLE)}
    for name in list(history[0])[1:] if history else []:
        axes = losses if name.endswith("loss") else shares
        axes.plot(epochs, [row[name] for row in history], color=next(colours[axes]), label=name)
    for axes, name in ((losses, "loss"), (shares, "share")):
        name_axes(axes, "epoch", name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if axes.lines:
            axes.legend(frameon=False)
    figure.savefig(path, dpi=DPI)


def roc(parts: Mapping[str, pd.DataFrame], point: OperatingPoint, path: Path) -> None:
    """Draw a ROC curve for each part, with the operating point on the first.

    Args:
        parts: by name, rows with both classes in y_true, and y_score.
        point: the first part's sensitivity and specificity are marked at its threshold.
        path: of the PNG.
    """
    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8, linestyle=":")
    for index, (name, part) in enumerate(parts.items()):
        false_positive, true_positive, _ = roc_curve(part.y_true, part.y_score)
        label = f"{name}: {roc_auc(part.y_true, part.y_score):.3f} (n {len(part)})"
        axes.plot(false_positive, true_positive, color=CYCLE[index % len(CYCLE)], label=label)
        if index == 0:
            positive = part.y_score >= point.threshold
            marked = positive[part.y_true == 0].mean(), positive[part.y_true == 1].mean()
            axes.plot(*marked, "o", color=POSITIVE, label=f"threshold {point.threshold:.3f}")
    axes.legend(frameon=False, loc="lower right", title="ROC AUC")
    name_axes(axes, "1 − specificity", "sensitivity")
    figure.savefig(path, dpi=DPI)


def confusion_matrix(counts: Confusion, classes: tuple[str, str], path: Path) -> None:
    """Draw the confusion matrix, shaded by each class's share.

    Args:
        counts: radiographs at the threshold.
        classes: labels, the negative one first.
        path: of the PNG.
    """
    table = np.array(counts).reshape(2, 2)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(table):
        share = shares[row, column]
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{count}\n{share:.1%}", ha="center", va="center", color=colour, fontsize=13)
    names = [in_words(name) for name in classes]
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    figure.savefig(path, dpi=DPI)


def scores(part: pd.DataFrame, point: OperatingPoint, path: Path) -> None:
    """Draw a histogram of the scores for each class and source, with threshold and INCONCLUSIVE band.

    Args:
        part: rows with label, source, y_true and y_score.
        point: threshold and band.
        path: of the PNG.
    """
    cells = list(part.groupby(["y_true", "label", "source"], sort=True))
    figure = Figure(figsize=(8, 1 + 0.9 * max(len(cells), 1)), layout="constrained")
    rows = figure.subplots(max(len(cells), 1), 1, sharex=True, squeeze=False)[:, 0]
    low, threshold, high = _logit(np.array([point.low, point.threshold, point.high]))
    bins = np.linspace(*_logit(np.array([SCORE_END, 1 - SCORE_END])), 49)
    for axes, ((y_true, label, source), cell) in zip(rows, cells, strict=False):
        weights = np.full(len(cell), 1 / len(cell))
        colour = POSITIVE if y_true else NEGATIVE
        axes.hist(_logit(cell.y_score.to_numpy()), bins=bins, weights=weights, color=colour)
        axes.axvspan(low, high, color="#999999", alpha=0.35, linewidth=0)
        axes.axvline(threshold, color="black", linewidth=1)
        axes.set_yticks([])
        name = f"{in_words(label)}\n{source}\nn {len(cell)}"
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        axes.spines[["top", "right", "left"]].set_visible(False)
    rows[-1].set_xticks(_logit(np.array(SCORE_TICKS)), [f"{tick:g}" for tick in SCORE_TICKS])
    rows[-1].set_xlabel("score (logit axis); line: threshold; grey: INCONCLUSIVE")
    figure.savefig(path, dpi=DPI)


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
