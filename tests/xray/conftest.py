"""Heads made by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.artefacts import head_facts
from xray.networks.heads import Head


@pytest.fixture(scope="session")
def small_head() -> Callable[..., Head]:
    """Make a head of random weights for features of any number of channels."""
    return make_small_head


def make_small_head(channels: int, seed: int = 0, **facts: Any) -> Head:
    """Make a head of random weights, in float64 for exact comparisons; keyword arguments replace facts."""
    made, rng = head_facts(**facts), np.random.default_rng(seed)
    return Head(made, rng.normal(size=(channels, len(made.labels))), rng.normal(size=len(made.labels)))
