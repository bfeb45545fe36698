"""Heads on the frozen backbone: one linear layer on its averaged features, calibrated, with operating points.

Labels exclude each other (softmax) or not (a sigmoid for each). A head learns inside sources: a radiograph is compared
with the labels that its own source holds, so that to recognise the hospital helps nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from training.data.crops import draw_weights
from training.data.manifest import Row, hospital
from training.fit.head_config import UNKNOWN, HeadConfig, Truth, shown, taught
from training.fit.linear import fit_softmax, fit_views
from training.metrics.calibration import conformal_point, on_grid, quantile
from training.metrics.discrimination import Floats
from xray.errors import DatasetError
from xray.networks.metadata import NO_POINT, OperatingPoint

Inputs = NDArray[np.float32]


def _scores(logits: Floats, exclusive: bool) -> Floats:
    return np.asarray(softmax(logits, axis=1) if exclusive else expit(logits))


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
        return _scores(self.logits(inputs), self.exclusive)

    def rescaled(self, slopes: Floats, shifts: Floats) -> "FittedHead":
        """Return the head whose logits are these times `slopes` plus `shifts`, each of shape (labels,)."""
        return FittedHead(self.kernel * slopes, self.bias * slopes + shifts, self.exclusive)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays of head.npz."""
        return {"kernel": self.kernel.astype(np.float32), "bias": self.bias.astype(np.float32)}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A head with its operating points, and how it does in hospitals that it has not seen.

    Attributes:
        head: calibrated.
        points: of each label.
        unseen: scores of all radiographs, shape (n, labels), by heads that learned nothing of their hospital; NaN where
            no other hospital teaches the label.
    """

    head: FittedHead
    points: tuple[OperatingPoint, ...]
    unseen: Floats


def fit(inputs: Inputs, rows: Sequence[Row], config: HeadConfig, without: Mapping[str, Inputs] | None = None) -> Fitted:
    """Train a head, then calibrate it and choose its operating points as for a hospital that it has not seen.

    Both go by validation radiographs, each scored by a head that learned nothing of its hospital; where no other
    hospital teaches a label, by the head itself.

    Args:
        inputs: averaged features of all radiographs, shape (n, views, channels); see `features.views`.
        rows: all radiographs.
        config: the head.
        without: the same by backbones that learned nothing of a hospital, by its name; see `features.views_without`.

    Raises:
        DatasetError: no source to learn from, or no validation radiographs of a label.
    """
    head = learn(inputs, rows, config)
    unseen = unseen_logits(inputs, rows, config, without or {})
    judged = np.where(np.isnan(unseen), head.logits(inputs[:, 0]), unseen)
    sources = np.array([row.source for row in rows])
    calibrating = _where(rows, "val", config.calibrated_on or config.sources)
    line = _line(judged[calibrating], taught([rows[i] for i in calibrating], config), sources[calibrating], config)
    val = _where(rows, "val", set(sources))
    scores = _scores(judged[val] * line[0] + line[1], config.exclusive)
    points = operating_points(shown([rows[i] for i in val], config), scores, sources[val], config)
    return Fitted(head.rescaled(*line), points, _scores(unseen * line[0] + line[1], config.exclusive))


def unseen_logits(inputs: Inputs, rows: Sequence[Row], config: HeadConfig, without: Mapping[str, Inputs]) -> Floats:
    """Return the logits of all radiographs by heads that learned nothing of their hospital; NaN where there is none.

    The arguments are those of `fit`. Labels that do not exclude each other are learned one by one: one may be learned
    where another cannot.
    """
    found = np.full((len(rows), len(config.names)), np.nan)
    hospitals = np.array([hospital(row.source) for row in rows])
    for name in np.unique(hospitals):
        here, seen = hospitals == name, without.get(str(name), inputs)
        for part in learned_together(config):
            columns = [config.names.index(each) for each in part.names]
            try:
                head = learn(seen, rows, part, left_out=str(name))
            except DatasetError:
                continue  # nothing is left to learn from
            found[np.ix_(here, columns)] = head.logits(seen[here, 0])
    return found


def learned_together(config: HeadConfig) -> list[HeadConfig]:
    """Return the head, or of labels that do not exclude each other a head for each."""
    if config.exclusive:
        return [config]
    return [msgspec.structs.replace(config, labels=(label,), positive=label.name) for label in config.labels]


def learn(
    inputs: Inputs, rows: Sequence[Row], config: HeadConfig, sources: Sequence[str] = (), *, left_out: str = ""
) -> FittedHead:
    """Train a head on the train split, and calibrate it on the validation split.

    Args:
        inputs: as `fit`.
        rows: as `fit`.
        config: as `fit`.
        sources: other ones than the configuration's, to learn from and to calibrate on.
        left_out: a source of whose hospital nothing is used.

    Raises:
        DatasetError: no source to learn from, or none that holds a label and its absence.
    """
    train = _where(rows, "train", sources or config.sources, left_out)
    head = fit_rows(inputs[train], [rows[i] for i in train], config)
    val = _where(rows, "val", sources or config.calibrated_on or config.sources, left_out)
    truth, held = taught([rows[i] for i in val], config), np.array([rows[i].source for i in val])
    return head.rescaled(*_line(head.logits(inputs[val, 0]), truth, held, config))


def _where(rows: Sequence[Row], split: str, sources: Collection[str], left_out: str = "") -> NDArray[np.intp]:
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
    weight = draw_weights([str(y) for y in y_true], list(sources), config.source_power)
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


def _line(logits: Floats, truth: Truth, sources: NDArray[np.str_], config: HeadConfig) -> tuple[Floats, Floats]:
    """Return the slope and the shift of each label's logit with which the scores fit best, each of shape (labels,)."""
    if config.exclusive:
        known = truth[:, 0] != UNKNOWN
        slope, shift = _temperature(
            logits[known], truth[known].argmax(axis=1), sources[known], config.calibration_prior
        )
        return np.full(len(config.names), slope), shift
    slopes, shifts = [], []
    for values, column in zip(truth.T, logits.T, strict=True):
        known = values != UNKNOWN
        of_label = np.outer(column[known], (-0.5, 0.5))
        slope, shift = _temperature(of_label, values[known], sources[known], config.calibration_prior)
        slopes.append(slope)
        shifts.append(shift[1] - shift[0])
    return np.array(slopes), np.array(shifts)


def _temperature(logits: Floats, y_true: Truth, sources: NDArray[np.str_], prior: float) -> tuple[float, Floats]:
    """Fit one slope for all labels, and a shift for each; of two labels it is Platt's line.

    Labels weigh the same, and the sources of a label by the cube root of their number. The prior is a normal
    distribution around the logits as they are: few radiographs may be told apart without error, and the slope would
    be infinite.

    Source:
        Bias-corrected temperature scaling: Alexandari et al. 2020, arXiv:1901.06852.
    """
    weight = draw_weights([str(y) for y in y_true], list(sources))

    def loss(line: Floats) -> float:
        shares = log_softmax(logits * np.exp(line[0]) + line[1:], axis=1)
        held = prior * np.square(line).sum() / 2 / len(y_true)
        return float(held - (weight * shares[np.arange(len(y_true)), y_true]).sum())

    line = minimize(loss, np.zeros(1 + logits.shape[1]), method="BFGS").x
    return float(np.exp(line[0])), line[1:] - line[1:].mean()


def operating_points(
    truth: Truth, scores: Floats, sources: NDArray[np.str_], config: HeadConfig
) -> tuple[OperatingPoint, ...]:
    """Choose where the score of each label is judged, on validation radiographs.

    The threshold finds the share `sensitivity` of the radiographs with the label. The label is ruled out below the
    score that all but a share `error_rate` of them reach, and certain from the score that all but as many of the others
    stay below. Of a pair the second point mirrors the first; more exclusive labels have the lower edge alone. Where a
    label has too few radiographs, no point is chosen; of exclusive labels then none has one.

    Args:
        truth: shape (n, labels), 1, 0 or UNKNOWN.
        scores: shape (n, labels).
        sources: shape (n,).
        config: sensitivity, error rate, and how many radiographs are enough.

    Raises:
        DatasetError: a label, or its absence, has no radiographs.

    Source:
        Class-conditional split conformal prediction: Vovk 2012, arXiv:1209.2673; Sadinle et al. 2019,
        arXiv:1609.00451.
    """
    points = []
    labels = list(zip(config.names, truth.T, scores.T, strict=True))
    pair = config.exclusive and len(labels) == 2
    too_few = [min((values == side).sum() for side in (0, 1)) < config.least_for_points for values in truth.T]
    for few, (name, values, score) in zip(too_few, labels, strict=True):
        known = values != UNKNOWN
        y_true, score = values[known], score[known]
        if len(np.unique(y_true)) < 2:
            raise DatasetError(
                f"{config.name}: expected validation radiographs with and without {name}. Received: none."
            )
        if few or (config.exclusive and any(too_few)):
            points.append(NO_POINT)
            continue
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
    if pair and not any(too_few):
        own = config.names.index(config.positive)
        points[1 - own] = points[own].mirrored()
    return tuple(points)
