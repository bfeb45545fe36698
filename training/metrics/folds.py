"""Figures of radiographs that were judged in folds: each fold has a network, a scale and a threshold of its own."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.metrics.discrimination import Floats, Metric, roc_auc, sensitivity, specificity
from training.metrics.figures import Json, figure


def paired_auc(strata: ArrayLike) -> Metric:
    """Return the AUC over pairs of the same stratum: the chance that a positive outscores a negative there.

    Args:
        strata: of each radiograph; the fold, as scores of two folds' networks are not on one scale, or fold and source.
    """
    names, member = np.unique(np.asarray(strata), return_inverse=True)
    parts = [np.flatnonzero(member == number) for number in range(len(names))]

    def metric(y_true: ArrayLike, y_score: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
        truth, score = np.asarray(y_true, bool), np.asarray(y_score, np.float64)
        weights = np.ones(len(truth)) if weight is None else np.asarray(weight, np.float64)
        won, pairs = np.zeros(weights.shape[:-1]), np.zeros(weights.shape[:-1])
        for part in parts:
            if len(np.unique(truth[part])) < 2:
                continue
            drawn = weights[..., part]
            here = (drawn * truth[part]).sum(axis=-1) * (drawn * ~truth[part]).sum(axis=-1)
            # A draw without one of the classes has no pairs here.
            kept = np.where(here[..., None] > 0, drawn, 1.0)
            won += here * roc_auc(truth[part], score[part], weight=kept)
            pairs += here
        result = np.divide(won, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)
        return result if result.ndim else float(result)

    return metric


def precision(
    y_true: ArrayLike, y_score: ArrayLike, *, threshold: float, weight: ArrayLike | None = None
) -> float | Floats:
    """Return the share of positives among the radiographs at or above the threshold; NaN where there are none."""
    return _ratio(y_true, y_score, threshold, weight, wrong=1.0, missed=0.0)


def f1(y_true: ArrayLike, y_score: ArrayLike, *, threshold: float, weight: ArrayLike | None = None) -> float | Floats:
    """Return the harmonic mean of precision and sensitivity."""
    return _ratio(y_true, y_score, threshold, weight, wrong=0.5, missed=0.5)


def _ratio(
    y_true: ArrayLike, y_score: ArrayLike, threshold: float, weight: ArrayLike | None, *, wrong: float, missed: float
) -> float | Floats:
    """Return found / (found + wrong x called wrongly + missed x not called)."""
    truth, positive = np.asarray(y_true, bool), np.asarray(y_score) >= threshold
    weights = np.ones(len(truth)) if weight is None else np.asarray(weight, np.float64)
    found, false, lost = (
        (weights * chosen).sum(axis=-1) for chosen in (truth & positive, ~truth & positive, truth & ~positive)
    )
    whole = np.asarray(found + wrong * false + missed * lost)
    result = np.divide(found, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return result if result.ndim else float(result)


SHARES = {"sensitivity": sensitivity, "specificity": specificity, "precision": precision, "f1": f1}


def measured(
    y_true: NDArray[np.int64], margin: Floats, groups: NDArray[np.str_], folds: NDArray[np.intp],
    sources: NDArray[np.str_],
) -> Json:  # fmt: skip
    """Return every figure of radiographs that were judged in folds, with its interval over patients.

    Args:
        y_true: 1 for positive.
        margin: each radiograph's logit above its fold's threshold.
        groups: the patient, with near-copies, of each radiograph.
        folds: where it was judged.
        sources: its hospital or collection.

    Returns:
        `roc_auc`, `inside` (the same over pairs of one source), `by_source`, and those of SHARES; each
        {value, low, high}; None where it is undefined.
    """
    both = np.array([f"{fold} {source}" for fold, source in zip(folds, sources, strict=True)])
    found: Json = {"roc_auc": _figure(y_true, margin, groups, paired_auc(folds))}
    found["inside"] = _figure(y_true, margin, groups, paired_auc(both))
    found["by_source"] = {}
    for name in np.unique(sources):
        here = sources == name
        if len(np.unique(y_true[here])) == 2:
            area = _figure(y_true[here], margin[here], groups[here], paired_auc(folds[here]))
            found["by_source"][str(name)] = {"n": int(here.sum()), "roc_auc": area}
    return found | {
        name: _figure(y_true, margin, groups, partial(each, threshold=0.0)) for name, each in SHARES.items()
    }


def gained(
    y_true: NDArray[np.int64], better: Floats, worse: Floats, groups: NDArray[np.str_], strata: Sequence[str]
) -> Json | None:
    """Return by how much the AUC of one is higher than the other's on the same radiographs, with its interval."""
    area = paired_auc(strata)

    def metric(truth: ArrayLike, _: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
        return area(truth, better, weight=weight) - area(truth, worse, weight=weight)

    return _figure(y_true, better, groups, metric)


def _figure(y_true: NDArray[np.int64], score: Floats, groups: NDArray[np.str_], metric: Metric) -> Json | None:
    return None if np.isnan(metric(y_true, score)) else figure(y_true, score, groups, metric)
