"""Drawings of a radiograph: scaled, with the outline of its lungs, and under its heat map."""

from collections.abc import Sequence
from functools import cache
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.analysis import Analysis
from xray.annotate.lettering import QUIET, Colour, Picture
from xray.io.pixels import GreyImage, halve
from xray.networks.grad_cam import Heat, to_picture
from xray.networks.lungs import LungMask, resized
from xray.opacity import Opacity
from xray.prediction import Prediction

Grey = TypeVar("Grey", np.uint8, np.uint16)

# Longer sides in pixels: of the viewer's image, and of each panel of the annotated copy. Larger files would take the
# most time to write.
LARGEST, LARGEST_PANEL, SMALLEST_PANEL = 1024, 768, 384
THUMBNAIL, LAYER = 160, 256

LUNGS: Colour = (214, 196, 94)
# Inferno rises evenly in lightness, so that equal steps of heat look equal. Its dark end is left out: there the map is
# nearly transparent and would only darken the radiograph.
HEAT_COLOURS = cv2.applyColorMap(np.linspace(70, 245, 256).astype(np.uint8)[:, None], cv2.COLORMAP_INFERNO)
MOST_OPAQUE = 0.62
# Weaker heat is not shown: it lies over most of a radiograph and would only veil it.
CUT_OFF = 0.2
OUTER_EDGES = cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE


def radiograph_panel(analysis: Analysis) -> Picture:
    """Return the radiograph with its lung outline, its longer side scaled into 384 to 768 px."""
    image = _scaled(analysis.image, LARGEST_PANEL)
    return outline(image, resized(analysis.lungs, (image.shape[0], image.shape[1])))


def heat_panel(analysis: Analysis, prediction: Prediction) -> Picture:
    """Return the radiograph under its heat map, in the size of `radiograph_panel`.

    Args:
        analysis: the radiograph.
        prediction: one of its predictions, whose box is framed.
    """
    image = _scaled(analysis.image, LARGEST_PANEL)
    height, width = image.shape
    box = prediction.box.scaled(height / analysis.image.shape[0], width / analysis.image.shape[1])
    picture = overlay(image, to_picture(prediction.cam, box, (height, width)))
    return np.asarray(cv2.rectangle(picture, box[2::-2], (box.right - 1, box.bottom - 1), QUIET, 1), np.uint8)


def viewer_image(image: NDArray[Grey]) -> NDArray[Grey]:
    """Return the radiograph alone, of 8 or 16 bits, its longer side scaled into 384 to 1024 px."""
    return _scaled(image, LARGEST)


def thumbnail(image: GreyImage, side: int = THUMBNAIL) -> GreyImage:
    """Return the radiograph within a square, never enlarged.

    Args:
        image: grey, uint8, shape (height, width).
        side: of the square, in pixels.
    """
    height, width = _size(image.shape, min(1, side / max(image.shape)))
    return np.asarray(cv2.resize(halve(image, height, width), (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def heat_layer(prediction: Prediction) -> Picture:
    """Return the heat map alone, as a layer for a page to lay over the radiograph.

    Returns:
        Blue, green, red, opacity, uint8, of the radiograph's proportions, its longer side LAYER px: heat is smooth.
    """
    factor = LAYER / max(prediction.shape)
    height, width = _size(prediction.shape, factor)
    return _layer(to_picture(prediction.cam, prediction.box.scaled(factor, factor), (height, width)))


def opacity_layer(opacity: Opacity) -> Picture:
    """Return the opacity map alone, as `heat_layer` does: the same colours, from 0 to 100 %."""
    return _layer(opacity.probability(_size(opacity.lungs.shape, LAYER / max(opacity.lungs.shape))))


def _layer(heat: Heat) -> Picture:
    colours = HEAT_COLOURS[np.rint(heat * 255).astype(np.uint8), 0]
    return np.dstack([colours, np.rint(255 * _opacity(heat)).astype(np.uint8)])


def outline_path(lungs: LungMask, sent: tuple[int, int] | None = None) -> str:
    """Return the outline of the lungs as the data of an SVG path, in pixels of the image that was sent.

    Args:
        lungs: bool, shape (height, width).
        sent: height and width of the image that was sent, where they are not those of the mask.
    """
    found = []
    down, across = (there / here for there, here in zip(sent or lungs.shape, lungs.shape, strict=True))
    for contour in _contours(lungs):
        corners = cv2.approxPolyDP(contour, max(lungs.shape) / 1000, True)[:, 0]
        corners = np.rint(corners * (across, down)).astype(int)
        found.append("M" + "L".join(f"{x} {y}" for x, y in corners) + "Z")
    return "".join(found)


def outline(image: GreyImage, lungs: LungMask) -> Picture:
    """Draw the outline of the lungs on a radiograph.

    Args:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3).
    """
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    thickness = max(1, round(max(image.shape) / 500))
    return np.asarray(cv2.drawContours(picture, _contours(lungs), -1, LUNGS, thickness, cv2.LINE_AA), np.uint8)


def overlay(image: GreyImage, heat: Heat) -> Picture:
    """Lay a heat map over a radiograph, transparent where there is no heat.

    Args:
        image: grey, uint8, shape (height, width).
        heat: float32, same shape, values 0 to 1.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3).
    """
    # Grey and heat as one number of 16 bits, the heat in its high byte: the overlay is one look-up.
    levels = cv2.merge([image, cv2.convertScaleAbs(heat, alpha=255)]).view("<u2")[..., 0]
    blended = _blended()[levels].view(np.uint8).reshape(*image.shape, 4)
    return np.asarray(cv2.cvtColor(blended, cv2.COLOR_BGRA2BGR), np.uint8)


@cache
def _blended() -> NDArray[np.uint32]:
    """Return the colour of each heat over each grey: blue, green, red and zero, shape (65,536,)."""
    opacity = _opacity(np.linspace(0, 1, 256, dtype=np.float32))[:, None, None]
    grey = np.arange(256, dtype=np.float32)[None, :, None]
    colours = np.rint((1 - opacity) * grey + opacity * HEAT_COLOURS.astype(np.float32))
    return np.dstack([colours, np.zeros((256, 256))]).astype(np.uint8).view(np.uint32).ravel()


def _opacity(heat: Heat) -> Heat:
    """Return how opaque the colour of each heat is: not at all up to CUT_OFF, and from there rising."""
    shown = np.clip((heat - CUT_OFF) / (1 - CUT_OFF), 0, 1)
    return np.asarray(MOST_OPAQUE * shown**0.75, np.float32)


def _contours(lungs: LungMask) -> Sequence[NDArray[np.int32]]:
    """Return the outer edges of the lungs."""
    # The mask was enlarged from 128 px: blurring turns its steps into a smooth line. Half the size is enough.
    height, width = lungs.shape
    half = (max(1, width // 2), max(1, height // 2))
    small = cv2.resize(lungs.view(np.uint8) * np.uint8(255), half, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), max(lungs.shape) / 400), (width, height))
    found, _ = cv2.findContours(cv2.threshold(soft, 127, 1, cv2.THRESH_BINARY)[1], *OUTER_EDGES)
    return cast("Sequence[NDArray[np.int32]]", found)


def _scaled(image: NDArray[Grey], largest: int) -> NDArray[Grey]:
    """Scale an image so that its longer side lies between SMALLEST_PANEL and `largest`."""
    factor = _factor(image.shape, largest)
    if factor == 1:
        return image
    height, width = _size(image.shape, factor)
    interpolation = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_LINEAR if factor > 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), image.dtype)


def panel_size(shape: Sequence[int]) -> tuple[int, int]:
    """Return the height and width of the panels of a radiograph, from its own or those of the image that was sent."""
    return _size(shape, _factor(shape, LARGEST_PANEL))


def _factor(shape: Sequence[int], largest: int) -> float:
    return min(max(max(shape), SMALLEST_PANEL), largest) / max(shape)


def _size(shape: Sequence[int], factor: float) -> tuple[int, int]:
    """Return a height and width times a factor, each at least 1 px."""
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))
