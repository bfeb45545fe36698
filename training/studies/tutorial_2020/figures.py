"""The figures that the tutorial gives, with the intervals that it does not."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from training.metrics import figures
from training.metrics.discrimination import Floats, Metric, bootstrap, wilson
from training.metrics.figures import Json
from training.report.markdown import figure_text

THRESHOLD = 0.5  # the tutorial takes the class with the greater of two scores
NAMES = ("accuracy", "sensitivity", "specificity")


def of_test(table: pd.DataFrame) -> Json:
    """Return accuracy, sensitivity and specificity, each {value, low, high}, and the counts."""
    found = figures.measure(table, THRESHOLD)
    right = ((table.y_score >= THRESHOLD) == (table.y_true == 1)).astype(float)
    found["accuracy"] = figures.share_positive(table.assign(y_score=right), THRESHOLD)
    cells = found["confusion"]
    hits = {
        "accuracy": (int(right.sum()), found["n"]),
        "sensitivity": (cells["true_positive"], found["positives"]),
        "specificity": (cells["true_negative"], found["negatives"]),
    }
    return found | {name: found[name] | {"count": count, "n": n} for name, (count, n) in hits.items() if found[name]}


def said(found: Json) -> str:
    """Return accuracy, sensitivity and specificity in a line."""
    return ", ".join(f"{name} {figure_text(found[name])}" for name in NAMES)


def of_reading(table: pd.DataFrame) -> Json:
    """Return how many films were called COVID-19, their share, and mean and median of the scores, with intervals."""
    called = int((table.y_score >= THRESHOLD).sum())
    return {
        "n": len(table),
        "patients": int(table.patient_id.nunique()),
        "called": called,
        "share": {**(figures.share_positive(table, THRESHOLD) or {}), "count": called, "n": len(table)},
        "mean": _with_interval(table, mean),
        "median": _with_interval(table, median),
    }


def published_test(test: tuple[int, int, int, int]) -> dict[str, Json]:
    """Return the tutorial's figures from its confusion matrix, with Wilson's intervals over films."""
    found, missed, wrong, spared = test
    counts = {
        "accuracy": (found + spared, sum(test)),
        "sensitivity": (found, found + missed),
        "specificity": (spared, wrong + spared),
    }
    return {name: {"count": count, "n": n, **_share(count, n)} for name, (count, n) in counts.items()}


def published_share(called: int, n: int) -> Json:
    """Return the share that the tutorial's counts give, with Wilson's interval over films."""
    return {"count": called, "n": n, **_share(called, n)}


def mean(_: ArrayLike, y_score: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
    """Return the mean score; weights of shape (n,) or (draws, n), as `training.metrics.discrimination` has them."""
    score = np.asarray(y_score, np.float64)
    weights = np.ones(len(score)) if weight is None else np.asarray(weight, np.float64)
    value = weights @ score / weights.sum(axis=-1)
    return value if np.ndim(value) else float(value)


def median(_: ArrayLike, y_score: ArrayLike, *, weight: ArrayLike | None = None) -> float | Floats:
    """Return the median score: the mean of the lower and the upper one; weights as `mean`."""
    score = np.asarray(y_score, np.float64)
    weights = np.ones(len(score)) if weight is None else np.asarray(weight, np.float64)
    order = np.argsort(score)
    below = np.cumsum(weights[..., order], axis=-1)
    half = below[..., -1:] / 2
    lower, upper = (below >= half).argmax(axis=-1), (below > half).argmax(axis=-1)
    value = (score[order][lower] + score[order][upper]) / 2
    return value if np.ndim(value) else float(value)


def _with_interval(table: pd.DataFrame, metric: Metric) -> Json:
    low: float | None = None
    high: float | None = None
    if table.group.nunique() > 1:
        y_true, y_score, groups = table.y_true, table.y_score, list(table.group)
        low, high = bootstrap(y_true, y_score, groups, metric, repeats=figures.REPEATS, seed=figures.SEED)
    return {"value": metric(table.y_true, table.y_score), "low": low, "high": high}


def _share(count: int, n: int) -> Json:
    return {"value": count / n, **wilson(count, n)._asdict()}
