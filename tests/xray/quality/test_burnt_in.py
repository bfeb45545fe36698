"""Burnt-in text is found in every corner, bright or dark, and covered; markers and noise are no text."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from xray.networks.lungs import segment
from xray.quality.burnt_in import cover, find

SIDE = 700


@pytest.fixture
def film(radiograph: Callable[..., np.ndarray]) -> np.ndarray:
    return radiograph(SIDE, SIDE)


@pytest.fixture
def lungs(analyzer, film: np.ndarray) -> np.ndarray:
    return segment(film, analyzer.registry.segmenter)


def write(film: np.ndarray, text: str, at: tuple[int, int], grey: int, size: float = 0.7) -> None:
    cv2.putText(film, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, grey, 2, cv2.LINE_AA)


@pytest.mark.parametrize("text", ["12.03.2021", "Rossi Maria", "ID 4839201"])
@pytest.mark.parametrize(("at", "grey"), [((12, 30), 255), ((500, 30), 250), ((12, 685), 255), ((520, 680), 0)])
def test_names_and_dates_are_found_and_covered(film, lungs, text, at, grey):
    film[at[1] - 25 : at[1] + 8, at[0] - 8 : at[0] + 180] = 255 - grey  # a black or a white field
    plain = film.copy()
    write(film, text, at, grey)
    lines = find(film, lungs)
    assert lines
    field = slice(at[1] - 25, at[1] + 8), slice(at[0] - 8, at[0] + 180)
    written = (film != plain)[field]
    covered = cover(film, lines, lungs)
    assert (covered[field] == 0)[written].mean() > 0.95
    assert (covered[lungs] == film[lungs]).all()


def test_markers_ribs_and_noise_are_no_text(film: np.ndarray, lungs: np.ndarray) -> None:
    assert find(film, lungs) == ()
    write(film, "L", (20, 80), 255, 2)
    write(film, "AP", (600, 60), 255, 1)
    assert find(film, lungs) == ()
    noise = np.where(np.random.default_rng(0).random(film.shape) > 0.8, 255, 0).astype(np.uint8)
    assert find(noise, lungs) == ()
    assert find(film, np.zeros_like(lungs)) == ()
