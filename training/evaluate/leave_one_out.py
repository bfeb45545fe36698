"""Judge heads where they have learned nothing: in a source left out, or on patients of another fold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from training.data.crops import draw_weights
from training.data.manifest import Row
from training.fit.contrast import ContrastConfig, contrast, fit, fit_split, learn
from training.fit.linear import Linear
from training.metrics import calibration, figures
from training.metrics.discrimination import expit
from training.metrics.figures import Json
from training.metrics.thresholds import OperatingPoint

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Films:
    """All radiographs with what the frozen backbone makes of them.

    Attributes:
        rows: of the manifest.
        inputs: averaged features, float32, shape (n, views, channels); see `contrast.views`.
        table: the rows as columns.
    """

    rows: list[Row]
    inputs: NDArray[np.float32]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The manifest as a table."""
        return pd.DataFrame([asdict(row) for row in self.rows])


def scored(films: Films, head: Linear, truth: NDArray[np.int64]) -> pd.DataFrame:
    """Return the rows on one side of a truth (1 or 0, not -1), with y_true and y_score."""
    scores = expit(head.logits(films.inputs[:, 0]))
    table = films.table.assign(y_true=truth, y_score=scores)
    return table[truth >= 0]


def two_labels(rows: Sequence[Row], config: ContrastConfig) -> NDArray[np.int64]:
    """Return 1 for the positive label, 0 for the negative one, -1 for the third."""
    return np.array([{config.positive: 1, config.negative: 0}.get(row.label, -1) for row in rows])


def leave_one_source_out(films: Films, config: ContrastConfig) -> list[Json]:
    """Train, calibrate and set the threshold without a source, and judge its films.

    The films of the source's validation, test and held-out parts are new to the backbone too.

    Returns:
        One entry for each source without which there is a contrast to learn; no AUC where it holds one side only.
    """
    everywhere = contrast(films.rows, config, tuple({row.source for row in films.rows}))
    sources = np.array([row.source for row in films.rows])
    found = []
    for name in sorted(set(sources[everywhere >= 0])):
        rest = [source for source in config.sources if source != name]
        if not any(len(np.unique(everywhere[(sources == source) & (everywhere >= 0)])) == 2 for source in rest):
            continue
        head, point = fit_split(films.inputs, films.rows, config, name)
        table = scored(films, head, everywhere)
        table = table[table.source == name]
        unseen = table[table.split != "train"]
        found.append(
            {
                "left_out": name,
                "trained_on": rest,
                "threshold": point.threshold,
                "unseen": figures.measure(unseen, point.threshold),
                "all": figures.measure(table, point.threshold),
                "calibration": worth(unseen, point) if unseen.y_true.nunique() == 2 else None,
            }
        )
    return found


def cross_validation(films: Films, config: ContrastConfig) -> Json:
    """Judge each radiograph of the contrast by a head that has not seen its patient; figures by source.

    The backbone is the same in every fold, and has seen the films of the train split.
    """
    side = contrast(films.rows, config)
    chosen = np.flatnonzero(side >= 0)
    groups = np.array([films.rows[i].group for i in chosen])
    sources = np.array([films.rows[i].source for i in chosen])
    scores = np.empty(len(chosen))
    for name in np.unique(sources):
        # Folds inside each source, so that every fold holds all of them.
        here = np.flatnonzero(sources == name)
        for fold, (_, unseen) in enumerate(GroupKFold(FOLDS).split(here, groups=groups[here])):
            scores[here[unseen]] = fold
    folds = scores.astype(int)
    for fold in range(FOLDS):
        seen, unseen = chosen[folds != fold], chosen[folds == fold]
        head = fit(films.inputs[seen], side[seen], [films.rows[i] for i in seen], config)
        scores[folds == fold] = expit(head.logits(films.inputs[unseen, 0]))
    table = films.table.iloc[chosen].assign(y_true=side[chosen], y_score=scores)
    return {name: figures.measure(rows, 0.5) for name, rows in table.groupby("source")}


def inside(films: Films, config: ContrastConfig) -> Json:
    """Judge the contrast inside each source by a head that learns there alone: test split, threshold 0.5."""
    found = {}
    for name in config.sources:
        if len(np.unique(contrast(films.rows, config, (name,)))) < 3:
            continue  # it holds one side only
        head = learn(films.inputs, films.rows, config, (name,))
        table = scored(films, head, contrast(films.rows, config, (name,)))
        found[name] = figures.measure(table[table.split == "test"], 0.5)
    return found


def worth(part: pd.DataFrame, point: OperatingPoint) -> Json:
    """Return how far a part's scores are probabilities, and what the INCONCLUSIVE band costs and saves.

    Both classes weigh the same, and within a class its sources nearly so: as calibration was fitted.
    """
    weight = draw_weights([str(y) for y in part.y_true], list(part.source))
    verdict = np.digitize(part.y_score, (point.low, point.high))
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


def probe(inputs: NDArray[np.float32], rows: list[Row]) -> float:
    """Return how well a logistic regression tells the source of test films: balanced accuracy, chance 0.2.

    Args:
        inputs: what it is given, shape (n, any).
        rows: n radiographs.
    """
    source = np.array([row.source for row in rows])
    train, test = (np.array([row.split == name for row in rows]) for name in ("train", "test"))
    scaler = StandardScaler().fit(inputs[train])
    model = LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced")
    right = model.fit(scaler.transform(inputs[train]), source[train]).predict(scaler.transform(inputs[test]))
    return float(np.mean([(right == source[test])[source[test] == name].mean() for name in np.unique(source)]))
