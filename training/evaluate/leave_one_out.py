"""Heads judged where the hospital tells nothing: in one source alone, and on other patients."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from training.data.crops import draw_weights
from training.data.manifest import Row
from training.evaluate.scored import Scored
from training.fit import head as heads
from training.fit.head import FittedHead
from training.fit.head_config import UNKNOWN, HeadConfig, taught
from training.metrics import calibration
from training.metrics.figures import Json
from xray.errors import DatasetError
from xray.networks.metadata import OperatingPoint

FOLDS = 5
MIDDLE = OperatingPoint(threshold=0.5, negative_below=0.5, positive_from=0.5)


@dataclass(frozen=True, eq=False)
class Radiographs:
    """All radiographs with what the frozen backbone makes of them.

    Attributes:
        rows: of the manifest.
        inputs: averaged features, float32, shape (n, views, channels); see `features.views`.
    """

    rows: list[Row]
    inputs: NDArray[np.float32]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The manifest as a table."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def scored(self, head: FittedHead, points: Sequence[OperatingPoint], config: HeadConfig) -> Scored:
        """Return a head's scores of all radiographs that it could be taught with, judged by what they are taught as."""
        truth, scores = taught(self.rows, config), head.scores(self.inputs[:, 0])
        return Scored.of(config, points, self.table, truth, scores).known


def each_inside(radiographs: Radiographs, config: HeadConfig) -> Iterator[tuple[str, list[Scored]]]:
    """Train a head in one source alone, and score its test radiographs: there the hospital tells nothing.

    Yields:
        Each source that holds labels to compare, and the scores of its radiographs; nothing for a head of one source.
    """
    for name in config.sources if len(config.sources) > 1 else ():
        train = [row for row in radiographs.rows if row.source == name and row.split == "train"]
        parts = []
        for each in heads.learned_together(config):
            held = _held_by(each, train)
            if held is None:
                continue
            try:
                head = heads.learn(radiographs.inputs, radiographs.rows, held, sources=(name,))
            except DatasetError:
                continue  # it has no validation radiographs to calibrate on
            part = radiographs.scored(head, (MIDDLE,) * len(held.names), held)
            part = part.part((part.table.source == name) & (part.table.split == "test"))
            parts += [_with_labels(part, each.names)] if len(part.table) else []
        if parts:
            yield name, parts


def cross_validation(radiographs: Radiographs, config: HeadConfig) -> Json:
    """Judge each radiograph by a head that has not seen its patient; figures of the positive label by source.

    The backbone is the same in every fold, and has seen the radiographs of the train split.
    """
    index = config.names.index(config.positive)
    truth = taught(radiographs.rows, config)
    usable = (truth[:, index] != UNKNOWN) & radiographs.table.source.isin(config.sources).to_numpy()
    chosen = np.flatnonzero(usable)
    groups, sources = radiographs.table.group.to_numpy()[chosen], radiographs.table.source.to_numpy()[chosen]
    folds = np.empty(len(chosen), int)
    for name in np.unique(sources):
        # Folds inside each source, so that every fold holds all of them.
        here = np.flatnonzero(sources == name)
        for fold, (_, unseen) in enumerate(GroupKFold(FOLDS).split(here, groups=groups[here])):
            folds[here[unseen]] = fold
    scores = np.full(truth.shape, np.nan)
    for fold in range(FOLDS):
        seen, unseen = chosen[folds != fold], chosen[folds == fold]
        head = heads.fit_rows(radiographs.inputs[seen], [radiographs.rows[i] for i in seen], config)
        scores[unseen] = head.scores(radiographs.inputs[unseen, 0])
    scored = Scored.of(config, (MIDDLE,) * len(config.names), radiographs.table, truth, scores).part(usable)
    return {str(name): scored.part(scored.table.source == name).measure(config.positive) for name in np.unique(sources)}


def worth(scored: Scored) -> Json | None:
    """Return how far scores of the positive label are probabilities, and what the INCONCLUSIVE range costs and saves.

    Both sides weigh the same, and within a side its sources nearly so: as calibration was fitted. None where a side is
    missing.
    """
    part = scored.of_label(scored.positive)
    if part.y_true.nunique() < 2:
        return None
    point = scored.points[scored.own]
    weight = draw_weights([str(y) for y in part.y_true], list(part.source))
    verdict = np.digitize(part.y_score, (point.negative_below, point.positive_from))
    decided = verdict != 1
    wrong = decided & ((verdict == 2) != (part.y_true == 1))
    return {
        "expected_calibration_error": calibration.expected_calibration_error(part.y_true, part.y_score, weight),
        "brier": calibration.brier(part.y_true, part.y_score, weight),
        "reliability": calibration.reliability(part.y_true, part.y_score, weight),
        "decided": float(np.average(decided, weights=weight)),
        "wrong_of_positives": float(wrong[part.y_true == 1].mean()),
        "wrong_of_negatives": float(wrong[part.y_true == 0].mean()),
    }


def probe(inputs: NDArray[np.float32], rows: Sequence[Row]) -> float:
    """Return how well a logistic regression tells the source of test radiographs: balanced accuracy, chance 0.2.

    Args:
        inputs: what it is given, shape (n, any).
        rows: n radiographs.
    """
    source = np.array([row.source for row in rows])
    train, test = (np.array([row.split == name for row in rows]) for name in ("train", "test"))
    scaler = StandardScaler().fit(inputs[train])
    model = LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced")
    right = model.fit(scaler.transform(inputs[train]), source[train]).predict(scaler.transform(inputs[test]))
    return float(np.mean([(right == source[test])[source[test] == name].mean() for name in np.unique(source[test])]))


def _held_by(config: HeadConfig, rows: Sequence[Row]) -> HeadConfig | None:
    """Return the head of those labels that these radiographs allow to compare; None where there are too few."""
    truth = taught(rows, config)
    if not config.exclusive:
        return config if {0, 1} <= set(truth[:, 0].tolist()) else None
    held = tuple(label for label, of in zip(config.labels, truth.T, strict=True) if (of == 1).any())
    if len(held) < 2:
        return None
    names = [label.name for label in held]
    positive = config.positive if config.positive in names else names[0]
    return msgspec.structs.replace(config, labels=held, positive=positive)


def _with_labels(scored: Scored, names: tuple[str, ...]) -> Scored:
    """Return the scores of a head that knows fewer labels as those of one that knows all: the others score 0."""
    if scored.labels == names:
        return scored
    where = [names.index(label) for label in scored.labels]
    truth = np.zeros((len(scored.table), len(names)), np.int64)
    scores = np.zeros(truth.shape)
    truth[:, where], scores[:, where] = scored.truth, scored.scores
    return replace(scored, labels=names, points=(MIDDLE,) * len(names), truth=truth, scores=scores)
