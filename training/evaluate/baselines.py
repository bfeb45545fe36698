"""Predictors that see no lung: what they reach, the network has not learned from the lungs."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from training.config import RUNS
from training.data.crops import LUNG_NETWORK, draw_weights
from training.data.manifest import Row, read, root
from training.metrics.figures import Json, slices
from training.metrics.thresholds import operating_point
from xray.io import image
from xray.io.pixels import GreyImage
from xray.networks import lungs
from xray.networks.runtime import Network

BASELINES = {
    "lungs_erased": "whole picture, lungs erased",
    "border_only": "border of the picture, centre erased",
}
# A cached file's name holds the hash of all that it depends on.
CACHE = RUNS / "baselines"
# The picture and the frame of the measurement in the data's README: 48 px, its centre of 36 px blacked out.
THUMBNAIL, CENTRE = 48, slice(6, 42)
# Two pixels: the lungs' edge, and the error of the mask, are erased with them.
DILATION = np.ones((5, 5), np.uint8)
# Of 0.001, 0.01 and 0.1 the best for the border of validation radiographs, COVID-19 against normal.
REGULARISATION = 0.01


def scored(classes: tuple[str, str], manifest: Path) -> dict[str, pd.DataFrame]:
    """Return, for each baseline, the manifest's rows of two classes with its scores, cached.

    Args:
        classes: labels, the negative one first.
        manifest: written by `training.data.prepare`.
    """
    origin, pictures = thumbnails(manifest)
    table = pd.DataFrame([asdict(row) for row in read(manifest)])
    chosen = table.label.isin(classes)
    rows = table[chosen].assign(y_true=(table.label == classes[1]).astype(int))
    found = {}
    for index, name in enumerate(BASELINES):
        key = hashlib.sha256(repr((origin.name, classes, REGULARISATION)).encode()).hexdigest()[:12]
        path = CACHE / f"{name}-{key}.npy"
        if not path.exists():
            np.save(path, fit(pictures[index][chosen.to_numpy()], rows))
        found[name] = rows.assign(y_score=np.load(path))
    return found


def judge(rows: pd.DataFrame) -> Json:
    """Choose a baseline's threshold as the network's was chosen, and score its test rows."""
    val, test = rows[rows.split == "val"], rows[rows.split == "test"]
    point = operating_point(val.y_true, val.y_score, draw_weights(list(val.label), list(val.source)))
    return {"threshold": point.threshold, **slices(test, point.threshold)}


def thumbnails(manifest: Path) -> tuple[Path, NDArray[np.uint8]]:
    """Return small pictures of the manifest without their lungs, from the cache where it holds them.

    Args:
        manifest: written by `training.data.prepare`.

    Returns:
        The cached file and uint8, shape (baselines, radiographs, 48, 48), in the order of BASELINES.
    """
    key = hashlib.sha256(manifest.read_bytes() + LUNG_NETWORK.read_bytes()).hexdigest()[:12]
    path = CACHE / f"thumbnails-{key}.npy"
    if not path.exists():
        rows, folder = read(manifest), root(manifest)
        network = Network(LUNG_NETWORK, pool_size=2, threads=1)

        def one(row: Row) -> NDArray[np.uint8]:
            picture = image.read((folder / row.path).read_bytes())
            return without_lungs(picture, lungs.segment(picture, network))

        CACHE.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            shown = tqdm(pool.map(one, rows), total=len(rows), desc="erase lungs", disable=None)
            pictures = np.stack(list(shown), axis=1)
        part = path.with_suffix(".part.npy")
        np.save(part, pictures)
        part.replace(path)
    return path, np.load(path)


def without_lungs(picture: GreyImage, mask: lungs.LungMask) -> NDArray[np.uint8]:
    """Return the whole picture at 48 px with the dilated lungs blacked out, and with its centre blacked out.

    The first still shows the outline of the lungs; the second not even that.

    Args:
        picture: grey, uint8, shape (height, width).
        mask: bool, same shape, True inside the lungs; where it is empty the centre is taken for the lungs.

    Returns:
        uint8, shape (2, 48, 48), in the order of BASELINES.
    """
    size = (THUMBNAIL, THUMBNAIL)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    touched = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    erased, border = small.copy(), small.copy()
    border[CENTRE, CENTRE] = 0
    erased[cv2.dilate(touched.astype(np.uint8), DILATION) > 0] = 0
    return np.stack([erased if mask.any() else border, border])


def fit(pictures: NDArray[np.uint8], rows: pd.DataFrame) -> NDArray[np.float64]:
    """Fit a logistic regression on the train rows, balanced as the network's training is, and score all rows.

    Args:
        pictures: uint8, shape (n, height, width).
        rows: n rows with split, label, source and y_true.

    Returns:
        Scores, shape (n,), in [0, 1].
    """
    train = (rows.split == "train").to_numpy()
    inputs = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=2000))
    weight = draw_weights(list(rows.label[train]), list(rows.source[train])) * train.sum()
    model.fit(inputs[train], rows.y_true[train], logisticregression__sample_weight=weight)
    return np.asarray(model.predict_proba(inputs)[:, 1])
