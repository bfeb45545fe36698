"""Predictors of several classes that see no lung; see training/evaluate/baselines.py."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.data.crops import draw_weights
from training.evaluate import baselines
from training.evaluate.class_predictions import SCORE
from training.metrics.discrimination import Floats


def scored(table: pd.DataFrame, classes: Sequence[str], manifest: Path) -> dict[str, pd.DataFrame]:
    """Return, for each baseline, the rows that show a class with its scores, cached.

    Args:
        table: the rows of the manifest in their order, with y_true: the index of a class, or -1.
        classes: their names.
        manifest: written by `training.data.prepare`.
    """
    origin, pictures = baselines.thumbnails(manifest)
    chosen = (table.y_true >= 0).to_numpy()
    rows = table[chosen]
    found = {}
    for index, name in enumerate(baselines.BASELINES):
        key = hashlib.sha256(repr((origin.name, classes, rows.y_true.tolist())).encode()).hexdigest()[:12]
        path = baselines.CACHE / f"{name}-{key}.npy"
        if not path.exists():
            np.save(path, fit(pictures[index][chosen], rows))
        found[name] = rows.assign(**dict(zip([SCORE + each for each in classes], np.load(path).T, strict=True)))
    return found


def fit(pictures: NDArray[np.uint8], rows: pd.DataFrame) -> Floats:
    """Fit a logistic regression on the train rows, balanced as the network's training is, and score all rows.

    Args:
        pictures: uint8, shape (n, height, width).
        rows: n rows with split, source and y_true.

    Returns:
        Scores, shape (n, classes), in [0, 1].
    """
    train = (rows.split == "train").to_numpy()
    inputs = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=baselines.REGULARISATION, max_iter=300))
    weight = draw_weights([str(y) for y in rows.y_true[train]], list(rows.source[train])) * train.sum()
    model.fit(inputs[train], rows.y_true[train], logisticregression__sample_weight=weight)
    return np.asarray(model.predict_proba(inputs), np.float64)
