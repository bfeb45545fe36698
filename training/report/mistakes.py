"""Radiographs that a head gets wrong, each beside the heat that misled it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.report import plots
from training.report.render import Picture
from xray.annotate.panels import draw_outline, lung_outline, overlay
from xray.io.pixels import GreyImage
from xray.networks.grad_cam import Heat
from xray.networks.lungs import LungMask

MOST = 12  # of each side
SIDE = 256  # of an image, pixels
LONGEST_NAME = 24


@dataclass(frozen=True, eq=False)
class Explained:
    """A radiograph with what a head saw in it.

    Attributes:
        image: grey, uint8, shape (height, width).
        lungs: bool, same shape, True inside the lungs.
        heat: in [0, 1], same shape; None where the networks at hand give another score than the one explained.
    """

    image: GreyImage
    lungs: LungMask
    heat: Heat | None


def pictures(rows: pd.DataFrame, explain: Callable[[pd.Series], Explained | None]) -> list[Picture]:
    """Show the radiographs on the wrong side of the threshold; an empty list where there is nothing to show.

    Args:
        rows: with path, label, source, y_true, y_score and called (0 or 1).
        explain: looks at the radiograph of a row; None where it cannot be read or is refused.
    """
    wrong = worst(rows)
    found = gallery(wrong, explain)
    caption = (
        f"{len(wrong)} radiographs on the wrong side of the threshold, the worst of each side first: left with the "
        "lungs that were found, right under the evidence for the label that was called, yellow where it is strongest"
    )
    return [Picture(found, caption)] if found else []


def worst(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on the wrong side of the threshold, the worst of each side first."""
    wrong = rows[rows.called != rows.y_true]
    missed = wrong[wrong.y_true == 1].nsmallest(MOST, "y_score")
    return pd.concat([missed, wrong[wrong.y_true == 0].nlargest(MOST, "y_score")])


def gallery(rows: pd.DataFrame, explain: Callable[[pd.Series], Explained | None]) -> bytes | None:
    """Draw radiographs in rows, with the lungs that were found, and under the heat that misled the head.

    Returns:
        A PNG; None where there is nothing to show.
    """
    images: list[NDArray[np.uint8]] = []
    captions: list[str] = []
    for _, row in rows.iterrows():
        found = explain(row)
        if found is None:
            continue
        origin = f"{row.label} {row.y_score:.3f}\n{row.source}: {_short(str(row.path).rpartition('/')[2])}"
        heat = overlay(found.image, found.heat) if found.heat is not None else None
        images += [_square(draw_outline(found.image, lung_outline(found.lungs))), _square(heat)]
        captions += [origin, "heat" if heat is not None else "no heat: the networks changed"]
    return plots.grid(images, captions, a_row=6, inches=2.2) if images else None


def _square(image: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Fit an image into a square, in red, green, blue; grey where there is none."""
    square = np.full((SIDE, SIDE, 3), 235, np.uint8)
    if image is None:
        return square
    scale = SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 8]}…{name[-7:]}"
