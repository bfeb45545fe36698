"""Predictions made by hand, for tests of what is made of them."""

import numpy as np

from xray.networks.heads import LabelScore, verdicts
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import Box
from xray.prediction import Prediction


def point(low: float, high: float, threshold: float | None = None) -> OperatingPoint:
    """Make an operating point whose threshold lies at its lower edge unless said otherwise."""
    return OperatingPoint(threshold=low if threshold is None else threshold, negative_below=low, positive_from=high)


def pair(
    score: float, at: OperatingPoint, *, model: str = "covid_normal", title: str = "COVID-19 or normal"
) -> Prediction:
    """Make what a model of two labels that exclude each other says."""
    negative = "pneumonia" if model == "covid_pneumo" else "normal"
    scores, points = (round(1 - score, 4), score), (at.mirrored(), at)
    labels = tuple(
        LabelScore(label, each, edges.threshold, edges.negative_below, edges.positive_from, verdict)
        for label, each, edges, verdict in zip(
            (negative, "covid"), scores, points, verdicts(scores, points, exclusive=True), strict=True
        )
    )
    return Prediction(
        model=model, title=title, version="1.0.0", positive="covid", exclusive=True, labels=labels, explained="covid",
        heat_in_lungs=None, even_heat=0.5, cam=np.zeros((2, 2), np.float32), box=Box(0, 4, 0, 4), shape=(4, 4),
    )  # fmt: skip
