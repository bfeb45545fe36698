"""The real artefacts, and heads made by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xray.analysis import Analyzer
from xray.networks.heads import Head
from xray.networks.metadata import ArtefactFile, HeadFacts, OperatingPoint


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The analyzer that is served, with the artefacts of model/."""
    return Analyzer.load()


@pytest.fixture(scope="session")
def small_head() -> Callable[..., Head]:
    """Make a head of random weights for features of any number of channels."""
    return make_small_head


def make_small_head(channels: int, seed: int = 0, **facts: Any) -> Head:
    """Make a head of random weights, in float64 for exact comparisons; keyword arguments replace facts."""
    point = OperatingPoint(threshold=0.5, negative_below=0.4, positive_from=0.6)
    known: dict[str, Any] = {
        "name": "covid_normal", "version": "1.0.0", "created": "2026-11-20T00:00:00Z", "title": "COVID-19 or normal",
        "file": ArtefactFile(name="head.npz", sha256="0" * 64, size_bytes=1), "licence": "MIT", "metrics": {},
        "training": {}, "parity": {}, "backbone": "vgg16_cxr", "backbone_sha256": "0" * 64,
        "labels": ("normal", "covid"), "exclusive": True, "positive": "covid", "temperature": 1.0,
        "points": (point.mirrored(), point),
    }  # fmt: skip
    made = HeadFacts(**(known | facts))
    rng = np.random.default_rng(seed)
    return Head(made, rng.normal(size=(channels, len(made.labels))), rng.normal(size=len(made.labels)))
