"""Train a head on the frozen backbone: `python -m training head training/configs/covid_normal.toml`.

A head is one linear layer on the backbone's averaged features. Its labels exclude each other (softmax) or not (a
sigmoid for each). It learns inside sources: a radiograph is compared with the labels that its own source holds, so
that to recognise the hospital helps nothing.

Writes runs/<name>/: config.json, head.npz (kernel and bias, calibrated), head.json (labels and operating points, chosen
on the validation split) and predictions.csv (scores of all radiographs outside the train split).
"""

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from training import run as runs
from training.config import Choices, load
from training.data.crops import EQUAL, crops, draw_weights
from training.data.manifest import LABELS, OTHER_LABELS, Row, hospital
from training.fit.features import run_folder, views
from training.fit.linear import fit_softmax, fit_views
from training.metrics.calibration import conformal_point, on_grid, quantile
from training.metrics.discrimination import Floats
from xray.errors import DatasetError
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import Recipe

UNKNOWN = -1
# The columns of the manifest that predictions.csv repeats.
DESCRIBING = (
    "path", "sha256", "source", "label", "finding", "patient_id", "group", "split", "upstream_split", "view", "sex",
    "age_years", "population",
)  # fmt: skip

Inputs = NDArray[np.float32]
Truth = NDArray[np.int64]


class Selection(Choices, frozen=True):
    """Radiographs of the manifest; an empty list of findings or sources stands for all.

    Attributes:
        labels: of the manifest.
        findings: in the publisher's words.
        sources: who published them.
    """

    labels: tuple[str, ...]
    findings: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a label that no manifest has."""
        known = (*LABELS, *OTHER_LABELS)
        if unknown := sorted(set(self.labels) - set(known)):
            raise ValueError(f"expected `labels` out of {', '.join(known)}, received {', '.join(unknown)}")

    def holds(self, row: Row) -> bool:
        """Tell whether a radiograph is one of them."""
        of_finding = not self.findings or row.finding in self.findings
        return row.label in self.labels and of_finding and (not self.sources or row.source in self.sources)


class Label(Choices, frozen=True):
    """One output of a head.

    Attributes:
        name: for machines.
        present: the radiographs that show it.
        taught: what it is taught with, where that differs from `present`.
        unknown: of the other radiographs, those of which nobody says whether they show it.
    """

    name: str
    present: tuple[Selection, ...]
    taught: tuple[Selection, ...] = ()
    unknown: tuple[Selection, ...] = ()


class HeadConfig(Choices, frozen=True, kw_only=True):
    """Choices of a head; see configs/covid_normal.toml.

    Attributes:
        name: of the model, for machines.
        title: of the model, for people.
        positive: the label that the model's own score and verdict are for.
        exclusive: whether a radiograph shows one label only.
        sources: where the head learns.
        calibrated_on: the sources whose validation radiographs calibrate it; those of `sources` by default.
        one_sided_weight: weight of a source that holds one label only, compared with all labels, beside 1 for the
            others; 0 leaves it out.
        regularisation: C of the logistic regressions: the smaller, the simpler the head.
        sensitivity: share of the validation radiographs with a label that score at or above its threshold.
        error_rate: share of the validation radiographs with a label for which it may be ruled out.
        labels: in the order of the outputs.
        recipe: of the backbone.
    """

    name: str
    title: str
    positive: str
    exclusive: bool
    sources: tuple[str, ...]
    calibrated_on: tuple[str, ...] = ()
    one_sided_weight: float = 0.0
    regularisation: float
    sensitivity: float = 0.9
    error_rate: float
    labels: tuple[Label, ...]
    recipe: Recipe

    def __post_init__(self) -> None:
        """Refuse a positive label that there is not."""
        if self.positive not in self.names:
            raise ValueError(f"expected `positive` as one of {', '.join(self.names)}, received {self.positive!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in the order of the outputs."""
        return tuple(label.name for label in self.labels)

    @property
    def manifest_labels(self) -> tuple[str, ...]:
        """The labels of the manifest that the head asks for: the usual ones and those that it mentions."""
        mentioned = [name for each in self.labels for of in (*each.present, *each.taught) for name in of.labels]
        return tuple(dict.fromkeys((*LABELS, *mentioned)))


def shown(rows: Sequence[Row], config: HeadConfig) -> Truth:
    """Return what each radiograph shows: shape (n, labels), 1, 0 or UNKNOWN."""
    return _truth(rows, config, [label.present for label in config.labels])


def taught(rows: Sequence[Row], config: HeadConfig) -> Truth:
    """Return what each radiograph is taught as: shape (n, labels), 1, 0 or UNKNOWN."""
    return _truth(rows, config, [label.taught or label.present for label in config.labels])


def _truth(rows: Sequence[Row], config: HeadConfig, present: Sequence[tuple[Selection, ...]]) -> Truth:
    asked = config.manifest_labels
    truth = np.full((len(rows), len(present)), UNKNOWN, np.int64)
    for row, values in zip(rows, truth, strict=True):
        if row.label not in asked:
            continue
        found = [any(each.holds(row) for each in of) for of in present]
        if config.exclusive and sum(found) != 1:
            continue  # it shows none of the labels
        nobody_says = [any(each.holds(row) for each in label.unknown) for label in config.labels]
        values[:] = np.where(found, 1, np.where(nobody_says, UNKNOWN, 0))
    return truth


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A head before export: the logits of averaged features are features @ kernel + bias.

    Attributes:
        kernel: shape (channels, labels).
        bias: shape (labels,).
        exclusive: whether the scores are a softmax, or a sigmoid each.
    """

    kernel: Floats
    bias: Floats
    exclusive: bool

    def logits(self, inputs: Inputs) -> Floats:
        """Return the logits of radiographs, shape (n, labels), from averaged features, shape (n, channels)."""
        return np.asarray(inputs @ self.kernel + self.bias, np.float64)

    def scores(self, inputs: Inputs) -> Floats:
        """Return the scores of radiographs, shape (n, labels), from averaged features, shape (n, channels)."""
        logits = self.logits(inputs)
        return np.asarray(softmax(logits, axis=1) if self.exclusive else expit(logits))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays of head.npz."""
        return {"kernel": self.kernel.astype(np.float32), "bias": self.bias.astype(np.float32)}


def fit(
    inputs: Inputs, rows: Sequence[Row], config: HeadConfig, left_out: str = ""
) -> tuple[FittedHead, tuple[OperatingPoint, ...]]:
    """Train and calibrate a head, and choose its operating points on validation radiographs of every source.

    Args:
        inputs: averaged features of all radiographs, shape (n, views, channels); see `features.views`.
        rows: all radiographs.
        config: the head.
        left_out: a source of whose hospital nothing is used.

    Returns:
        The head, and the operating point of each label.

    Raises:
        DatasetError: no source to learn from, or no validation radiographs of a label.
    """
    head = learn(inputs, rows, config, left_out=left_out)
    val = _where(rows, "val", {row.source for row in rows}, left_out)
    truth = shown([rows[i] for i in val], config)
    sources = np.array([rows[i].source for i in val])
    return head, operating_points(truth, head.scores(inputs[val, 0]), sources, config)


def learn(
    inputs: Inputs, rows: Sequence[Row], config: HeadConfig, sources: Sequence[str] = (), *, left_out: str = ""
) -> FittedHead:
    """Train a head on the train split, and calibrate it on the validation split.

    Args:
        inputs: as `fit`.
        rows: as `fit`.
        config: as `fit`.
        sources: other ones than the configuration's, to learn from and to calibrate on.
        left_out: as `fit`.
    """
    train = _where(rows, "train", sources or config.sources, left_out)
    head = fit_rows(inputs[train], [rows[i] for i in train], config)
    val = _where(rows, "val", sources or config.calibrated_on or config.sources, left_out)
    truth = taught([rows[i] for i in val], config)
    return _calibrated(head, inputs[val, 0], truth, np.array([rows[i].source for i in val]))


def _where(rows: Sequence[Row], split: str, sources: Sequence[str] | set[str], left_out: str) -> NDArray[np.intp]:
    without = hospital(left_out) if left_out else ""
    return np.flatnonzero(
        [row.split == split and row.source in sources and hospital(row.source) != without for row in rows]
    )


def fit_rows(inputs: Inputs, rows: Sequence[Row], config: HeadConfig) -> FittedHead:
    """Fit a head on exactly these radiographs, uncalibrated.

    Args:
        inputs: averaged features, shape (n, views, channels).
        rows: n radiographs.
        config: the head.

    Raises:
        DatasetError: no source, or no chain of sources, compares the labels with each other.
    """
    truth, sources = taught(rows, config), np.array([row.source for row in rows])
    if config.exclusive:
        known = truth[:, 0] != UNKNOWN
        y_true = truth[known].argmax(axis=1)
        kernel, bias = _fit_inside_sources(inputs[known], y_true, sources[known], config.names, config)
        return FittedHead(kernel, bias, exclusive=True)
    kernels, biases = [], []
    for name, values in zip(config.names, truth.T, strict=True):
        known = values != UNKNOWN
        sides = (f"not {name}", name)
        kernel, bias = _fit_inside_sources(inputs[known], values[known], sources[known], sides, config)
        kernels.append(kernel[:, 1] - kernel[:, 0])
        biases.append(bias[1] - bias[0])
    return FittedHead(np.stack(kernels, axis=1), np.array(biases), exclusive=False)


def _fit_inside_sources(
    inputs: Inputs, y_true: Truth, sources: NDArray[np.str_], names: Sequence[str], config: HeadConfig
) -> tuple[Floats, Floats]:
    """Fit a softmax regression inside sources; of two labels, scikit-learn's logistic regression.

    Every source and label weighs the same, however many radiographs it has.
    """
    held = {str(name): np.unique(y_true[sources == name]) for name in np.unique(sources)}
    several = {name: labels for name, labels in held.items() if len(labels) > 1}
    if not config.one_sided_weight and not _joined(list(several.values()), len(names)):
        raise DatasetError(
            f"{config.name}: expected sources that hold two labels or more each, and that join all of "
            f"{', '.join(names)}. Received: {', '.join(several) or 'none'}. Without them a head would learn to "
            "recognise the hospital. Add a source to `sources`."
        )
    of_several = np.isin(sources, list(several))
    used = np.flatnonzero(of_several | (config.one_sided_weight > 0))
    y_true, sources, inputs, of_several = y_true[used], sources[used], inputs[used], of_several[used]
    weight = draw_weights([str(y) for y in y_true], list(sources), EQUAL)
    weight = weight * np.where(of_several, 1.0, config.one_sided_weight)
    weight = weight / weight.sum() * len(weight)
    if len(names) == 2:
        pair = fit_views(inputs, y_true, weight, config.regularisation)
        return np.outer(pair.kernel, (-0.5, 0.5)), pair.bias * np.array([-0.5, 0.5])
    possible = np.ones((len(used), len(names)), bool)
    for source, labels in several.items():
        possible[sources == source] = np.isin(np.arange(len(names)), labels)
    return fit_softmax(inputs, y_true, possible, weight, config.regularisation)


def _joined(groups: Sequence[NDArray[np.int64]], labels: int) -> bool:
    """Tell whether chains of groups lead from each label to every other."""
    reached = set(groups[0].tolist()) if groups else set()
    for _ in groups:
        for group in groups:
            if reached & set(group.tolist()):
                reached |= set(group.tolist())
    return len(reached) == labels


def _calibrated(head: FittedHead, inputs: Inputs, truth: Truth, sources: NDArray[np.str_]) -> FittedHead:
    """Return the head whose scores fit validation radiographs best."""
    logits = head.logits(inputs)
    if head.exclusive:
        known = truth[:, 0] != UNKNOWN
        slope, shift = _temperature(logits[known], truth[known].argmax(axis=1), sources[known])
        return FittedHead(head.kernel * slope, head.bias * slope + shift, exclusive=True)
    lines = []
    for values, column in zip(truth.T, logits.T, strict=True):
        known = values != UNKNOWN
        sides = np.outer(column[known], (-0.5, 0.5))
        slope, shift = _temperature(sides, values[known], sources[known])
        lines.append((slope, shift[1] - shift[0]))
    slopes, shifts = np.array(lines).T
    return FittedHead(head.kernel * slopes, head.bias * slopes + shifts, exclusive=False)


def _temperature(logits: Floats, y_true: Truth, sources: NDArray[np.str_]) -> tuple[float, Floats]:
    """Fit one slope for all labels, and a shift for each; of two labels it is Platt's line.

    Labels weigh the same, and the sources of a label by the cube root of their number.

    Source:
        Bias-corrected temperature scaling: Alexandari et al. 2020, arXiv:1901.06852.
    """
    weight = draw_weights([str(y) for y in y_true], list(sources))

    def loss(line: Floats) -> float:
        shares = log_softmax(logits * np.exp(line[0]) + line[1:], axis=1)
        return float(-(weight * shares[np.arange(len(y_true)), y_true]).sum())

    line = minimize(loss, np.zeros(1 + logits.shape[1]), method="BFGS").x
    return float(np.exp(line[0])), line[1:] - line[1:].mean()


def operating_points(
    truth: Truth, scores: Floats, sources: NDArray[np.str_], config: HeadConfig
) -> tuple[OperatingPoint, ...]:
    """Choose where the score of each label is judged, on validation radiographs.

    The threshold finds the share `sensitivity` of the radiographs with the label. The label is ruled out below the
    score that all but a share `error_rate` of them reach, and certain from the score that all but as many of the others
    stay below. Of a pair the second point mirrors the first; more exclusive labels have the lower edge alone.

    Args:
        truth: shape (n, labels), 1, 0 or UNKNOWN.
        scores: shape (n, labels).
        sources: shape (n,).
        config: sensitivity and error rate.

    Raises:
        DatasetError: a label, or its absence, has no radiographs.

    Source:
        Class-conditional split conformal prediction: Vovk 2012, arXiv:1209.2673; Sadinle et al. 2019,
        arXiv:1609.00451.
    """
    points = []
    labels = list(zip(config.names, truth.T, scores.T, strict=True))
    pair = config.exclusive and len(labels) == 2
    for name, values, score in labels:
        known = values != UNKNOWN
        y_true, score = values[known], score[known]
        if len(np.unique(y_true)) < 2:
            raise DatasetError(
                f"{config.name}: expected validation radiographs with and without {name}. Received: none."
            )
        if config.exclusive and not pair:
            y_class = truth[known].argmax(axis=1)
            weight = draw_weights([str(y) for y in y_class], list(sources[known]))
            edge = quantile(score[y_true == 1], weight[y_true == 1], config.error_rate)
            points.append(on_grid(edge, edge, edge))
            continue
        weight = draw_weights([str(y) for y in y_true], list(sources[known]))
        points.append(
            conformal_point(y_true == 1, score, weight, sensitivity=config.sensitivity, error_rate=config.error_rate)
        )
    if pair:
        own = config.names.index(config.positive)
        points[1 - own] = points[own].mirrored()
    return tuple(points)


def counts(rows: Sequence[Row], config: HeadConfig) -> list[dict[str, object]]:
    """Return how many radiographs and patients of each split, source and label the head learns from or is judged on.

    A radiograph that is taught under another label than it shows counts under the manifest's.
    """
    cells: dict[tuple[str, str, str], list[str]] = {}
    for row, shows, teaches in zip(rows, shown(rows, config), taught(rows, config), strict=True):
        if row.split == "train" and row.source not in config.sources:
            continue
        names = [name for name, value in zip(config.names, shows, strict=True) if value == 1]
        for name in names or ([row.label] if (teaches == 1).any() else []):
            cells.setdefault((row.split, row.source, name), []).append(row.patient_id)
    return [
        {"split": split, "source": source, "label": label, "films": len(of), "patients": len(set(of))}
        for (split, source, label), of in sorted(cells.items())
    ]


def train(config: HeadConfig, manifest: Path, weights: str, folder: Path) -> None:
    """Train one head and write its run.

    Args:
        config: the head.
        manifest: written by `prepare`.
        weights: of the backbone; see `features.backbone`.
        folder: of the run.
    """
    data = crops(manifest, config.recipe, labels=config.manifest_labels)
    inputs = views(data, config.recipe, weights)
    head, points = fit(inputs, data.rows, config)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {**runs.describe(config, manifest), "weights": weights, "films": counts(data.rows, config)}
    runs.write_json(folder / "config.json", facts)
    runs.write_arrays(folder / "head.npz", head.arrays())
    record = {
        "labels": config.names, "exclusive": config.exclusive, "positive": config.positive, "temperature": 1.0,
        "points": [msgspec.to_builtins(point) for point in points],
    }  # fmt: skip
    runs.write_json(folder / "head.json", record)
    truth = shown(data.rows, config)
    kept = [i for i, row in enumerate(data.rows) if row.split != "train" and (truth[i] != UNKNOWN).any()]
    write_predictions(
        folder / "predictions.csv",
        [data.rows[i] for i in kept],
        truth[kept],
        head.scores(inputs[kept, 0]),
        config.names,
    )
    edges = zip(config.names, points, strict=True)
    print(f"{folder}:", *(f"{name} {p.negative_below:g} / {p.threshold:g} / {p.positive_from:g}" for name, p in edges))


def write_predictions(path: Path, rows: Sequence[Row], truth: Truth, scores: Floats, names: Sequence[str]) -> None:
    """Write predictions.csv: a row a radiograph, with y_<label> (blank where unknown) and score_<label> of each label.

    Args:
        path: of the file.
        rows: the radiographs.
        truth: shape (n, labels), 1, 0 or UNKNOWN.
        scores: shape (n, labels); written with 6 decimals.
        names: of the labels.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*DESCRIBING, *(f"y_{name}" for name in names), *(f"score_{name}" for name in names)])
        for row, values, score in zip(rows, truth, scores, strict=True):
            known = ["" if value == UNKNOWN else value for value in values]
            writer.writerow([*(getattr(row, name) for name in DESCRIBING), *known, *(f"{each:.6f}" for each in score)])


def run(args: argparse.Namespace) -> None:
    """Train the head of a configuration."""
    config = load(args.config, HeadConfig)
    train(config, args.manifest, args.backbone, args.run or run_folder(config.name, args.backbone))
