"""Train a head on contrasts inside a source: `python -m training head training/configs/covid_normal.toml`.

A linear head on the frozen backbone's averaged features, strongly regularised, learns above all from sources that
hold both sides of its contrast: there, to know the hospital helps nothing. Writes runs/<name>/: config.json,
head.npz (as it is served, calibrated), operating_point.json (chosen on the validation split) and
predictions.csv (val, test, held_out).
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training import run
from training.command import head_parser, run_of
from training.config import load
from training.data.crops import EQUAL as EQUAL
from training.data.crops import crops, draw_weights
from training.data.manifest import Row
from training.evaluate.predictions import write_predictions
from training.fit.features import views as views
from training.fit.linear import Linear, fit_views
from training.metrics import calibration
from training.metrics.discrimination import expit
from training.metrics.thresholds import OperatingPoint
from xray.errors import DatasetError
from xray.networks.preprocess import Recipe


@dataclass(frozen=True)
class ContrastConfig:
    """Choices of this step; see configs/covid_normal.toml.

    Attributes:
        name: of the model, for machines.
        title: of the model, for people.
        negative: label that the score is against.
        positive: label that the score is for.
        taught_negative: labels of the contrast's one side.
        taught_positive: labels of its other side.
        sources: where the head learns; at least one must hold both sides.
        one_sided_weight: what a source that holds one side only counts, beside 1 for each that holds both.
        regularisation: C of the logistic regression: the smaller, the simpler the head.
        sensitivity: share of validation films of the positive label that the threshold finds.
        error_rate: of either class, that the INCONCLUSIVE band leaves to the verdicts; see `calibrate.band`.
        recipe: of the backbone.
    """

    name: str
    title: str
    negative: str
    positive: str
    taught_negative: tuple[str, ...]
    taught_positive: tuple[str, ...]
    sources: tuple[str, ...]
    one_sided_weight: float
    regularisation: float
    sensitivity: float
    error_rate: float
    recipe: Recipe


def contrast(rows: list[Row], config: ContrastConfig, sources: tuple[str, ...] | None = None) -> NDArray[np.int64]:
    """Return 1 and 0 for the sides of the contrast in its sources, -1 for every other radiograph.

    Args:
        rows: of the manifest.
        config: the labels of both sides.
        sources: others than the configuration's.
    """
    side = {label: 1 for label in config.taught_positive} | {label: 0 for label in config.taught_negative}
    allowed = config.sources if sources is None else sources
    return np.array([side.get(row.label, -1) if row.source in allowed else -1 for row in rows])


def fit(inputs: NDArray[np.float32], y_true: NDArray[np.int64], rows: list[Row], config: ContrastConfig) -> Linear:
    """Fit a logistic regression on standardised features, every source and side counting the same.

    Args:
        inputs: averaged features, shape (n, views, channels).
        y_true: 0 or 1, shape (n,).
        rows: n radiographs.
        config: regularisation, and what a source with one side counts.

    Raises:
        DatasetError: no source holds both sides.
    """
    sources = np.array([row.source for row in rows])
    both = [name for name in np.unique(sources) if len(np.unique(y_true[sources == name])) == 2]
    if not both:
        raise DatasetError(
            f"Expected a source with both sides of the contrast. Received {sorted(set(sources))}, each with one: "
            "there a head would learn to know the hospital. Add a source to `sources`."
        )
    weight = draw_weights([str(y) for y in y_true], list(sources), EQUAL)
    weight = weight * np.where(np.isin(sources, both), 1.0, config.one_sided_weight)
    used = np.flatnonzero(weight)
    mean_one = weight[used] / weight.sum() * len(used)
    return fit_views(inputs[used], y_true[used], mean_one, config.regularisation)


def learn(inputs: NDArray[np.float32], rows: list[Row], config: ContrastConfig, sources: tuple[str, ...]) -> Linear:
    """Fit a head on the train split of some sources, and calibrate it on their validation split.

    Args:
        inputs: averaged features of all radiographs, shape (n, views, channels); see `views`.
        rows: all radiographs.
        config: the contrast.
        sources: where it learns.
    """
    side = contrast(rows, config, sources)
    splits = np.array([row.split for row in rows])
    train, val = (np.flatnonzero((splits == name) & (side >= 0)) for name in ("train", "val"))
    head = fit(inputs[train], side[train], [rows[i] for i in train], config)
    weight = draw_weights([str(y) for y in side[val]], [rows[i].source for i in val])
    return head.calibrated(calibration.platt(head.logits(inputs[val, 0]), side[val], weight))


def fit_split(
    inputs: NDArray[np.float32], rows: list[Row], config: ContrastConfig, left_out: str | None = None
) -> tuple[Linear, OperatingPoint]:
    """Learn, calibrate, and choose the operating point on validation films of the two labels of the verdict.

    Args:
        inputs: averaged features of all radiographs, shape (n, views, channels); see `views`.
        rows: all radiographs.
        config: the contrast.
        left_out: a source of which nothing is used.

    Returns:
        The calibrated head, and its threshold and band.
    """
    head = learn(inputs, rows, config, tuple(name for name in config.sources if name != left_out))
    judged = [
        i
        for i, row in enumerate(rows)
        if row.split == "val" and row.label in (config.negative, config.positive) and row.source != left_out
    ]
    chosen = [rows[i] for i in judged]
    y_true = np.array([row.label == config.positive for row in chosen])
    weight = draw_weights([row.label for row in chosen], [row.source for row in chosen])
    point = calibration.operating_point(
        y_true,
        expit(head.logits(inputs[judged, 0])),
        weight,
        sensitivity=config.sensitivity,
        error_rate=config.error_rate,
    )
    return head, point


def taught_films(rows: list[Row], config: ContrastConfig) -> list[dict[str, object]]:
    """Return how many films and patients of each split, source and label the head learns from or is judged on."""
    cells: dict[tuple[str, str, str], list[str]] = {}
    for row, side in zip(rows, contrast(rows, config), strict=True):
        if side >= 0:
            cells.setdefault((row.split, row.source, row.label), []).append(row.patient_id)
    return [
        {"split": split, "source": source, "label": label, "films": len(of), "patients": len(set(of))}
        for (split, source, label), of in sorted(cells.items())
    ]


def train(config: ContrastConfig, manifest: Path, weights: str, folder: Path) -> None:
    """Train one head and write its run."""
    folder.mkdir(parents=True, exist_ok=True)
    data = crops(manifest, config.recipe)
    inputs = views(data, config.recipe, weights)
    head, point = fit_split(inputs, data.rows, config)
    facts = {**run.describe(config, manifest), "weights": weights, "films": taught_films(data.rows, config)}
    run.write_json(folder / "config.json", facts)
    run.write_json(folder / "operating_point.json", asdict(point))
    run.write_arrays(folder / "head.npz", head.arrays())
    labels = (config.negative, config.positive)
    evaluated = [i for i, row in enumerate(data.rows) if row.split != "train" and row.label in labels]
    chosen = [data.rows[i] for i in evaluated]
    write_predictions(folder / "predictions.csv", chosen, config.positive, expit(head.logits(inputs[evaluated, 0])))
    print(f"{config.title}: threshold {point.threshold:.3f}, inconclusive from {point.low:.3f} to {point.high:.3f}")


def main() -> None:
    """Read the command line and train."""
    args = head_parser(__doc__).parse_args()
    config = load(args.config, ContrastConfig)
    train(config, args.manifest, args.backbone, run_of(args, config.name))


if __name__ == "__main__":
    main()
