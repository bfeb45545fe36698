"""What the app draws of a model: its ROC curve, where scores fell, and how often each verdict was given."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from training.metrics.figures import VERDICTS, Json
from training.metrics.thresholds import OperatingPoint
from training.networks.first_edition import Band, verdict

ROC_POINTS = 60
BINS = 20
SIDES = {"positive": 1, "negative": 0}


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
            for side, truth in SIDES.items()
        }
    return found


def verdicts(part: pd.DataFrame, point: OperatingPoint) -> Json:
    """Count each verdict, as serving gives it, by truth."""
    band = Band(point.low, point.high)
    said = part.y_score.map(lambda score: verdict(round(score, 4), band))
    return {
        str(each): {side: int(((said == each) & (part.y_true == truth)).sum()) for side, truth in SIDES.items()}
        for each in VERDICTS
    }
