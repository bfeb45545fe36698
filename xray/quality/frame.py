"""The frame: which part of a picture is the film, where borders surround it or another film is beside or below it."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import cv2
import numpy as np

from xray.errors import NotAChestXrayError, Phrase, TwoFilmsError
from xray.io.pixels import GreyImage, Pixels
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Box
from xray.quality import frontal

# Borders that together take at least this share of the height or width are cut off. Of 900 radiographs of six sources
# one per cent has them; narrower ones stay, as the networks learned films with them.
WIDE_BORDER = 0.2
# Where less than so many pixels a side would be left, nothing is cut off: that is no film.
SMALLEST = 16
# A line of a border: at most so many of its pixels differ by more than so many greys from the border's.
STRAY_SHARE, STRAY_GREYS = 0.005, 10
# A border is darker or brighter than this; a grey one may be tissue.
DARKEST, BRIGHTEST = 48, 207
# Lines that are looked at first for the end of a border.
FEW_LINES = 16
# A seam is looked for in the middle part of the width, on a copy of at most so many columns and of so many rows.
MIDDLE = (0.3, 0.7)
COLUMNS, ROWS = 512, 64
# A step is so many times the row's median difference between neighbours, and so many greys more. A gutter is a column
# with less than so many greys between its extremes.
STEEP, STEP, GUTTER = 4, 8, 12
# Least share of the rows with a step at a seam. Measured: two films side by side 0.58 or more for 95 %, 0.38 the least
# of 192; the median of 1,800 single films 0.09, 99 % of them at most 0.30. Of the columns: two films one above the
# other 0.59 or more for 95 %, 0.39 the least of 180; 668 single films at most 0.25.
LEAST_STEPS = 0.45


class Part(StrEnum):
    """One of two pictures in one, as they are seen."""

    LEFT = "left"
    RIGHT = "right"
    TOP = "top"
    BOTTOM = "bottom"


BESIDE, BELOW = (Part.LEFT, Part.RIGHT), (Part.TOP, Part.BOTTOM)
TWO_FILMS = {
    BESIDE: Phrase(
        "Expected one radiograph, received two pictures in one, with a seam at %(share)s%% of the width. "
        "Please send one radiograph at a time, or say which part is to be read: left or right."
    ),
    BELOW: Phrase(
        "Expected one radiograph, received two pictures in one, with a seam at %(share)s%% of the height. "
        "Please send one radiograph at a time, or say which part is to be read: top or bottom."
    ),
}


class Seam(NamedTuple):
    """Where two pictures may meet.

    Attributes:
        steps: share of the rows (or columns) that have a step there.
        at: column (or row).
    """

    steps: float
    at: int


def find(
    image: GreyImage, segment: Callable[[GreyImage], LungMask], part: Part | None = None
) -> tuple[Box, Part | None]:
    """Find the film in a picture.

    Args:
        image: grey, uint8, shape (height, width).
        segment: finds the lungs in such an image.
        part: which of two pictures in one is the film, as its sender says; without a seam between them the picture is
            cut in its middle. None: whichever is frontal.

    Returns:
        The film without wide borders; and which of two pictures it is, None of one.

    Raises:
        TwoFilmsError: two frontal films in one picture, and nobody said which.
    """
    box = _without_borders(image, Box(0, image.shape[0], 0, image.shape[1]))
    film = _within(image, box)
    seams = {BESIDE: _seam(film), BELOW: _seam(np.asarray(cv2.transpose(film), np.uint8))}
    pair = max(seams, key=lambda pair: seams[pair].steps) if part is None else BESIDE if part in BESIDE else BELOW
    seam = seams[pair]
    if seam.steps < LEAST_STEPS and part is None:
        return box, None
    length = film.shape[1 if pair is BESIDE else 0]
    at = seam.at if seam.steps >= LEAST_STEPS else length // 2
    halves = {name: _without_borders(image, half, least=0) for name, half in _cut(box, pair, at, length).items()}
    if part:
        return halves[part], part
    if any(_is_blank(_within(image, half)) for half in halves.values()):
        return box, None  # it was the side of a narrow body
    films = {name: half for name, half in halves.items() if _is_frontal(_within(image, half), segment)}
    if len(films) == 2:
        raise TwoFilmsError(TWO_FILMS[pair], pair, share=round(100 * at / length))
    return next(((half, name) for name, half in films.items()), (box, None))


def _within(image: GreyImage, box: Box) -> GreyImage:
    return image[box.top : box.bottom, box.left : box.right]


def _cut(box: Box, pair: tuple[Part, Part], at: int, length: int) -> dict[Part, Box]:
    """Cut a box in two, and leave out the blurred lines at the seam."""
    blurred = 2 * max(1, length // COLUMNS)
    first, second = pair
    if pair is BESIDE:
        at += box.left
        return {first: box._replace(right=at - blurred), second: box._replace(left=at + blurred)}
    at += box.top
    return {first: box._replace(bottom=at - blurred), second: box._replace(top=at + blurred)}


def _without_borders(image: GreyImage, box: Box, least: float = WIDE_BORDER) -> Box:
    """Return a part of the image without its borders, where they take a share of the height or width or more."""
    part = image[box.top : box.bottom, box.left : box.right]
    top, bottom, left, right = (_border(lines) for lines in (part, part[::-1], part.T, part.T[::-1]))
    if max(least * part.shape[0], 1) <= top + bottom <= part.shape[0] - SMALLEST:
        box = box._replace(top=box.top + top, bottom=box.bottom - bottom)
    if max(least * part.shape[1], 1) <= left + right <= part.shape[1] - SMALLEST:
        box = box._replace(left=box.left + left, right=box.right - right)
    return box


def _border(lines: Pixels) -> int:
    """Return how many of the first lines are all black, or all white."""
    grey = float(np.median(lines[0]))
    if DARKEST < grey < BRIGHTEST:
        return 0
    # Few lines at first, as most borders are narrow; then ever more: a picture of 64 pixels by 390,000 would take ten
    # seconds one by one.
    start, count = 0, FEW_LINES
    while start < len(lines):
        block = np.ascontiguousarray(lines[start : start + count])
        near = cv2.inRange(block, (grey - STRAY_GREYS,), (grey + STRAY_GREYS,))
        alike = near.mean(axis=1) >= 255 * (1 - STRAY_SHARE)
        if not alike.all():
            return start + int(np.argmin(alike))
        start, count = start + count, 2 * count
    return len(lines)


def _seam(image: GreyImage) -> Seam:
    """Return the likeliest column where two pictures meet: a step in most rows, or a black or white gutter."""
    columns = min(image.shape[1], COLUMNS)
    small = cv2.resize(image, (columns, ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
    step = np.abs(small[:, 2:] - small[:, :-2])  # over two columns, as a step may be blurred
    median = np.sort(step, axis=1)[:, [step.shape[1] // 2]]  # np.median takes eight times as long
    steep = step > STEEP * median + STEP
    mean = small.mean(axis=0)
    gutter = (np.ptp(small, axis=0) < GUTTER) & ((mean < DARKEST) | (mean > BRIGHTEST))
    found = np.maximum(steep.mean(axis=0), gutter[1:-1])
    start, stop = (round(share * columns) for share in MIDDLE)
    at = start + int(np.argmax(found[start:stop]))
    return Seam(float(found[at]), round((at + 1) * image.shape[1] / columns))


def _is_blank(part: GreyImage) -> bool:
    """Return whether three quarters of a part are black, or white."""
    low, high = np.percentile(part, (25, 75))
    return bool(high < DARKEST or low > BRIGHTEST)


def _is_frontal(part: GreyImage, segment: Callable[[GreyImage], LungMask]) -> bool:
    try:
        frontal.check(segment(np.ascontiguousarray(part)))
    except NotAChestXrayError:
        return False
    return True
