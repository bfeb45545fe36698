"""What several tests need."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.artefacts import NO_FILE
from xray.analysis import Analyzer
from xray.networks.metadata import Check, OpacityFacts, ScreenFacts
from xray.opacity import OpacityMap
from xray.quality.out_of_distribution import CHECKS, DISTANCE, Screen
from xray.registry import MODEL_DIR


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real radiographs: XRAY_DATA, or shared/data beside the checkout; skips without it."""
    folder = Path(os.environ.get("XRAY_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"needs the real radiographs: no manifest.csv in {folder}; set XRAY_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The analyzer that is served, with the artefacts of model/."""
    if not any(MODEL_DIR.glob("*/metadata.json")):
        pytest.skip("needs the artefacts of model/: run `make models`")
    return Analyzer.load()


@pytest.fixture(scope="session")
def radiograph() -> Callable[..., np.ndarray]:
    """Draw a picture that the lung network takes for a frontal chest radiograph."""
    return draw_radiograph


@pytest.fixture(scope="session")
def make_screen() -> Callable[..., Screen]:
    """Make a screen that answers every picture with the checks given, and with none by default."""
    return screen_that_says


def screen_that_says(*said: str, channels: int = 512) -> Screen:
    """Make a screen whose heads look at nothing, and whose distance is always 0."""
    heads = CHECKS[:-1]
    facts = ScreenFacts(
        "screen", "1.0.0", "2026-11-20T00:00:00Z", "Screen", NO_FILE, "MIT",
        {}, {}, {}, "vgg16_cxr", "0" * 64,
        (*(Check(name, 0.5) for name in heads), Check(DISTANCE, 0.0 if DISTANCE in said else 1.0)),
    )  # fmt: skip
    return Screen(
        facts,
        kernel=np.zeros((channels, len(heads)), np.float32),
        bias=np.array([1 if name in said else -1 for name in heads], np.float32),
        centre=np.zeros(channels, np.float32),
        whitening=np.zeros((channels, 1), np.float32),
    )


@pytest.fixture(scope="session")
def make_opacity_map() -> Callable[..., OpacityMap]:
    """Make an opacity map; by default it looks at nothing, and takes every place for opaque to 88 %."""
    return opacity_map_of


def opacity_map_of(kernel: np.ndarray | None = None, **facts: float) -> OpacityMap:
    """Make an opacity map of any kernel; keyword arguments replace facts."""
    known = {"threshold": 0.5, "extent_slope": 8.0, "extent_intercept": 0.0} | facts
    made = OpacityFacts(
        "opacity", "1.0.0", "2026-11-20T00:00:00Z", "Opacity map", NO_FILE, "MIT",
        {"extent_error": 0.9}, {}, {}, "vgg16_cxr", "0" * 64, **known,
    )  # fmt: skip
    if kernel is None:
        return OpacityMap(made, np.zeros(512, np.float32), np.array(2, np.float32))
    return OpacityMap(made, kernel.astype(np.float32), np.array(0, np.float32))


def draw_radiograph(height: int = 512, width: int = 480, seed: int = 0) -> np.ndarray:
    """Draw two dark lungs with ribs in a bright body; the seed varies the lungs and the grain."""
    rng = np.random.default_rng(seed)
    film = np.full((512, 512), 25, np.float32)
    cv2.ellipse(film, (256, 330), (244, 290), 0, 0, 360, 160, cv2.FILLED)
    cv2.rectangle(film, (14, 330), (498, 512), 160, cv2.FILLED)
    cv2.rectangle(film, (14, 410), (498, 512), 190, cv2.FILLED)
    for side in (-1, 1):
        centre, axes = (256 + side * 104, 250), (int(rng.integers(68, 81)), int(rng.integers(162, 183)))
        lung = np.zeros((512, 512), np.uint8)
        cv2.ellipse(lung, centre, axes, -10 * side, 0, 360, 1, cv2.FILLED)
        lung[390:] = 0
        film[lung > 0] = 62
        for rib in range(9):
            arc = np.zeros_like(film)
            cv2.ellipse(arc, (centre[0] - side * 30, 150 + 34 * rib), (130, 44), 10 * side, 180, 360, 26, 9)
            film += arc * lung
        cv2.line(film, (256 + side * 20, 112), (256 + side * 190, 84), 185, 10)
    cv2.rectangle(film, (234, 0), (278, 512), 205, cv2.FILLED)
    cv2.ellipse(film, (292, 318), (74, 88), -20, 0, 360, 200, cv2.FILLED)
    grain = cv2.GaussianBlur(rng.normal(0, 10, film.shape).astype(np.float32), (0, 0), 1.2)
    film = cv2.GaussianBlur(film, (0, 0), 5) + grain
    return np.clip(cv2.resize(film, (width, height), interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8)
