"""Statistics of radiographs before any training: counts, grey values, principal components, what the border tells."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from training.data.duplicates import SIDE
from training.data.manifest import Row
from training.data.thumbnails import Gallery
from training.evaluate.baselines import CENTRE, REGULARISATION, THUMBNAIL
from training.metrics.figures import Json, age_group

COMPONENTS = 60
BINS = 32  # of the grey values 0 to 255
FOLDS = 5
SEED = 0
NOT_STATED = "not stated"
Images = NDArray[np.uint8]


def value(row: Row, name: str) -> str:
    """Return a column of a row, or its age group; `not stated` where it is blank."""
    return age_group(row.age_years) if name == "age" else str(getattr(row, name)) or NOT_STATED


def counts(rows: Sequence[Row], *names: str) -> list[Json]:
    """Count radiographs and patients by columns of the manifest, or by `age`, in age groups.

    Returns:
        One record for each combination that occurs, sorted: the columns, then films and patients.
    """
    keys = [tuple(value(row, name) for name in names) for row in rows]
    films = Counter(keys)
    patients = Counter(key for key, _ in {(key, row.patient_id) for key, row in zip(keys, rows, strict=True)})
    return [
        {**dict(zip(names, key, strict=True)), "films": films[key], "patients": patients[key]} for key in sorted(films)
    ]


def greys(images: Images, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Measure the distribution of the grey values, every radiograph counting the same.

    Args:
        images: uint8, shape (n, height, width).
        inside: bool, same shape: the pixels that count. Radiographs without any are left out.

    Returns:
        float64, shape (BINS,), sum 1: the share of the pixels in each of BINS equal steps from 0 to 255.
    """
    pairs = zip(images, inside, strict=True)
    found = [np.histogram(image[mask], BINS, (0, 256))[0] / mask.sum() for image, mask in pairs if mask.any()]
    return np.asarray(np.mean(found, axis=0), np.float64)


@dataclass(frozen=True)
class Components:
    """Principal components of images.

    Attributes:
        shares: float64, shape (components,), of the variance.
        images: float64, shape (components, 64, 64), unit vectors.
        places: float64, shape (n, components): the coordinates of each radiograph.
    """

    shares: NDArray[np.float64]
    images: NDArray[np.float64]
    places: NDArray[np.float64]

    @property
    def for_half(self) -> int | None:
        """How many components hold half of the variance; None where more than COMPONENTS do."""
        found = np.flatnonzero(self.shares.cumsum() >= 0.5)
        return int(found[0]) + 1 if found.size else None

    def pictures(self, number: int) -> Images:
        """Return the first components as images, uint8, shape (number, 64, 64): 128 is nothing, 1 and 255 the ends."""
        shown = self.images[:number]
        return np.asarray(128 + 127 * shown / np.abs(shown).max((1, 2), keepdims=True), np.uint8)


def components(images: Images) -> Components:
    """Find the principal components of images: uint8, shape (n, 64, 64)."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    model = PCA(min(COMPONENTS, *flat.shape), svd_solver="randomized", random_state=SEED)
    places = model.fit_transform(flat)
    return Components(model.explained_variance_ratio_, model.components_.reshape(-1, SIDE, SIDE), places)


def _border(images: Images) -> NDArray[np.float32]:
    """Return the frame around each thumbnail, shape (n, pixels), values 0 to 1, as the border baseline sees it."""
    frame = np.ones((THUMBNAIL, THUMBNAIL), bool)
    frame[CENTRE, CENTRE] = False
    step = np.linspace(0, SIDE - 1, THUMBNAIL).round().astype(int)
    return np.asarray(images[:, step][:, :, step][:, frame] / np.float32(255), np.float32)


def told_from_border(found: Gallery, name: str) -> Json | None:
    """Measure how well a column, or `age`, can be told from the border alone.

    Args:
        found: all radiographs; those that do not state it are left out.
        name: of a column of the manifest, or `age`.

    Returns:
        n, the classes, balanced accuracy over folds by patient, and chance; None where fewer than two classes have
        enough patients.
    """
    values = np.array([value(row, name) for row in found.rows])
    groups = found.values("group")
    enough = [
        each for each in np.unique(values) if each != NOT_STATED and len(set(groups[values == each])) >= 2 * FOLDS
    ]
    chosen = np.isin(values, enough)
    if len(enough) < 2:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=300))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    # Matrices this small are multiplied many times faster by one thread than by threads that wait for each other.
    with threadpool_limits(1):
        told = cross_val_predict(model, _border(found.whole[chosen]), values[chosen], groups=groups[chosen], cv=folds)
    return {
        "of": name,
        "n": int(chosen.sum()),
        "classes": [str(each) for each in enough],
        "balanced_accuracy": float(balanced_accuracy_score(values[chosen], told)),
        "chance": 1 / len(enough),
    }
