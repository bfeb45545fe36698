"""What exploration measures: counts, brightness, principal components, copies, and what the border of a film tells."""

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

from training.data.coverage import Left
from training.data.duplicates import SIDE, near_copies
from training.data.manifest import Row
from training.data.thumbnails import Gallery
from training.evaluate.baselines import CENTRE, REGULARISATION, THUMBNAIL
from training.metrics.figures import Json, age_group

COMPONENTS = 60
FOLDS = 5
SEED = 0
NOT_STATED = "not stated"
MODALITIES = {"ct": "CT", "brain_mri": "MRI"}  # by class; radiographs have findings as theirs


def counts(rows: Sequence[Row], *names: str) -> list[Json]:
    """Count radiographs and patients by columns of the manifest, or by `age`, in age groups.

    Returns:
        One record for each combination that occurs, sorted: the columns, then films and patients.
    """
    keys = [tuple(value(row, name) for name in names) for row in rows]
    films = Counter(keys)
    patients = Counter(key for key, _patient in {(key, row.patient_id) for key, row in zip(keys, rows, strict=True)})
    return [
        {**dict(zip(names, key, strict=True)), "films": films[key], "patients": patients[key]} for key in sorted(films)
    ]


def modalities(rows: Sequence[Row], left: Left) -> list[Json]:
    """Count by modality, what is used and what `training.data.prepare` leaves.

    Args:
        rows: of the manifest: frontal radiographs.
        left: see `coverage.left_of`.

    Returns:
        One record each: modality, source, view, class, films, and why they are left; blank for those used.
    """
    used = Counter((row.source, row.view, row.label, "") for row in rows)
    return [
        {
            "modality": "not an X-ray" if why == "not an X-ray" else MODALITIES.get(label, "X-ray"),
            "source": source, "view": view or NOT_STATED, "class": label, "films": films, "left out because": why,
        }
        for (source, view, label, why), films in [*sorted(used.items()), *sorted(left.items())]
    ]  # fmt: skip


def value(row: Row, name: str) -> str:
    """Return what a row says in a column, or its age group; `not stated` where it says nothing."""
    return age_group(row.age_years) if name == "age" else str(getattr(row, name)) or NOT_STATED


@dataclass(frozen=True)
class Brightness:
    """The mean and the deviation of each picture's greys, 0 to 255.

    Attributes:
        mean: float64, shape (n,).
        deviation: float64, shape (n,).
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def brightness(found: Gallery, *, masked: bool) -> Brightness:
    """Measure each small picture, whole or inside its lungs alone; NaN where no lung was found."""
    inside = found.inside if masked else np.ones_like(found.inside)
    pixels = inside.sum((1, 2)).astype(float)
    pixels[pixels == 0] = np.nan
    whole = found.whole.astype(np.float64)
    mean = (whole * inside).sum((1, 2)) / pixels
    squares = (np.square(whole) * inside).sum((1, 2)) / pixels
    return Brightness(mean, np.sqrt(np.maximum(squares - mean**2, 0)))


@dataclass(frozen=True)
class Components:
    """Principal components of pictures.

    Attributes:
        shares: float64, shape (components,), of the variance.
        pictures: float64, shape (components, 64, 64), unit vectors.
        places: float64, shape (n, components): where each radiograph lies.
    """

    shares: NDArray[np.float64]
    pictures: NDArray[np.float64]
    places: NDArray[np.float64]

    @property
    def for_half(self) -> int | None:
        """How many components hold half of the variance; None where more than COMPONENTS do."""
        found = np.flatnonzero(self.shares.cumsum() >= 0.5)
        return int(found[0]) + 1 if found.size else None


def components(pictures: NDArray[np.uint8], *, evened: bool = False) -> Components:
    """Find the principal components of pictures: uint8, shape (n, 64, 64).

    Args:
        pictures: whole, or with their lungs alone.
        evened: whether each picture is first brought to mean 0 and deviation 1, so that exposure is no difference.
    """
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    if evened:
        flat = (flat - flat.mean(1, keepdims=True)) / np.maximum(flat.std(1, keepdims=True), 1)
    model = PCA(min(COMPONENTS, *flat.shape), svd_solver="randomized", random_state=SEED)
    places = model.fit_transform(flat)
    return Components(model.explained_variance_ratio_, model.components_.reshape(-1, SIDE, SIDE), places)


def copies(found: Gallery) -> list[tuple[int, int]]:
    """Return the positions of near-copies, those of different sources first."""
    pairs = list(near_copies(found.whole))
    return sorted(pairs, key=lambda pair: found.rows[pair[0]].source == found.rows[pair[1]].source)


def border(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the pixels of a frame around each small picture, as the border baseline sees it.

    Args:
        pictures: uint8, shape (n, 64, 64).

    Returns:
        float32, shape (n, pixels), values 0 to 1.
    """
    frame = np.ones((THUMBNAIL, THUMBNAIL), bool)
    frame[CENTRE, CENTRE] = False
    step = np.linspace(0, SIDE - 1, THUMBNAIL).round().astype(int)
    return pictures[:, step][:, :, step][:, frame].astype(np.float32) / 255


def told_from_border(found: Gallery, name: str) -> Json | None:
    """Measure how well a column, or `age`, can be told from the border of the film alone.

    Args:
        found: all radiographs; those that do not state it are left out.
        name: of a column of the manifest, or `age`.

    Returns:
        n, the classes, balanced accuracy over folds that part patients, and chance; None where fewer than two
        classes have enough patients.
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
        told = cross_val_predict(model, border(found.whole[chosen]), values[chosen], groups=groups[chosen], cv=folds)
    return {
        "of": name,
        "n": int(chosen.sum()),
        "classes": enough,
        "balanced_accuracy": float(balanced_accuracy_score(values[chosen], told)),
        "chance": 1 / len(enough),
    }
