"""Drawings of a radiograph: scaled, with the outline of its lungs, and under its heat map."""

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.analysis import Analysis
from xray.annotate.lettering import QUIET, Colour, Picture
from xray.io.pixels import GreyImage, halve
from xray.io.png import encode_png
from xray.networks.grad_cam import Heat, to_picture
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Box
from xray.opacity import Opacity
from xray.prediction import Prediction

Grey = TypeVar("Grey", np.uint8, np.uint16)
# The outline of each lung: its corners, x and y as shares of the width and height of the image, shape (corners, 2).
Outline = Sequence[NDArray[np.float64]]

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
# Of the longer side: half the length of an outline that each of its points is the mean of, and how far corners that are
# left out may lie from it. The mask was enlarged from 128 px: the means turn its steps into a smooth line.
SMOOTHED, LEFT_OUT = 1 / 85, 1 / 2000
# cv2.polylines takes positions in sixteenths of a pixel.
SHIFT = 4


def radiograph_panel(analysis: Analysis, found: Outline | None = None) -> Picture:
    """Return the radiograph with its lung outline, its longer side scaled into 384 to 768 px.

    Args:
        analysis: the radiograph.
        found: the outline of its lungs, where it is known already.
    """
    found = lung_outline(analysis.lungs) if found is None else found
    return draw_outline(_scaled(analysis.image, LARGEST_PANEL), found)


def heat_panel(analysis: Analysis, prediction: Prediction) -> Picture:
    """Return the radiograph under its heat map, in the size of `radiograph_panel`.

    Args:
        analysis: the radiograph.
        prediction: one of its predictions, whose box is framed.
    """
    image = _scaled(analysis.image, LARGEST_PANEL)
    height, width = image.shape
    box = prediction.box.scaled(height / analysis.image.shape[0], width / analysis.image.shape[1])
    picture = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    part = slice(box.top, box.bottom), slice(box.left, box.right)
    seen = image[part]
    whole = Box(0, seen.shape[0], 0, seen.shape[1])
    picture[part] = overlay(seen, to_picture(prediction.cam, whole, (whole.bottom, whole.right)))
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


def heat_layer(prediction: Prediction) -> bytes:
    """Return the heat map alone, as a PNG for a page to lay over the radiograph.

    It has the radiograph's proportions, its longer side LAYER px, as heat is smooth; and a palette of colours and how
    opaque they are.
    """
    factor = LAYER / max(prediction.shape)
    height, width = _size(prediction.shape, factor)
    return _layer(to_picture(prediction.cam, prediction.box.scaled(factor, factor), (height, width)))


def opacity_layer(opacity: Opacity) -> bytes:
    """Return the opacity map alone, as `heat_layer` does: the same colours, from 0 to 100 %."""
    return _layer(opacity.probability(_size(opacity.lungs.shape, LAYER / max(opacity.lungs.shape))))


def _layer(heat: Heat) -> bytes:
    return encode_png(np.asarray(cv2.convertScaleAbs(heat, alpha=255), np.uint8), _palette())


@cache
def _palette() -> Picture:
    """Return the colour of each heat: blue, green, red, opacity, uint8, shape (256, 4)."""
    opacity = _opacity(np.linspace(0, 1, 256, dtype=np.float32))
    return np.dstack([HEAT_COLOURS, np.rint(255 * opacity).astype(np.uint8)[:, None]])[:, 0]


def lung_outline(lungs: LungMask) -> Outline:
    """Return the outline of each lung.

    Args:
        lungs: bool, shape (height, width).
    """
    # Half the size is enough.
    height, width = (max(1, side // 2) for side in lungs.shape)
    half = cv2.resize(lungs.view(np.uint8) * np.uint8(255), (width, height), interpolation=cv2.INTER_AREA)
    found, _ = cv2.findContours(cv2.threshold(half, 127, 1, cv2.THRESH_BINARY)[1], *OUTER_EDGES)
    reach, tolerance = round(SMOOTHED / 2 * max(height, width)), LEFT_OUT * max(height, width)
    outlines = (cv2.approxPolyDP(_smoothed(each.astype(np.float32), reach), tolerance, True)[:, 0] for each in found)
    return [(each + 0.5) / (width, height) for each in outlines]


def _smoothed(ring: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Replace each point of a ring, shape (points, 1, 2), by the mean of those up to `reach` points from it."""
    if not 0 < reach < len(ring):
        return ring
    closed = np.concatenate([ring[-reach:], ring, ring[:reach]])
    return np.asarray(cv2.blur(closed, (1, 2 * reach + 1))[reach:-reach], np.float32)


def outline_path(found: Outline, shape: tuple[int, int]) -> str:
    """Return the outline of the lungs as the data of an SVG path.

    Args:
        found: the outline.
        shape: height and width of the image in whose pixels it is.
    """
    rings = (np.rint(each * shape[::-1] - 0.5).astype(int).tolist() for each in found)
    return "".join("M" + "L".join(f"{x} {y}" for x, y in ring) + "Z" for ring in rings)


def draw_outline(image: GreyImage, found: Outline) -> Picture:
    """Draw the outline of the lungs on a radiograph.

    Args:
        image: grey, uint8, shape (height, width).
        found: the outline.

    Returns:
        Blue, green, red, uint8, shape (height, width, 3).
    """
    picture = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    rings = [np.rint((each * image.shape[::-1] - 0.5) * 2**SHIFT).astype(np.int32) for each in found]
    thickness = max(1, round(max(image.shape) / 500))
    return np.asarray(cv2.polylines(picture, rings, True, LUNGS, thickness, cv2.LINE_AA, SHIFT), np.uint8)


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
    blended = _blended().take(levels).view(np.uint8).reshape(*image.shape, 4)
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
