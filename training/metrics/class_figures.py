"""Figures of a head of several classes: each class against the rest, their means, and who was called what."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.evaluate import class_predictions
from training.metrics import figures
from training.metrics.discrimination import Floats, bootstrap, roc_auc, wilson
from training.metrics.figures import Json

Metric = Callable[..., float | Floats]
INCONCLUSIVE = "INCONCLUSIVE"


def measure(part: pd.DataFrame, classes: Sequence[str], points: Floats) -> Json:
    """Return how many radiographs there are, and every figure that their classes define.

    Args:
        part: rows with patient_id, group, y_true (index of the class) and a score for each class.
        classes: their names.
        points: from which score each is plausible.

    Returns:
        Counts; `classes`, with each one's `roc_auc`, `sensitivity` and `specificity` against the rest (called is the
        class with the highest score); `macro`, their means over the classes that are there, and `accuracy`; all
        {value, low, high} or None. `confusion`: rows are what films are, columns what they are called; `verdicts`:
        the same with INCONCLUSIVE last. `covered`: share of films whose own class is among the plausible ones.
    """
    truth, scores = part.y_true.to_numpy(int), class_predictions.scores(part, classes)
    present = [index for index in range(len(classes)) if (truth == index).any()]
    several = len(present) > 1
    metrics: dict[str, Metric] = {"sensitivity": _recall, "accuracy": _accuracy}
    if several:
        metrics |= {"roc_auc": _macro_auc, "specificity": _macro_specificity}
    called = verdicts(scores, points)
    kinds = range(len(classes))
    return {
        "n": len(part),
        "patients": part.patient_id.nunique(),
        "groups": part.group.nunique(),
        "classes": {
            classes[k]: {
                "n": int((truth == k).sum()),
                "roc_auc": _figure(part, scores, partial(_auc, k=k)) if several and k in present else None,
                "sensitivity": _figure(part, scores, partial(_recall_of, k=k)) if k in present else None,
                "specificity": _figure(part, scores, partial(_spared, k=k)) if (truth != k).any() else None,
            }
            for k in kinds
        },
        "macro": {
            name: _figure(part, scores, metrics[name]) if name in metrics else None
            for name in ("roc_auc", "sensitivity", "specificity", "accuracy")
        },
        "confusion": _table(truth, scores.argmax(axis=1), len(classes), len(classes)),
        "verdicts": _table(truth, called, len(classes), len(classes) + 1),
        "covered": float(np.mean((scores >= points)[np.arange(len(truth)), truth])),
    }


def verdicts(scores: Floats, points: Floats) -> NDArray[np.int64]:
    """Return the index of the only plausible class of each film; that after the last one where there is none.

    Scores are rounded to 4 decimals first, as serving does.
    """
    plausible = scores.round(4) >= points
    return np.where(plausible.sum(axis=1) == 1, plausible.argmax(axis=1), scores.shape[1])


def _table(truth: NDArray[np.int64], said: NDArray[np.int64], rows: int, columns: int) -> list[list[int]]:
    counts = np.zeros((rows, columns), int)
    np.add.at(counts, (truth, said), 1)
    return [[int(count) for count in row] for row in counts]


def _figure(part: pd.DataFrame, scores: Floats, metric: Metric) -> Json:
    """Return a figure with its interval: Wilson's over the groups where the bootstrap has no width."""
    value, groups = float(metric(part.y_true, scores)), part.group.nunique()
    low: float | None = None
    high: float | None = None
    if groups > 1:
        low, high = bootstrap(part.y_true, scores, part.group, metric, repeats=figures.REPEATS, seed=figures.SEED)
    if low == high:
        low, high = wilson(value * groups, groups)
    return {"value": value, "low": low, "high": high}


def _weights(truth: Floats, weight: Floats | None) -> Floats:
    return np.ones(len(truth)) if weight is None else np.asarray(weight, np.float64)


def _share(hits: NDArray[np.bool_], of: NDArray[np.bool_], weights: Floats) -> Floats:
    whole = (weights * of).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weights * (hits & of)).sum(axis=-1) / whole)


def _auc(truth: Floats, scores: Floats, *, k: int, weight: Floats | None = None) -> float | Floats:
    return roc_auc(np.asarray(truth) == k, scores[:, k], weight=weight)


def _recall_of(truth: Floats, scores: Floats, *, k: int, weight: Floats | None = None) -> Floats:
    is_k = np.asarray(truth) == k
    return _share(scores.argmax(axis=1) == k, is_k, _weights(truth, weight))


def _spared(truth: Floats, scores: Floats, *, k: int, weight: Floats | None = None) -> Floats:
    is_other = np.asarray(truth) != k
    return _share(scores.argmax(axis=1) != k, is_other, _weights(truth, weight))


def _accuracy(truth: Floats, scores: Floats, *, weight: Floats | None = None) -> Floats:
    right = scores.argmax(axis=1) == np.asarray(truth)
    return _share(right, np.ones(len(right), bool), _weights(truth, weight))


def _mean(metric: Metric, truth: Floats, scores: Floats, weight: Floats | None) -> Floats:
    present = np.unique(np.asarray(truth))
    return np.mean([metric(truth, scores, k=int(k), weight=weight) for k in present], axis=0)


def _recall(truth: Floats, scores: Floats, *, weight: Floats | None = None) -> Floats:
    return _mean(_recall_of, truth, scores, weight)


def _macro_specificity(truth: Floats, scores: Floats, *, weight: Floats | None = None) -> Floats:
    return _mean(_spared, truth, scores, weight)


def _macro_auc(truth: Floats, scores: Floats, *, weight: Floats | None = None) -> Floats:
    return _mean(_auc, truth, scores, weight)
