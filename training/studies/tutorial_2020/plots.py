"""The plots of the tutorial: how scores are spread, the curves of the training, the confusion matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.metrics.discrimination import confusion
from training.report.plots import CYCLE, NEGATIVE, NEUTRAL, POSITIVE, name_axes, png
from training.studies.tutorial_2020.figures import THRESHOLD
from training.studies.tutorial_2020.head import History
from xray.prediction import in_words

BINS = 20


def distributions(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Draw how the scores of each part are spread: a histogram above a box plot, what is called COVID-19 in colour.

    Args:
        tables: by title, rows with y_score.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(9, 3.1 * -(-len(tables) // 2)), layout="constrained")
    for axes, (title, table) in zip(_places(figure, len(tables)), tables.items(), strict=False):
        score = table.y_score.to_numpy()
        _, edges, bars = axes.hist(score, bins=np.linspace(0, 1, BINS + 1), color=NEGATIVE)
        for edge, bar in zip(edges, bars, strict=False):
            if edge >= THRESHOLD - 1e-9:
                bar.set_facecolor(POSITIVE)
        top = axes.get_ylim()[1]
        axes.boxplot(score, orientation="horizontal", positions=[-0.12 * top], widths=0.1 * top, manage_ticks=False,
                     flierprops={"markersize": 2}, medianprops={"color": "black"})  # fmt: skip
        axes.axvline(THRESHOLD, color=NEUTRAL, linestyle=":", linewidth=1)
        axes.axvline(score.mean(), color="black", linestyle="--", linewidth=1)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.25 * top, top))
        axes.set_yticks([tick for tick in axes.get_yticks() if tick >= 0])
        called = int((score >= THRESHOLD).sum())
        axes.set_title(f"{title}: {called} of {len(score)} called COVID-19", fontsize=9)
        name_axes(axes, "score for COVID-19", "films")
    return png(figure)


def curves(histories: Mapping[str, History]) -> bytes:
    """Draw loss and accuracy of training and test films over the epochs, a column for each set.

    Args:
        histories: by title.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(2.6 * len(histories), 4.6), layout="constrained")
    places = figure.subplots(2, len(histories), squeeze=False, sharey="row")
    for column, (title, history) in enumerate(histories.items()):
        epochs = [row["epoch"] for row in history]
        for axes, name in zip(places[:, column], ("loss", "accuracy"), strict=True):
            axes.plot(epochs, [row[name] for row in history], color=CYCLE[0], label="training")
            axes.plot(epochs, [row[f"test_{name}"] for row in history], color=POSITIVE, label="test, watched")
            name_axes(axes, "epoch", name if column == 0 else "")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        places[0, column].set_title(title, fontsize=9)
    places[0, 0].legend(frameon=False, fontsize=8)
    return png(figure)


def matrices(tables: Mapping[str, pd.DataFrame], published: Mapping[str, Sequence[int]]) -> bytes:
    """Draw the article's confusion matrices above ours.

    Args:
        tables: by title, the test films with label, y_true and y_score.
        published: by title, true positives, false negatives, false positives, true negatives.

    Returns:
        A PNG.
    """
    figure = Figure(figsize=(2.3 * len(tables), 5), layout="constrained")
    places = figure.subplots(2, len(tables), squeeze=False)
    for column, (title, table) in enumerate(tables.items()):
        counts = confusion(table.y_true, table.y_score, threshold=THRESHOLD)
        ours = (counts.true_positive, counts.false_negative, counts.false_positive, counts.true_negative)
        negative = next((in_words(label) for label in table.label[table.y_true == 0]), "other")
        for axes, cells, whose in zip(places[:, column], (published[title], ours), ("article", "ours"), strict=True):
            _matrix(axes, np.reshape(cells, (2, 2)), negative)
            axes.set_title(f"{title}\n{whose}", fontsize=9)
    return png(figure)


def _matrix(axes: Axes, cells: np.ndarray, negative: str) -> None:
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(cells):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=13)
    names = ["COVID-19", negative]
    axes.set_xticks([0, 1], names, fontsize=7)
    axes.set_yticks([0, 1], names, rotation=90, va="center", fontsize=7)
    axes.set_xlabel("called", fontsize=8)
    axes.set_ylabel("is", fontsize=8)


def _places(figure: Figure, number: int) -> list[Axes]:
    places = list(figure.subplots(-(-number // 2), 2, squeeze=False).flat)
    for spare in places[number:]:
        spare.axis("off")
    return places[:number]
