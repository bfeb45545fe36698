"""Radiographs displayed as negatives are inverted."""

import cv2
import numpy as np
import pytest

from xray.errors import NotAChestXrayError
from xray.io.pixels import rotate
from xray.quality.frontal import frontal_view

PAIR = np.zeros((512, 512), np.uint8)
for x in (150, 360):
    cv2.ellipse(PAIR, (x, 250), (80, 170), 0, 0, 360, 1, cv2.FILLED)
LUNGS = PAIR > 0
POSITIVE = np.where(LUNGS, 60, 180).astype(np.uint8)


def dark_lungs(image):
    """Find the pair only where it is dark, like the lung network."""
    return LUNGS if image[LUNGS].mean() < image[~LUNGS].mean() else np.zeros_like(LUNGS)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_negative_is_inverted_and_a_positive_is_not(inverted):
    view = frontal_view(255 - POSITIVE if inverted else POSITIVE, dark_lungs)
    assert view.inverted is inverted
    np.testing.assert_array_equal(view.image, POSITIVE)
    np.testing.assert_array_equal(view.lungs, LUNGS)


def test_a_negative_whose_lungs_are_found_is_inverted_too():
    """The network sometimes finds the lungs of a negative, where they are brighter than the tissue around them."""
    assert frontal_view(255 - POSITIVE, lambda image: LUNGS).inverted


def lungs_at(upright):
    """Find the pair only in the rotation of this radiograph, like the lung network."""
    return lambda image: LUNGS if np.array_equal(image, upright) else np.zeros_like(LUNGS)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (cv2.ROTATE_90_CLOCKWISE, "lies on its side"),
        (cv2.ROTATE_90_COUNTERCLOCKWISE, "lies on its side"),
        (cv2.ROTATE_180, "stands upside down"),
    ],
)
def test_a_rotated_radiograph_is_refused_with_a_hint(turn, words):
    # A mark in a corner, since the pair looks the same in several rotations.
    upright = POSITIVE.copy()
    upright[:40, :40] = 250
    lying = cv2.rotate(upright, turn)
    with pytest.raises(
        NotAChestXrayError, match=f"Send one whole.*may be a radiograph that {words}: turn it upright"
    ) as caught:
        frontal_view(lying, lungs_at(upright))
    np.testing.assert_array_equal(rotate(lying, caught.value.turn), upright)
