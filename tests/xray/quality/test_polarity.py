"""Films shown as negatives are turned back."""

import cv2
import numpy as np
import pytest

from xray.errors import NotAChestXrayError
from xray.io.pixels import rotate
from xray.networks import lungs
from xray.networks.runtime import Network
from xray.quality.polarity import frontal_view, lung_contrast
from xray.registry import MODEL_DIR

PAIR = np.zeros((512, 512), np.uint8)
for x in (150, 360):
    cv2.ellipse(PAIR, (x, 250), (80, 170), 0, 0, 360, 1, cv2.FILLED)
LUNGS = PAIR > 0
FILM = np.where(LUNGS, 60, 180).astype(np.uint8)


def dark_lungs(image):
    """Stand in for the lung network: finds the pair only where it is dark."""
    return LUNGS if image[LUNGS].mean() < image[~LUNGS].mean() else np.zeros_like(LUNGS)


def test_a_film_stays_as_it_is():
    film = frontal_view(FILM, dark_lungs)
    assert not film.inverted
    np.testing.assert_array_equal(film.image, FILM)


def test_a_negative_is_turned_back():
    film = frontal_view(255 - FILM, dark_lungs)
    assert film.inverted
    np.testing.assert_array_equal(film.image, FILM)
    np.testing.assert_array_equal(film.lungs, LUNGS)


def test_a_negative_whose_lungs_were_found_all_the_same_is_turned_back():
    """The network sometimes marks the lungs of a negative; there they are brighter than what is around them."""
    assert frontal_view(255 - FILM, lambda image: LUNGS).inverted


def test_neither_polarity_has_lungs():
    with pytest.raises(NotAChestXrayError):
        frontal_view(FILM, lambda image: np.zeros_like(LUNGS))


def lungs_at(upright):
    """Stand in for the lung network: finds the pair only where the film lies as this one does."""
    return lambda image: LUNGS if np.array_equal(image, upright) else np.zeros_like(LUNGS)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (cv2.ROTATE_90_CLOCKWISE, "lies on its side"),
        (cv2.ROTATE_90_COUNTERCLOCKWISE, "lies on its side"),
        (cv2.ROTATE_180, "stands upside down"),
    ],
)
def test_a_refused_film_that_is_turned_is_told_so(turn, words):
    # A mark in a corner, since the pair looks the same from several sides.
    film = FILM.copy()
    film[:40, :40] = 250
    lying = cv2.rotate(film, turn)
    with pytest.raises(
        NotAChestXrayError, match=f"Send one whole.*may be a film that {words}: turn it upright"
    ) as caught:
        frontal_view(lying, lungs_at(film))
    np.testing.assert_array_equal(rotate(lying, caught.value.turn), film)


def test_what_has_no_lungs_any_way_round_gets_no_such_hint():
    with pytest.raises(NotAChestXrayError) as caught:
        frontal_view(FILM, lambda image: np.zeros_like(LUNGS))
    assert "upright and send" not in str(caught.value) and caught.value.turn == 0


def test_an_accepted_film_costs_one_pass_of_the_lung_network():
    passes = []
    frontal_view(FILM, lambda image: passes.append(image) or LUNGS)
    assert len(passes) == 1


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE])
def test_the_lung_network_knows_a_film_that_lies_on_its_side(radiograph, turn):
    network = Network(MODEL_DIR / "lung_unet" / "network.tflite", threads=1)
    with pytest.raises(NotAChestXrayError, match="may be a film that lies on its side"):
        frontal_view(cv2.rotate(radiograph(), turn), lambda each: lungs.segment(each, network))


def test_contrast_is_positive_where_lungs_are_dark():
    assert lung_contrast(FILM, LUNGS) == pytest.approx(-lung_contrast(255 - FILM, LUNGS))
    assert lung_contrast(FILM, LUNGS) > 1


def test_both_photometric_forms_of_a_dicom_film_get_the_same_verdict(real_data, analyzer):
    """Two files with the same stored values, one labelled MONOCHROME1: the same film after all."""
    first, second = (
        analyzer.analyse(path.read_bytes(), analyzer.names) for path in sorted((real_data / "dicom").glob("*.dcm"))
    )
    assert first.inverted != second.inverted
    for one, other in zip(first.predictions, second.predictions, strict=True):
        assert one.verdict == other.verdict
        assert one.score == pytest.approx(other.score, abs=0.02)
