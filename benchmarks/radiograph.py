"""A drawn chest film: what benchmarks send where no patient's picture may be published."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Point = tuple[float, float]

# Outlines are drawn on a canvas 400 wide and 500 high, then enlarged.
AIR, LUNG, TISSUE, BONE = 12, 62, 150, 196


def draw(height: int = 2500, width: int = 2048, *, seed: int = 0) -> Grey:
    """Draw a frontal chest radiograph: trunk, lungs, heart, spine, ribs, collar bones, and a film's grain.

    Args:
        height: in pixels; the default is that of a usual full-size film.
        width: in pixels.
        seed: decides the grain and how large the heart and lungs are.

    Returns:
        uint8, shape (height, width), values 0 (air) to 255.
    """
    chance = np.random.default_rng(seed)
    film = np.full((500, 400), AIR, np.float32)
    _body(film)
    breath = chance.uniform(1.08, 1.18)
    lungs = _lungs(breath)
    film[lungs > 0] = LUNG
    _bones(film, lungs)
    heart = np.zeros_like(film)
    cv2.ellipse(heart, (222, 345), (int(66 * chance.uniform(0.9, 1.1)), 78), 20, 0, 360, 1, cv2.FILLED)
    film += cv2.GaussianBlur(heart, (0, 0), 5) * (TISSUE - film).clip(0) * 0.9
    film = cv2.GaussianBlur(film, (0, 0), 3)
    large = cv2.resize(film, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = chance.normal(0, 4, large.shape).astype(np.float32)
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def png(film: Grey) -> bytes:
    """Encode a film as PNG."""
    return cv2.imencode(".png", film)[1].tobytes()


def _body(film: NDArray[np.float32]) -> None:
    side = [(50, 0), (62, 62), (170, 100), (200, 150), (200, 500)]
    _fill(film, [(200 + x, y) for x, y in side] + [(200 - x, y) for x, y in reversed(side)], TISSUE)
    cv2.rectangle(film, (186, 0), (214, 500), TISSUE + 18, cv2.FILLED)


def _lungs(breath: float) -> NDArray[np.float32]:
    """Draw both lungs; float32, 1 inside them."""
    lungs = np.zeros((500, 400), np.float32)
    hilum_right, hilum_left = (
        [(165, 95), (175, 150), (172, 260)],
        [(235, 95), (225, 150), (230, 230), (268, 330)],
    )
    flank_right = [(165, 365), (110, 375), (52, 410), (45, 300), (70, 180), (115, 105)]
    flank_left = [(290, 372), (350, 410), (356, 300), (330, 180), (285, 105)]
    for side in (hilum_right + flank_right, hilum_left + flank_left):
        _fill(lungs, [(x, 95 + (y - 95) * breath) for x, y in side], 1)
    return (cv2.GaussianBlur(lungs, (0, 0), 8) > 0.5).astype(np.float32)


def _bones(film: NDArray[np.float32], lungs: NDArray[np.float32]) -> None:
    """Draw ribs, brighter where lung lies behind them, and the collar bones."""
    ribs = np.zeros_like(film)
    for rib in range(9):
        for centre, start in ((112, 185), (288, 175)):
            cv2.ellipse(ribs, (centre, 128 + 37 * rib), (92, 44), 0, start, start + 180, 1, 7)
    film += cv2.GaussianBlur(ribs * lungs, (0, 0), 1.5) * 30
    for outer, inner in (((60, 108), (186, 92)), ((340, 108), (214, 92))):
        cv2.line(film, outer, inner, BONE, 9)


def _fill(canvas: NDArray[np.float32], outline: Sequence[Point], value: float) -> None:
    cv2.fillPoly(canvas, [np.asarray(outline, np.int32)], value)
