"""Train a head of several classes: `python -m training head training/configs/three_classes.toml`.

A linear head on the frozen backbone's averaged features. Each film is compared with the classes of its own source
alone, so that to know the hospital helps nothing. Writes runs/<name>/: config.json, head.npz (as it is served,
calibrated), points.json (chosen on the validation split) and predictions.csv (val, test, held_out).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import run
from training.command import head_parser, run_of
from training.config import load
from training.data.crops import crops, draw_weights
from training.data.manifest import Row
from training.evaluate import class_predictions
from training.fit import softmax
from training.fit.contrast import EQUAL, views
from training.fit.softmax import Softmax
from training.metrics import calibration
from training.metrics.discrimination import Floats
from training.metrics.thresholds import OperatingPoint
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe

SOFTMAX, SIGMOID = "softmax", "sigmoid"


@dataclass(frozen=True)
class ClassChoice:
    """Which films show a class.

    Attributes:
        name: of the class, for machines.
        labels: of the manifest.
        findings: of the manifest, by the publisher's words; all where it is empty.
    """

    name: str
    labels: tuple[str, ...]
    findings: tuple[str, ...] = ()

    def shown_by(self, row: Row) -> bool:
        """Tell whether a film shows it."""
        return row.label in self.labels and (not self.findings or row.finding in self.findings)


@dataclass(frozen=True)
class ClassesConfig:
    """Choices of this step; see configs/three_classes.toml.

    Attributes:
        name: of the model, for machines.
        title: of the model, for people.
        outputs: softmax, where one class excludes the others.
        positive: name of the class that the model's own verdict is for.
        sources: where the head learns; those with one class teach it nothing.
        regularisation: C of the logistic regression: the smaller, the simpler the head.
        error_rate: share of a class's validation films for which it is not plausible.
        classes: in the order of the outputs.
        recipe: of the backbone.
        rivals: `source` compares a film with the classes of its own source alone; `all`, for collections whose
            classes come from a source each, with all: then the head learns to know the source as well.
    """

    name: str
    title: str
    outputs: str
    positive: str
    sources: tuple[str, ...]
    regularisation: float
    error_rate: float
    classes: tuple[ClassChoice, ...]
    recipe: Recipe
    rivals: str = "source"

    @property
    def names(self) -> tuple[str, ...]:
        """The classes' names, in the order of the outputs."""
        return tuple(each.name for each in self.classes)


def classes_of(rows: Sequence[Row], config: ClassesConfig) -> NDArray[np.int64]:
    """Return the index of the class that each film shows; -1 where it shows none."""
    return np.array([next((i for i, each in enumerate(config.classes) if each.shown_by(row)), -1) for row in rows])


def learn(
    inputs: NDArray[np.float32], y_true: NDArray[np.int64], rows: Sequence[Row], config: ClassesConfig
) -> Softmax:
    """Fit a head on train films of the configuration's sources, each with its rivals (see ClassesConfig).

    Args:
        inputs: averaged features of all films, shape (n, views, channels).
        y_true: class of each film, shape (n,), -1 for those of none.
        rows: all films.
        config: sources and regularisation.

    Raises:
        DatasetError: no source holds two classes, or no chain of sources joins all classes.
    """
    sources = np.array([row.source for row in rows])
    train = np.array([row.split == "train" for row in rows]) & (y_true >= 0) & np.isin(sources, config.sources)
    held = {name: np.unique(y_true[train & (sources == name)]) for name in np.unique(sources[train])}
    if config.rivals == "all":
        held = dict.fromkeys(held, np.unique(y_true[train]))
    held = {name: classes for name, classes in held.items() if len(classes) > 1}
    if not _joined(list(held.values()), len(config.classes)):
        raise DatasetError(
            f"Expected sources that hold two classes or more each, and that join all of {', '.join(config.names)}. "
            f"Received {', '.join(held) or 'none'}: without them a head would learn to know the hospital. Add a source "
            "to `sources`."
        )
    used = np.flatnonzero(train & np.isin(sources, list(held)))
    possible = np.zeros((len(used), len(config.classes)), bool)
    for position, index in enumerate(used):
        possible[position, held[sources[index]]] = True
    weight = draw_weights([str(y) for y in y_true[used]], list(sources[used]), EQUAL) * len(used)
    return softmax.fit(inputs[used], y_true[used], possible, weight, config.regularisation)


def _joined(groups: Sequence[NDArray[np.int64]], classes: int) -> bool:
    """Tell whether chains of groups lead from each class to every other."""
    reached = set(groups[0].tolist()) if groups else set()
    for _ in groups:
        for group in groups:
            if reached & set(group.tolist()):
                reached |= set(group.tolist())
    return len(reached) == classes


def fit(
    inputs: NDArray[np.float32], rows: Sequence[Row], config: ClassesConfig, left_out: str | None = None
) -> tuple[Softmax, Floats]:
    """Learn, calibrate on validation films of every source, and say from which score each class is plausible.

    Args:
        inputs: averaged features of all films, shape (n, views, channels).
        rows: all films.
        config: the classes.
        left_out: a source of which nothing is used.

    Returns:
        The calibrated head, and each class's threshold, shape (classes,).
    """
    y_true = classes_of(rows, config)
    y_true[[row.source == left_out for row in rows]] = -1
    val = np.flatnonzero(np.array([row.split == "val" for row in rows]) & (y_true >= 0))
    weight = draw_weights([str(y) for y in y_true[val]], [rows[i].source for i in val])
    head = learn(inputs, y_true, rows, config).calibrated(y_true[val], inputs[val, 0], weight)
    return head, thresholds(y_true[val], head.scores(inputs[val, 0]), weight, config.error_rate)


def thresholds(y_true: NDArray[np.int64], y_score: Floats, weight: Floats, error_rate: float) -> Floats:
    """Return, for each class, the score that all but a share of its own validation films reach.

    Args:
        y_true: class of each film, shape (n,).
        y_score: shape (n, classes).
        weight: shape (n,): what each film counts.
        error_rate: that share.

    Raises:
        DatasetError: a class has none.

    Source:
        Class-conditional split conformal prediction: Vovk 2012, arXiv:1209.2673; Sadinle et al. 2019,
        arXiv:1609.00451.
    """
    if missing := set(range(y_score.shape[1])) - set(y_true.tolist()):
        raise DatasetError(f"Expected validation films of every class. Received none of number {sorted(missing)}.")
    found = [
        calibration.quantile(y_score[y_true == index, index], weight[y_true == index], error_rate)
        for index in range(y_score.shape[1])
    ]
    return np.array(found)


def taught_films(rows: Sequence[Row], y_true: NDArray[np.int64], config: ClassesConfig) -> list[dict[str, object]]:
    """Return how many films and patients of each split, source and class the head learns from or is judged on."""
    cells: dict[tuple[str, str, str], list[str]] = {}
    for row, y in zip(rows, y_true, strict=True):
        if y >= 0 and (row.split != "train" or row.source in config.sources):
            cells.setdefault((row.split, row.source, config.names[y]), []).append(row.patient_id)
    return [
        {"split": split, "source": source, "label": label, "films": len(of), "patients": len(set(of))}
        for (split, source, label), of in sorted(cells.items())
    ]


def train(config: ClassesConfig, manifest: Path, weights: str, folder: Path) -> None:
    """Train one head and write its run."""
    folder.mkdir(parents=True, exist_ok=True)
    data = crops(manifest, config.recipe)
    inputs = views(data, config.recipe, weights)
    y_true = classes_of(data.rows, config)
    head, points = fit(inputs, data.rows, config)
    facts = {**run.describe(config, manifest), "weights": weights, "films": taught_films(data.rows, y_true, config)}
    run.write_json(folder / "config.json", facts)
    named = {n: asdict(OperatingPoint(p, p, p)) for n, p in zip(config.names, points.tolist(), strict=True)}
    run.write_json(folder / "points.json", named)
    run.write_arrays(folder / "head.npz", head.arrays())
    kept = [i for i, row in enumerate(data.rows) if row.split != "train" and y_true[i] >= 0]
    scores = head.scores(inputs[kept, 0])
    class_predictions.write(
        folder / "predictions.csv", [data.rows[i] for i in kept], y_true[kept], scores, config.names
    )
    print(f"{config.title}: plausible from", *(f"{n} {p:.3f}" for n, p in zip(config.names, points, strict=True)))


def main() -> None:
    """Read the command line and train."""
    args = head_parser(__doc__).parse_args()
    config = load(args.config, ClassesConfig)
    train(config, args.manifest, args.backbone, run_of(args, config.name))


if __name__ == "__main__":
    main()
