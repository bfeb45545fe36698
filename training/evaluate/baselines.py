"""Predictors that see no lungs: what they reach, a network may have learned from the hospital instead of the lungs."""

from collections.abc import Sequence
from dataclasses import asdict, astuple
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training import cache
from training.data.crops import draw_weights, pixel_path, prepared, threaded
from training.data.manifest import Row, read, root
from training.fit.head_config import HeadConfig
from training.metrics.calibration import youden_threshold
from training.metrics.discrimination import Floats
from training.report.tables import BASELINES
from xray.io.pixels import GreyImage
from xray.networks.lungs import LungMask
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import LUNG_BOX, Recipe

__all__ = ["BASELINES", "fit", "scored", "thumbnails", "without_lungs"]

# The image and the frame of the measurement in the data's README: 48 px, its centre of 36 px blacked out.
THUMBNAIL, CENTRE = 48, slice(6, 42)
# Two pixels: the lungs' edge, and the error of the mask, are erased with them.
DILATION = np.ones((5, 5), np.uint8)
# Of 0.001, 0.01 and 0.1 the best for the border of validation radiographs, COVID-19 against normal.
REGULARISATION = 0.01
# Of the crop that is made beside the thumbnail, and not used.
RECIPE = Recipe(LUNG_BOX, THUMBNAIL)


def scored(
    rows: Sequence[Row], truth: NDArray[np.int64], config: HeadConfig, manifest: Path
) -> dict[str, tuple[Floats, tuple[OperatingPoint, ...]]]:
    """Train each baseline on the train split, cached, and choose its thresholds on the validation split.

    Args:
        rows: the radiographs.
        truth: what each shows, shape (n, labels): 1, 0 or -1 where nobody says.
        config: of the head that stands beside them.
        manifest: written by `prepare`.

    Returns:
        By name of the baseline: scores of all rows, shape (n, labels), and the operating point of each label.
    """
    table, images = pd.DataFrame([asdict(row) for row in rows]), thumbnails(manifest, rows)[1]

    def make() -> dict[str, Floats]:
        return {
            name: _scores(images[index], table, truth, exclusive=config.exclusive)
            for index, name in enumerate(BASELINES)
        }

    parts = ([astuple(row) for row in rows], truth.tolist(), config.exclusive, pixel_path(), REGULARISATION)
    found = cache.arrays("baselines", parts, make)
    return {
        name: (scores, tuple(_point(table, truth[:, k], scores[:, k]) for k in range(truth.shape[1])))
        for name, scores in ((name, found[name]) for name in BASELINES)
    }


def _scores(images: NDArray[np.uint8], table: pd.DataFrame, truth: NDArray[np.int64], *, exclusive: bool) -> Floats:
    """Return the scores of a regression of all labels that exclude each other, or of one for each label."""
    scores = np.full(truth.shape, np.nan)
    if exclusive:
        known = (truth >= 0).any(axis=1)
        rows = table[known].assign(y_true=truth[known].argmax(axis=1))
        scores[known] = _fit_labels(images[known], rows)
        return scores
    for index, values in enumerate(truth.T):
        known = values >= 0
        scores[known, index] = fit(images[known], table[known].assign(y_true=values[known]))
    return scores


def _point(table: pd.DataFrame, truth: NDArray[np.int64], score: Floats) -> OperatingPoint:
    """Choose the threshold of a label where sensitivity plus specificity is greatest on the validation split."""
    val = (table.split == "val").to_numpy() & (truth >= 0)
    weight = draw_weights([str(y) for y in truth[val]], list(table.source[val]))
    threshold = youden_threshold(truth[val], score[val], weight)
    return OperatingPoint(threshold=threshold, negative_below=threshold, positive_from=threshold)


def thumbnails(manifest: Path, rows: Sequence[Row] | None = None) -> tuple[str, NDArray[np.uint8]]:
    """Return small images without their lungs, from the cache where it holds them.

    Args:
        manifest: written by `prepare`.
        rows: the radiographs; by default all of the manifest, in its order.

    Returns:
        A hash of the images, and uint8, shape (baselines, radiographs, 48, 48), in the order of BASELINES; black where
        serving refuses the radiograph.
    """
    rows, folder = list(read(manifest) if rows is None else rows), root(manifest)

    def one(row: Row) -> NDArray[np.uint8]:
        ready = prepared(folder / row.path, RECIPE)
        black = np.zeros((len(BASELINES), THUMBNAIL, THUMBNAIL), np.uint8)
        return without_lungs(ready.image, ready.lungs) if ready else black

    parts = ([row.sha256 for row in rows], pixel_path(), THUMBNAIL, DILATION.shape)
    made = cache.arrays("thumbnails", parts, lambda: {"images": np.stack(threaded(one, rows, "erase lungs"), axis=1)})
    return cache.digest(*parts), made["images"]


def without_lungs(image: GreyImage, mask: LungMask) -> NDArray[np.uint8]:
    """Return the whole image at 48 px with the dilated lungs blacked out, and with its centre blacked out.

    The first still shows the outline of the lungs; the second not even that.

    Args:
        image: grey, uint8, shape (height, width).
        mask: bool, same shape, True inside the lungs; where it is empty the centre is taken for the lungs.

    Returns:
        uint8, shape (2, 48, 48), in the order of BASELINES.
    """
    size = (THUMBNAIL, THUMBNAIL)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    touched = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    erased, border = small.copy(), small.copy()
    border[CENTRE, CENTRE] = 0
    erased[cv2.dilate(touched.astype(np.uint8), DILATION) > 0] = 0
    return np.stack([erased if mask.any() else border, border])


def fit(images: NDArray[np.uint8], rows: pd.DataFrame) -> Floats:
    """Fit a logistic regression on the train rows, balanced as the network's training is, and score all rows.

    Args:
        images: uint8, shape (n, height, width).
        rows: n rows with split, source and y_true (0 or 1).

    Returns:
        Scores, shape (n,), in [0, 1].
    """
    return _fit_labels(images, rows)[:, 1]


def _fit_labels(images: NDArray[np.uint8], rows: pd.DataFrame) -> Floats:
    """Fit as `fit` does, several labels: y_true is the index of one. Returns scores of shape (n, labels)."""
    train = (rows.split == "train").to_numpy()
    inputs = images.reshape(len(images), -1).astype(np.float32) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=2000))
    weight = draw_weights([str(y) for y in rows.y_true[train]], list(rows.source[train])) * train.sum()
    model.fit(inputs[train], rows.y_true[train], logisticregression__sample_weight=weight)
    return np.asarray(model.predict_proba(inputs), np.float64)
