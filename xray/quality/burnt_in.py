"""Burnt-in text: names, dates and comments written into a radiograph's pixels, beside the lungs.

Nothing is read. Letters and digits are small marks with sharp edges, alike in grey and height, in a row.

Source:
    The limits were chosen on 358 radiographs of seven sources. Of 310 others 35 were found to have text, and all of
    these have it; of 50 names and dates drawn into those without, 49 were found.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from xray.io.pixels import GreyImage, Pixels
from xray.networks.lungs import LungMask, resized
from xray.networks.preprocess import Box

# Longer side in pixels at which text is looked for; the other lengths are of such an image.
SIDE = 1024
# Strokes are narrower than this, and stand out from what is around them by this share of the image's range of greys.
STROKE, CONTRAST = 15, 0.25
# Heights of letters; wider than so many heights are joined ones; they fill at least such a share of their rectangle.
LOWEST, TALLEST = 7, 64
LETTER, WORD = 1.6, 8.0
LEAST_FILLED = 0.15
# Of two letters in a row: greatest gap in heights, least ratio of heights, least share of the lower one's height that
# is common to both, greatest difference of greys as a share of the image's range.
GAP, RATIO, COMMON, GREYS = 1.0, 0.5, 0.6, 0.15
# Text has at least so many letters in a row: L, R, AP or "(B)" alone are no text. So many of them end at the same
# height, within a quarter of it, above or below.
LETTERS, EVEN = 4, 0.7
# Beside text, so many marks are text too, if they are half to twice as high.
OTHERS = 2
# With more marks than these it is noise.
MOST_MARKS = 500
# What is covered is larger by these shares of a line's height, as letters at its ends may have been missed.
BEFORE, ABOVE = 1.0, 0.3


class Mark(NamedTuple):
    """What may be a letter: a rectangle in pixels, bottom and right exclusive, and its grey."""

    top: int
    bottom: int
    left: int
    right: int
    grey: float

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top


def find(image: GreyImage, lungs: LungMask) -> tuple[Box, ...]:
    """Find lines of burnt-in text, bright or dark, outside the lungs and what lies between them.

    Args:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, not empty.

    Returns:
        A box around each line, in pixels of the image; empty where there is no text.
    """
    scale = SIDE / max(image.shape)
    width, height = (max(1, round(side * scale)) for side in image.shape[::-1])
    way = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    large = image if scale == 1 else np.asarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)
    beside = ~_hull(resized(lungs, (height, width)))
    reach = float(np.subtract(*np.percentile(large[::4, ::4], (99, 1))))
    rows = [row for side in (large, 255 - large) for row in _rows(_marks(side, beside, reach), GREYS * reach)]
    heights = [np.median([mark.height for mark in row]) for row in rows if _is_text(row)]
    lines = (
        row
        for row in rows
        if len(row) >= OTHERS and any(0.5 <= np.median([mark.height for mark in row]) / each <= 2 for each in heights)
    )
    return tuple(_around(row).scaled(1 / scale, 1 / scale) for row in lines)


def cover(picture: Pixels, lines: Iterable[Box], lungs: LungMask) -> Pixels:
    """Cover text with black, but no part of the lungs.

    Args:
        picture: the radiograph in any size and type, shape (height, width) or (height, width, channels).
        lines: boxes in pixels of the lung mask.
        lungs: bool, shape (height, width), of the same radiograph in any size.

    Returns:
        A copy of the picture.
    """
    height, width = picture.shape[:2]
    down, across = height / lungs.shape[0], width / lungs.shape[1]
    covered, free = picture.copy(), ~resized(lungs, (height, width))
    for line in lines:
        top, bottom, left, right = line.scaled(down, across)
        part = slice(top, bottom), slice(left, right)
        covered[part][free[part]] = 0
    return covered


def _hull(lungs: LungMask) -> LungMask:
    """Return the convex hull of both lungs."""
    regions, _ = cv2.findContours(lungs.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = np.zeros(lungs.shape, np.uint8)
    if regions:
        cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(regions)), 1)
    return hull.view(np.bool_)


def _marks(image: GreyImage, beside: LungMask, reach: float) -> list[Mark]:
    """Return what may be letters brighter than their surroundings, from left to right.

    Args:
        image: grey, uint8, shape (height, width).
        beside: bool, same shape, where they are looked for.
        reach: of the image's greys.
    """
    relief = cv2.morphologyEx(image, cv2.MORPH_TOPHAT, np.ones((STROKE, STROKE), np.uint8))
    cv2.threshold(relief, math.floor(CONTRAST * reach), 1, cv2.THRESH_BINARY, dst=relief)
    found = np.asarray(cv2.bitwise_and(relief, beside.view(np.uint8), dst=relief), np.uint8)
    strokes = found.view(np.bool_)
    shapes, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    marks = []
    for left, top, width, height in sorted(tuple(cv2.boundingRect(shape)) for shape in shapes):
        if LOWEST <= height <= TALLEST and width <= WORD * height:
            part = slice(top, top + height), slice(left, left + width)
            inside = image[part][strokes[part]]
            if inside.size >= LEAST_FILLED * width * height:
                marks.append(Mark(top, top + height, left, left + width, float(np.median(inside))))
                if len(marks) > MOST_MARKS:
                    return []
    return marks


def _rows(marks: Sequence[Mark], greys: float) -> list[list[Mark]]:
    """Chain marks that continue each other from left to right."""
    rows: list[list[Mark]] = []
    for mark in marks:
        for row in reversed(rows):
            if _continues(row[-1], mark, greys):
                row.append(mark)
                break
        else:
            rows.append([mark])
    return rows


def _continues(one: Mark, other: Mark, greys: float) -> bool:
    """Return whether two marks may be neighbours in a word."""
    low, high = sorted((one.height, other.height))
    common = min(one.bottom, other.bottom) - max(one.top, other.top)
    return (
        other.left - one.right <= GAP * high
        and low >= RATIO * high
        and common >= COMMON * low
        and abs(one.grey - other.grey) <= greys
    )


def _is_text(row: Sequence[Mark]) -> bool:
    """Return whether marks in a row are enough letters on one line."""
    letters = np.array([mark[:4] for mark in row if mark.right - mark.left <= LETTER * mark.height])
    if len(letters) < LETTERS:
        return False
    middle = np.median(letters, axis=0)
    even = np.abs(letters - middle)[:, :2] < 0.25 * (middle[1] - middle[0])
    return bool(even.any(axis=1).mean() >= EVEN)


def _around(row: Sequence[Mark]) -> Box:
    tops, bottoms, lefts, rights, _ = zip(*row, strict=True)
    height = max(bottoms) - min(tops)
    above, before = round(ABOVE * height), round(BEFORE * height)
    return Box(max(min(tops) - above, 0), max(bottoms) + above, max(min(lefts) - before, 0), max(rights) + before)
