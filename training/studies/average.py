"""Average of radiographs, laid lung on lung: what a class looks like, and no patient's image."""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.crops import prepared, threaded
from training.data.manifest import Row, read, root
from xray.errors import DatasetError
from xray.networks.preprocess import LUNG_BOX, Box, Recipe

SIDE = 512
# Where the box around the lungs is laid: about where it lies on a usual radiograph.
PLACE = Box(70, 430, 66, 446)
LEAST = 50  # radiographs, so that none shows through


def run(args: argparse.Namespace) -> None:
    """Average the training radiographs of a class and source."""
    wanted = (args.label, args.source, "train")
    # A mean is a derived work: radiographs whose licence forbids those (ND) stay out.
    rows = [r for r in read(args.manifest) if (r.label, r.source, r.split) == wanted and "ND" not in r.licence]
    if len(rows) < LEAST:
        raise DatasetError(
            f"Expected at least {LEAST} training films of {args.label} from {args.source}, so that nobody's shows "
            f"through. Received: {len(rows)}."
        )
    chosen = np.random.default_rng(0).permutation(len(rows))[: args.films]
    mean = average([rows[i] for i in chosen], root(args.manifest))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.output), mean, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{args.output}: the mean of {len(chosen)} films")


def average(rows: list[Row], folder: Path) -> NDArray[np.uint8]:
    """Return the mean of radiographs, each moved so that its lungs fill the same box; what serving refuses is left out.

    Returns:
        uint8, shape (512, 512).
    """
    total, recipe = np.zeros((SIDE, SIDE), np.float64), Recipe(LUNG_BOX, SIDE)
    found = [each for each in threaded(lambda row: prepared(folder / row.path, recipe), rows, "average") if each]
    for each in found:
        moved = cv2.warpAffine(each.image, _placement(each.box), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        total += cv2.equalizeHist(moved)
    mean = total / len(found)
    dark, bright = np.percentile(mean, (0.5, 99.5))
    return np.asarray(np.clip((mean - dark) * 255 / (bright - dark), 0, 255), np.uint8)


def _placement(box: Box) -> NDArray[np.float64]:
    """Return the affine transform, shape (2, 3), that lays a box onto PLACE."""
    across = (PLACE.right - PLACE.left) / (box.right - box.left)
    down = (PLACE.bottom - PLACE.top) / (box.bottom - box.top)
    return np.array([[across, 0, PLACE.left - across * box.left], [0, down, PLACE.top - down * box.top]])
