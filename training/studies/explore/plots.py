"""The pictures of the exploration: grids of films, mean films, components, and how greys are spread."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.report.plots import CYCLE, NEUTRAL, name_axes, png
from training.studies.explore.measures import Brightness, Components

COLOURS = ("#0072B2", "#D55E00", *CYCLE)
A_ROW = 8
MOST_POINTS = 1500  # of each group in a scatter: more hide each other


def grid(
    pictures: Sequence[NDArray[np.uint8]], names: Sequence[str] = (), *, a_row: int = A_ROW, inches: float = 1.15
) -> bytes:
    """Lay grey pictures out in rows.

    Args:
        pictures: uint8, each shape (height, width).
        names: under each; nothing without.
        a_row: how many stand side by side.
        inches: a side of each.

    Returns:
        A PNG.
    """
    rows = -(-len(pictures) // a_row)
    lines = max((name.count("\n") + 1 for name in names), default=0)
    figure = Figure(figsize=(a_row * inches, rows * (inches + 0.1 + 0.15 * lines)), layout="constrained")
    places = np.atleast_2d(figure.subplots(rows, a_row, squeeze=False))
    for axes in places.flat:
        axes.axis("off")
    for number, (axes, picture) in enumerate(zip(places.flat, pictures, strict=False)):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        if names:
            axes.set_title(names[number], fontsize=7, y=-0.05, va="top", pad=0)
    return png(figure)


def mean_films(groups: Mapping[str, NDArray[np.uint8]]) -> bytes:
    """Draw the mean and the deviation of each group's pictures, the mean above.

    Args:
        groups: by name, uint8, shape (n, 64, 64).
    """
    figure = Figure(figsize=(1.7 * len(groups), 3.9), layout="constrained")
    places = figure.subplots(2, len(groups), squeeze=False)
    for column, (name, pictures) in enumerate(groups.items()):
        films = pictures.astype(np.float32)
        for axes, picture, top in zip(places[:, column], (films.mean(0), films.std(0)), (255, 90), strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=top)
            axes.set(xticks=[], yticks=[])
        places[0, column].set_title(f"{name}\nn {len(films)}", fontsize=8)
    places[0, 0].set_ylabel("mean")
    places[1, 0].set_ylabel("deviation")
    return png(figure)


def greys(measured: Mapping[str, Brightness], groups: NDArray[np.str_]) -> bytes:
    """Draw how means and deviations of the pictures are spread in each group.

    Args:
        measured: by what was measured: whole pictures, lungs alone.
        groups: the group of each picture.
    """
    figure = Figure(figsize=(9, 3 * len(measured)), layout="constrained")
    places = figure.subplots(len(measured), 2, squeeze=False)
    for row, (what, found) in zip(places, measured.items(), strict=True):
        for axes, values, name in zip(row, (found.mean, found.deviation), ("mean", "deviation"), strict=True):
            finite = values[np.isfinite(values)]
            edges = np.linspace(*np.quantile(finite, (0, 1)), int(np.clip(len(finite) / 40, 10, 50)) + 1)
            for colour, group in zip(COLOURS, np.unique(groups), strict=False):
                chosen = values[(groups == group) & np.isfinite(values)]
                axes.hist(chosen, bins=edges, density=True, histtype="step", color=colour, label=group)
            name_axes(axes, f"{name} of the greys, {what}", "share")
            axes.set_yticks([])
    places[0, 0].legend(frameon=False, fontsize=8)
    return png(figure)


def variance(found: Mapping[str, Components]) -> bytes:
    """Draw how much of the variance the first components hold together."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for colour, (name, each) in zip(COLOURS, found.items(), strict=False):
        axes.plot(np.arange(1, len(each.shares) + 1), each.shares.cumsum(), color=colour, label=name)
    axes.axhline(0.5, color=NEUTRAL, linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    name_axes(axes, "principal components", "share of the variance")
    return png(figure)


def component_pictures(found: Components, number: int = 16) -> bytes:
    """Draw the first components as pictures: grey is nothing, white and black are its two ends."""
    shown = found.pictures[:number]
    greys = [np.asarray(128 + 127 * each / np.abs(each).max(), np.uint8) for each in shown]
    return grid(greys, [f"{rank}: {share:.1%}" for rank, share in enumerate(found.shares[:number], 1)])


def scatter(found: Components, by: Mapping[str, NDArray[np.str_]]) -> bytes:
    """Draw where pictures lie along the first two components, once for each way to group them."""
    figure = Figure(figsize=(5 * len(by), 4.4), layout="constrained")
    rng, size = np.random.default_rng(0), float(np.clip(6000 / len(found.places), 3, 14))
    for axes, (name, groups) in zip(figure.subplots(1, len(by), squeeze=False)[0], by.items(), strict=True):
        for colour, group in zip(COLOURS, np.unique(groups), strict=False):
            chosen = rng.permutation(np.flatnonzero(groups == group))[:MOST_POINTS]
            axes.scatter(*found.places[chosen, :2].T, s=size, alpha=0.45, color=colour, label=group, linewidths=0)
        axes.legend(frameon=False, fontsize=8, markerscale=7 / size**0.5, title=name)
        axes.set(xticks=[], yticks=[])
        name_axes(axes, "first component", "second component")
    return png(figure)
