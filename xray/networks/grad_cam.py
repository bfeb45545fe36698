"""Grad-CAM: where in the image a head found its evidence."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.networks.heads import Features
from xray.networks.lungs import LungMask
from xray.networks.preprocess import Box

Cam = NDArray[np.float32]  # on the backbone's grid
Heat = NDArray[np.float32]  # at the image's size


def grad_cam(features: Features, kernel: NDArray[np.float32], index: int, *, exclusive: bool = True) -> Cam:
    """Return Grad-CAM of one label's logit, minus the mean of the others' where they exclude it, at block5_conv3.

    Each channel weighs what the mean of its gradient says; the weighted sum is cut at zero.

    Args:
        features: float32, shape (height, width, channels), block5_conv3 after its ReLU.
        kernel: float32, shape (channels, labels), of the head. It is the gradient itself, summed over positions: max
            pooling routes each pooled cell's gradient to one position, and the mean divides what the sum adds up.
        index: of the label whose evidence is wanted.
        exclusive: whether the labels exclude each other.

    Returns:
        float32, shape (height, width), largest value 1; all 0 where nothing speaks for the label.

    Source:
        Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    labels = kernel.shape[1]
    towards = np.full(labels, -1.0 / (labels - 1) if exclusive else 0.0, np.float32)
    towards[index] = 1.0
    weights = kernel @ towards / (features.shape[0] * features.shape[1])
    cam = np.maximum(features @ weights, 0)
    peak = cam.max()
    return np.asarray(cam / peak if peak > 0 else cam, np.float32)


def to_picture(cam: Cam, box: Box, shape: tuple[int, int]) -> Heat:
    """Resize a class activation map to the part of the image that the network saw.

    Args:
        cam: float32, shape (height, width), values 0 to 1.
        box: that part, in pixels of the image.
        shape: height and width of the image.

    Returns:
        float32, of the given shape, values 0 to 1, bilinear inside the box and 0 outside.
    """
    heat = np.zeros(shape, np.float32)
    size = (box.right - box.left, box.bottom - box.top)
    heat[box.top : box.bottom, box.left : box.right] = cv2.resize(cam, size, interpolation=cv2.INTER_LINEAR)
    return heat


def lung_share(lungs: LungMask, box: Box, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return how much of each cell of the backbone's grid is lung.

    Args:
        lungs: bool, of the image's shape.
        box: the part of the image that the network saw.
        shape: height and width of the grid.

    Returns:
        float32, of the given shape, values 0 to 1; its mean is what evenly spread heat would have in the lungs.
    """
    part = np.ascontiguousarray(lungs[box.top : box.bottom, box.left : box.right])
    # Summed-area table: four corners give each cell, at a fifth of the cost of averaging.
    sums = cv2.integral(part.view(np.uint8))
    rows, columns = (np.linspace(0, side, cells + 1) for side, cells in zip(part.shape, shape, strict=True))
    corners = _between(_between(sums, rows).T, columns).T
    inside = np.diff(np.diff(corners, axis=0), axis=1)
    return np.asarray(inside * (shape[0] * shape[1] / part.size), np.float32)


def heat_in_lungs(cam: Cam, share: NDArray[np.float32]) -> float | None:
    """Return the share of the heat that lies in the lungs, in [0, 1]; None where there is no heat.

    Args:
        cam: a class activation map.
        share: of each of its cells that is lung; see `lung_share`.
    """
    return float((cam * share).sum() / cam.sum()) if cam.any() else None


def _between(rows: NDArray[Any], at: NDArray[Any]) -> NDArray[np.float64]:
    """Interpolate linearly between the rows of a table, at positions in rows."""
    above = np.minimum(at.astype(int), len(rows) - 2)
    return np.asarray(rows[above] + (at - above)[:, None] * (rows[above + 1] - rows[above]), np.float64)
