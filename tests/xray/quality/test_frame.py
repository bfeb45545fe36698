"""Borders that are cut off, another picture beside the film, and how a film is tilted."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from xray.errors import TwoFilmsError
from xray.networks import lungs
from xray.quality import frame
from xray.quality.cautions import tilt
from xray.quality.frame import Part

Radiograph = Callable[..., np.ndarray]


@pytest.fixture
def segment(analyzer) -> Callable[[np.ndarray], np.ndarray]:
    return lambda picture: lungs.segment(picture, analyzer.registry.segmenter)


@pytest.mark.parametrize("grey", [0, 255])
@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_wide_border_is_cut_off(radiograph: Radiograph, segment, grey: int, share: float) -> None:
    film = radiograph(seed=1)
    side = round(film.shape[1] * share)
    bordered = cv2.copyMakeBorder(film, 0, 0, side, 10, cv2.BORDER_CONSTANT, value=grey)
    box, part = frame.find(bordered, segment)
    assert (box.left, box.right) == pytest.approx((side, side + film.shape[1]), abs=2) and part is None


def test_an_ordinary_film_is_kept_whole(radiograph: Radiograph, segment) -> None:
    film = radiograph(seed=1)
    bordered = cv2.copyMakeBorder(film, 9, 9, 20, 20, cv2.BORDER_CONSTANT, value=0)
    assert frame.find(film, segment) == ((0, *film.shape[:1], 0, film.shape[1]), None)
    assert frame.find(bordered, segment) == ((0, bordered.shape[0], 0, bordered.shape[1]), None)


def test_the_side_of_a_narrow_body_is_no_seam(radiograph: Radiograph, segment) -> None:
    film = radiograph(seed=1)
    dark = np.random.default_rng(0).integers(0, 30, (film.shape[0], film.shape[1] * 2 // 3)).astype(np.uint8)
    picture = np.hstack([dark, film])
    assert frame.find(picture, segment) == ((0, picture.shape[0], 0, picture.shape[1]), None)


@pytest.mark.parametrize("gutter", [0, 12])
def test_the_frontal_one_of_two_pictures_is_read_and_two_frontal_ones_are_refused(radiograph, segment, gutter):
    film = radiograph(seed=1)
    other = np.tile(np.linspace(200, 60, film.shape[0]).astype(np.uint8)[:, None], film.shape[1])
    gap = np.zeros((film.shape[0], gutter), np.uint8)
    box, part = frame.find(np.hstack([other, gap, film]), segment)
    assert part is Part.RIGHT and box.left == pytest.approx(film.shape[1] + gutter, abs=gutter + 3)
    both = np.hstack([film, gap, radiograph(seed=2)])
    with pytest.raises(TwoFilmsError, match="two pictures in one"):
        frame.find(both, segment)
    box, part = frame.find(both, segment, Part.LEFT)
    assert part is Part.LEFT and (box.left, box.right) == pytest.approx((0, film.shape[1]), abs=6)


@pytest.mark.parametrize("degrees", [-20, 0, 20])
def test_a_tilt_is_measured_at_the_lungs(degrees: int) -> None:
    mask = np.zeros((200, 200), np.uint8)
    for centre, lean in ((60, 8), (140, -8)):
        cv2.ellipse(mask, (centre, 100), (60, 25), 90 + lean, 0, 360, 1, cv2.FILLED)
    turned = cv2.warpAffine(mask, cv2.getRotationMatrix2D((100, 100), -degrees, 1), (200, 200), flags=cv2.INTER_NEAREST)
    assert tilt(turned > 0) == pytest.approx(degrees, abs=3)
