"""The plots of a head of several classes: who was called what, and each class against the rest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from training.evaluate import class_predictions
from training.metrics.discrimination import roc_auc
from training.report.plots import CYCLE, DPI, NEUTRAL
from xray.prediction import in_words


def matrix(counts: Sequence[Sequence[int]], classes: Sequence[str], called: Sequence[str], path: Path) -> None:
    """Draw who was called what, shaded by each class's share.

    Args:
        counts: rows are what films are, columns what they are called.
        classes: names of the rows.
        called: names of the columns.
        path: of the PNG.
    """
    table = np.array(counts)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(1.6 + 1.25 * len(called), 1.2 + 1.1 * len(classes)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(table):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=11)
    axes.set_xticks(range(len(called)), [in_words(name) for name in called])
    axes.set_yticks(range(len(classes)), [in_words(name) for name in classes])
    axes.set_xlabel("called")
    axes.set_ylabel("is")
    figure.savefig(path, dpi=DPI)


def roc(part: pd.DataFrame, classes: Sequence[str], path: Path) -> None:
    """Draw the ROC curve of each class against the rest, of the classes that are there."""
    figure = Figure(figsize=(5.2, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8, linestyle=":")
    scores, truth = class_predictions.scores(part, classes), part.y_true.to_numpy(int)
    for index, name in enumerate(classes):
        own = truth == index
        if own.any() and not own.all():
            false_positive, true_positive, _ = roc_curve(own, scores[:, index])
            label = f"{in_words(name)}: {roc_auc(own, scores[:, index]):.3f} (n {own.sum()})"
            axes.plot(false_positive, true_positive, color=CYCLE[index % len(CYCLE)], label=label)
    axes.legend(frameon=False, loc="lower right", title="ROC AUC, against the rest")
    axes.set(xlabel="1 − specificity", ylabel="sensitivity")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=DPI)
