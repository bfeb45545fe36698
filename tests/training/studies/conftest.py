"""What the tests of several studies share."""

import hashlib
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from training.steps import STEPS


@pytest.fixture
def step() -> Callable[..., None]:
    """Run a step with the arguments of a command line."""

    def run(module: ModuleType, *arguments: object) -> None:
        (parser,) = (each.parser() for each in STEPS if each.module == module.__name__)
        module.run(parser.parse_args([str(each) for each in arguments]))

    return run


@pytest.fixture
def brightness_backbone(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Let the frozen backbone tell how bright an image is, and cache nothing in the project."""
    from training import cache
    from training.fit import features

    def brightness(image):
        return np.broadcast_to(image.mean(axis=(1, 2, 3))[:, None, None, None], (len(image), 14, 14, 512)).astype(
            np.float32
        )

    monkeypatch.setattr(features, "backbone", lambda *_: (brightness, hashlib.sha256().hexdigest()))
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
