"""Films that backbones or settings are compared on, in folds that keep patients and near-copies together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from training.data.crops import draw_weights
from training.data.manifest import Row, read
from training.metrics.discrimination import Floats
from training.studies.explore.explore import sample as drawn
from xray.errors import DatasetError


@dataclass(frozen=True)
class Choice:
    """Which films, and how they are parted.

    Attributes:
        negative: labels.
        positive: labels against them.
        splits: of the manifest; leave out what a backbone has learned from.
        at_most: films of each class and source.
        folds: with patients and near-copies together.
        seed: of everything random.
    """

    negative: tuple[str, ...]
    positive: tuple[str, ...]
    splits: tuple[str, ...]
    at_most: int
    folds: int
    seed: int


@dataclass(frozen=True, eq=False)
class Sample:
    """The films that everything is compared on.

    Attributes:
        rows: of the manifest.
        places: of them in the manifest, shape (n,).
        y_true: 1 for the positive labels, shape (n,).
        folds: in which fold each film is judged, shape (n,).
    """

    rows: list[Row]
    places: NDArray[np.intp]
    y_true: NDArray[np.int64]
    folds: NDArray[np.intp]

    def column(self, name: str) -> NDArray[np.str_]:
        """Return a column of the manifest."""
        return np.array([str(getattr(row, name)) for row in self.rows])


def sample(manifest: Path, choice: Choice) -> Sample:
    """Draw the films, and part them into folds with patients and near-copies together.

    Raises:
        DatasetError: a class has fewer groups than there are folds.
    """
    everything = read(manifest)
    wanted = [r for r in everything if r.split in choice.splits and r.label in choice.negative + choice.positive]
    rows = drawn(wanted, choice.at_most)
    y_true = np.array([int(row.label in choice.positive) for row in rows])
    place = {row.path: i for i, row in enumerate(everything)}
    groups = np.array([row.group for row in rows])
    for side, names in enumerate((choice.negative, choice.positive)):
        held = len(set(groups[y_true == side])) if len(rows) else 0
        if held < 2 * choice.folds:
            raise DatasetError(
                f"Expected at least {2 * choice.folds} patients of {' or '.join(names)} for {choice.folds} folds, in "
                f"the splits {', '.join(choice.splits)}. Received: {held}."
            )
    folds = np.empty(len(rows), np.intp)
    for number, (_, unseen) in enumerate(parted(rows, y_true, choice.folds, choice.seed)):
        folds[unseen] = number
    return Sample(rows, np.array([place[row.path] for row in rows]), y_true, folds)


def parted(
    rows: Sequence[Row], y_true: NDArray[np.int64], folds: int, seed: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the rest and the films of each fold; every fold has its share of each class and source, where they allow.

    Cells of fewer films than folds are dealt out with their class's largest cell; of few films, fewer folds are made.
    """
    cells = np.array([f"{y} {row.source}" for y, row in zip(y_true, rows, strict=True)])
    names, sizes = np.unique(cells, return_counts=True)
    for name, size in zip(names, sizes, strict=True):
        if size < folds:
            largest = max((n for n in names if n[0] == name[0]), key=dict(zip(names, sizes, strict=True)).__getitem__)
            cells[cells == name] = largest
    folds = min(folds, *np.unique(cells, return_counts=True)[1])
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(cells, cells, [row.group for row in rows]))


def weight(films: Sample, chosen: NDArray[np.intp]) -> Floats:
    """Return what each film counts: classes the same, sources of a class nearly so; mean 1."""
    rows = [films.rows[i] for i in chosen]
    return draw_weights([str(y) for y in films.y_true[chosen]], [row.source for row in rows]) * len(rows)


def drawn_from(films: Sample) -> tuple[object, ...]:
    """Return the films' names, classes and folds."""
    return [row.sha256 for row in films.rows], films.y_true.tolist(), films.folds.tolist()
