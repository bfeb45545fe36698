"""Every figure of a part of the predictions, with its interval, as report.json holds them."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_curve

from training.metrics.discrimination import Metric, bootstrap, confusion, roc_auc, sensitivity, specificity, wilson

Json = dict[str, Any]

REPEATS, SEED = 1000, 0
ROC_POINTS = 60
BINS = 20
INTERVAL = f"95 %, percentile bootstrap over patients and near-copies, {REPEATS} draws, seed {SEED}"
AGE_LIMITS = (18, 40, 60)


def measure(part: pd.DataFrame, threshold: float) -> Json:
    """Return how many radiographs there are, and every figure that their classes define.

    Args:
        part: rows with patient_id, group, y_true and y_score.
        threshold: at or above it a score counts as positive.

    Returns:
        Counts (a group is a patient with near-copies), and `roc_auc`, `sensitivity` and `specificity`, each
        {value, low, high} or None where its classes are missing; low and high are None where no draw of
        patients could differ.
    """
    positives, negatives = part[part.y_true == 1], part[part.y_true == 0]
    found, spared = partial(sensitivity, threshold=threshold), partial(specificity, threshold=threshold)
    return {
        "n": len(part),
        "patients": part.patient_id.nunique(),
        "groups": part.group.nunique(),
        "positives": len(positives),
        "negatives": len(negatives),
        "confusion": confusion(part.y_true, part.y_score, threshold=threshold)._asdict(),
        "roc_auc": area(part) if len(positives) and len(negatives) else None,
        "sensitivity": _share(positives, found) if len(positives) else None,
        "specificity": _share(negatives, spared) if len(negatives) else None,
    }


def area(part: pd.DataFrame) -> Json:
    """Return the ROC AUC of rows with both classes, {value, low, high}."""
    return figure(part.y_true, part.y_score, part.group, roc_auc)


def share_positive(part: pd.DataFrame, threshold: float) -> Json | None:
    """Return the share of rows that score at or above a threshold, {value, low, high}; None without rows."""
    return _share(part.assign(y_true=1), partial(sensitivity, threshold=threshold)) if len(part) else None


def figure(y_true: ArrayLike, y_score: ArrayLike, groups: ArrayLike, metric: Metric) -> Json:
    """Return a figure with its interval, {value, low, high}; without one where every draw of patients gives the same.

    Args:
        y_true: 0 or 1, shape (n,).
        y_score: shape (n,).
        groups: patient with near-copies, shape (n,).
        metric: defined for these radiographs.
    """
    names = np.asarray(groups, str)
    low: float | None = None
    high: float | None = None
    if len(np.unique(names)) > 1:
        low, high = bootstrap(y_true, y_score, names.tolist(), metric, repeats=REPEATS, seed=SEED)
    if low == high:
        low = high = None
    return {"value": float(metric(y_true, y_score)), "low": low, "high": high}


def _share(part: pd.DataFrame, metric: Metric) -> Json:
    """Return a proportion with its interval: Wilson's over the groups where the bootstrap has no width."""
    found = figure(part.y_true, part.y_score, part.group, metric)
    if found["low"] is None:
        groups = part.group.nunique()
        found |= wilson(found["value"] * groups, groups)._asdict()
    return found


def age_group(years: str) -> str:
    """Return the group of an age as the manifest states it, in years or blank."""
    if not years:
        return "not stated"
    return next((f"up to {limit}" for limit in AGE_LIMITS if float(years) <= limit), f"over {AGE_LIMITS[-1]}")


def shares(flags: NDArray[np.bool_], kinds: NDArray[np.str_]) -> Json:
    """Return, for each kind, how many of how many were flagged, with Wilson's interval of the share."""
    return {
        str(kind): {
            "flagged": int(flags[kinds == kind].sum()),
            "n": int((kinds == kind).sum()),
            **wilson(float(flags[kinds == kind].sum()), float((kinds == kind).sum()))._asdict(),
        }
        for kind in np.unique(kinds)
    }


def roc(part: pd.DataFrame) -> Json:
    """Return at most ROC_POINTS points of the ROC curve, evenly along it; nothing where a class is missing."""
    if part.y_true.nunique() < 2:
        return {}
    false_positive, true_positive, _ = roc_curve(part.y_true, part.y_score)
    along = (false_positive + true_positive) / 2
    kept = np.unique(np.searchsorted(along, np.linspace(0, 1, ROC_POINTS)).clip(0, len(along) - 1))
    return {
        "false_positive_rate": np.round(false_positive[kept], 4).tolist(),
        "sensitivity": np.round(true_positive[kept], 4).tolist(),
    }


def histograms(predictions: pd.DataFrame) -> Json:
    """Count the scores of the validation and test splits in BINS equal steps from 0 to 1, by truth."""
    found: Json = {}
    for split in ("val", "test"):
        part = predictions[predictions.split == split]
        found[split] = {
            side: np.histogram(part.y_score[part.y_true == truth], BINS, (0, 1))[0].tolist()
            for side, truth in (("positive", 1), ("negative", 0))
        }
    return found
