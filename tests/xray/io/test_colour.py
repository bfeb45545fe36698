"""Colour pictures are refused; radiographs with coloured marks or a tint are not."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from xray.errors import NotAChestXrayError
from xray.io import image

FORMATS = pytest.mark.parametrize("extension", [".png", ".jpg"])


def encoded(pixels: np.ndarray, extension: str) -> bytes:
    return cv2.imencode(extension, pixels)[1].tobytes()


@pytest.fixture(scope="module")
def film(radiograph: Callable[..., np.ndarray]) -> np.ndarray:
    """A radiograph in three equal channels."""
    return cv2.cvtColor(radiograph(), cv2.COLOR_GRAY2BGR)


def marked(film: np.ndarray) -> np.ndarray:
    """Draw what authors draw on radiographs: arrows, a frame and a caption, in strong colours."""
    picture = film.copy()
    for x, y in ((120, 200), (180, 300), (330, 220), (360, 320)):
        cv2.arrowedLine(picture, (x, y), (x + 60, y - 60), (0, 255, 255), 8, tipLength=0.35)
    cv2.rectangle(picture, (100, 150), (220, 330), (0, 255, 0), 6)
    cv2.putText(picture, "COVID-19 day 5", (20, 50), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 255), 4)
    return picture


@FORMATS
def test_a_radiograph_with_coloured_marks_passes(film: np.ndarray, extension: str) -> None:
    data = encoded(marked(film), extension)
    assert image.load(data).image.shape == film.shape[:2]


@FORMATS
@pytest.mark.parametrize("tint", [(1, 0.85, 0.65), (0.6, 0.8, 1)], ids=["blue", "sepia"])
def test_a_tinted_radiograph_passes(film: np.ndarray, extension: str, tint: tuple[float, float, float]) -> None:
    data = encoded((film * np.array(tint)).astype(np.uint8), extension)
    assert image.load(data).image.shape == film.shape[:2]


@FORMATS
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_picture_of_many_colours_is_refused(film: np.ndarray, extension: str, depth: type) -> None:
    """A heat map over the whole radiograph stands for a photograph; at 16 bits too, which only a PNG has."""
    colours = cv2.applyColorMap(film, cv2.COLORMAP_JET)
    pixels = colours if extension == ".jpg" or depth is np.uint8 else colours.astype(np.uint16) * 257
    with pytest.raises(NotAChestXrayError, match="Expected a grey radiograph, received a picture .* Please") as caught:
        image.load(encoded(pixels, extension))
    assert caught.value.status == 422


@pytest.mark.parametrize(("share", "refused"), [(0.18, False), (0.22, True)])
@pytest.mark.parametrize("tint", [(128, 128, 128), (160, 128, 96)], ids=["grey", "tinted"])
def test_the_coloured_share_decides(share: float, refused: bool, tint: tuple[int, int, int]) -> None:
    pixels = np.full((400, 400, 3), tint, np.uint8)
    pixels[: round(400 * share)] = (0, 0, 255)
    data = encoded(pixels, ".png")
    if refused:
        with pytest.raises(NotAChestXrayError, match="22% is coloured"):
            image.load(data)
    else:
        assert image.load(data).image.shape == (400, 400)
