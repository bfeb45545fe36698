"""The real artefacts, and facts for hand-made heads."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xray.analysis import Analyzer
from xray.classifier import Head
from xray.metadata import ArtefactFile, Band, HeadFacts


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The analyzer that is served, with the artefacts of model/."""
    return Analyzer.load()


@pytest.fixture(scope="session")
def small_head() -> Callable[..., Head]:
    """Make a head of random weights for features of any size, in float64 for exact comparisons."""
    return make_small_head


def make_small_head(feature_shape: tuple[int, int, int], seed: int = 0, **facts: Any) -> Head:
    """Make a head with few hidden units; keyword arguments replace facts."""
    height, width, channels = feature_shape
    rng = np.random.default_rng(seed)
    known: dict[str, Any] = {
        "name": "covid_normal", "kind": "head", "version": "1.0.0", "created": "2026-11-20T00:00:00Z",
        "title": "COVID-19 or normal", "file": ArtefactFile("head.npz", "0" * 64, 1), "licence": "MIT",
        "metrics": {}, "training": {}, "parity": {}, "backbone": "vgg16_cxr", "backbone_sha256": "0" * 64,
        "classes": ("normal", "covid"), "positive": "covid", "temperature": 1.0, "threshold": 0.5,
        "band": Band(0.4, 0.6),
    }  # fmt: skip
    return Head(
        HeadFacts(**(known | facts)),
        rng.normal(size=((height // 4) * (width // 4) * channels, 7)),
        rng.normal(size=7),
        rng.normal(size=(7, 2)),
        rng.normal(size=2),
    )
