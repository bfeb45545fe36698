"""Marks over the lungs are detected; ribs, borders and letters beside the lungs are not."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from xray.quality.cautions import marks_over_lungs

SIDE = 700


@pytest.fixture
def film(radiograph: Callable[..., np.ndarray]) -> np.ndarray:
    return radiograph(SIDE, SIDE)


@pytest.fixture
def lungs() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for centre in (0.3, 0.7):
        cv2.ellipse(mask, (int(centre * SIDE), SIDE // 2), (90, 220), 0, 0, 360, 1, cv2.FILLED)
    return mask > 0


def test_an_arrow_is_found_at_any_size(film: np.ndarray, lungs: np.ndarray) -> None:
    cv2.arrowedLine(film, (140, 450), (210, 350), 255, 8, cv2.LINE_AA, tipLength=0.35)
    assert marks_over_lungs(film, lungs)
    large = cv2.resize(film, (2800, 2800), interpolation=cv2.INTER_CUBIC)
    assert marks_over_lungs(large, cv2.resize(lungs.astype(np.uint8), (2800, 2800)) > 0)


def test_ribs_letters_beside_the_lungs_and_no_lungs_are_none(film: np.ndarray, lungs: np.ndarray) -> None:
    assert not marks_over_lungs(film, lungs)
    cv2.putText(film, "L", (20, 80), cv2.FONT_HERSHEY_SIMPLEX, 2, 255, 5)
    assert not marks_over_lungs(film, lungs)
    assert not marks_over_lungs(np.full_like(film, 255), np.zeros_like(lungs))
