"""Statistics of radiographs before any training, with their plots.

Counts, brightness, principal components, near-copies, and what can be told from the border of an image.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from training.data.duplicates import SIDE, near_copies
from training.data.manifest import Row
from training.data.thumbnails import Gallery
from training.evaluate.baselines import CENTRE, REGULARISATION, THUMBNAIL
from training.metrics.figures import Json, age_group
from training.report.plots import CYCLE, NEUTRAL, grid, name_axes, png

COMPONENTS = 60
FOLDS = 5
SEED = 0
NOT_STATED = "not stated"
COLOURS = ("#0072B2", "#D55E00", *CYCLE)
MOST_POINTS = 1500  # of each group in a scatter plot: more hide each other
Images = NDArray[np.uint8]


def _value(row: Row, name: str) -> str:
    """Return a column of a row, or its age group; `not stated` where it is blank."""
    return age_group(row.age_years) if name == "age" else str(getattr(row, name)) or NOT_STATED


def counts(rows: Sequence[Row], *names: str) -> list[Json]:
    """Count radiographs and patients by columns of the manifest, or by `age`, in age groups.

    Args:
        rows: of the manifest.
        names: of columns.

    Returns:
        One record for each combination that occurs, sorted: the columns, then films and patients.
    """
    keys = [tuple(_value(row, name) for name in names) for row in rows]
    films = Counter(keys)
    patients = Counter(key for key, _ in {(key, row.patient_id) for key, row in zip(keys, rows, strict=True)})
    return [
        {**dict(zip(names, key, strict=True)), "films": films[key], "patients": patients[key]} for key in sorted(films)
    ]


@dataclass(frozen=True)
class Brightness:
    """Mean and standard deviation of the grey values, 0 to 255, of each image.

    Attributes:
        mean: float64, shape (n,).
        deviation: float64, shape (n,).
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def brightness(found: Gallery, *, masked: bool) -> Brightness:
    """Measure each thumbnail, whole or inside its lungs alone; NaN where no lung was found."""
    whole = found.whole.astype(np.float64)
    images = np.ma.masked_array(whole, ~found.inside if masked else np.zeros_like(found.inside))
    return Brightness(images.mean((1, 2)).filled(np.nan), images.std((1, 2)).filled(np.nan))


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


def components(images: Images, *, standardised: bool = False) -> Components:
    """Find the principal components of images: uint8, shape (n, 64, 64).

    Args:
        images: whole, or with their lungs alone.
        standardised: whether each image is first brought to mean 0 and deviation 1, so that exposure is no difference.
    """
    flat = images.reshape(len(images), -1).astype(np.float32)
    if standardised:
        flat = (flat - flat.mean(1, keepdims=True)) / np.maximum(flat.std(1, keepdims=True), 1)
    model = PCA(min(COMPONENTS, *flat.shape), svd_solver="randomized", random_state=SEED)
    places = model.fit_transform(flat)
    return Components(model.explained_variance_ratio_, model.components_.reshape(-1, SIDE, SIDE), places)


def copies(found: Gallery) -> list[tuple[int, int]]:
    """Return the positions of near-copies, those of different sources first."""
    pairs = list(near_copies(found.whole))
    return sorted(pairs, key=lambda pair: found.rows[pair[0]].source == found.rows[pair[1]].source)


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
    values = np.array([_value(row, name) for row in found.rows])
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
        "classes": enough,
        "balanced_accuracy": float(balanced_accuracy_score(values[chosen], told)),
        "chance": 1 / len(enough),
    }


def draw_means(groups: Mapping[str, Images]) -> bytes:
    """Draw the mean image of each group above its standard deviation, as a PNG.

    Args:
        groups: uint8, shape (n, 64, 64), by name.
    """
    figure = Figure(figsize=(1.7 * len(groups), 3.9), layout="constrained")
    places = figure.subplots(2, len(groups), squeeze=False)
    for column, (name, images) in enumerate(groups.items()):
        values = images.astype(np.float32)
        for axes, image, top in zip(places[:, column], (values.mean(0), values.std(0)), (255, 90), strict=True):
            axes.imshow(image, cmap="gray", vmin=0, vmax=top)
            axes.set(xticks=[], yticks=[])
        places[0, column].set_title(f"{name}\nn {len(images)}", fontsize=8)
    places[0, 0].set_ylabel("mean")
    places[1, 0].set_ylabel("deviation")
    return png(figure)


def draw_brightness(measured: Mapping[str, Brightness], groups: NDArray[np.str_]) -> bytes:
    """Draw the distribution of means and deviations in each group, as a PNG.

    Args:
        measured: by what was measured: whole images, lungs alone.
        groups: the group of each image.
    """
    figure = Figure(figsize=(9, 3 * len(measured)), layout="constrained")
    places = figure.subplots(len(measured), 2, squeeze=False)
    for row, (what, found) in zip(places, measured.items(), strict=True):
        for axes, values, name in zip(row, (found.mean, found.deviation), ("mean", "deviation"), strict=True):
            finite = np.isfinite(values)
            bins = int(np.clip(finite.sum() / 40, 10, 50))
            edges = np.histogram_bin_edges(values[finite], bins)
            for colour, group in zip(COLOURS, np.unique(groups), strict=False):
                chosen = values[(groups == group) & finite]
                axes.hist(chosen, bins=edges, density=True, histtype="step", color=colour, label=group)
            name_axes(axes, f"{name} of the grey values, {what}", "share")
            axes.set_yticks([])
    places[0, 0].legend(frameon=False, fontsize=8)
    return png(figure)


def draw_variance(found: Mapping[str, Components]) -> bytes:
    """Draw the cumulative share of the variance over the components, as a PNG."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for colour, (name, each) in zip(COLOURS, found.items(), strict=False):
        axes.plot(np.arange(1, len(each.shares) + 1), each.shares.cumsum(), color=colour, label=name)
    axes.axhline(0.5, color=NEUTRAL, linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    name_axes(axes, "principal components", "share of the variance")
    return png(figure)


def draw_components(found: Components, number: int = 16) -> bytes:
    """Draw the first components as images, as a PNG: grey is nothing, white and black are the two ends."""
    shown = [np.asarray(128 + 127 * each / np.abs(each).max(), np.uint8) for each in found.images[:number]]
    return grid(shown, [f"{rank}: {share:.1%}" for rank, share in enumerate(found.shares[:number], 1)])


def draw_scatter(found: Components, by: Mapping[str, NDArray[np.str_]]) -> bytes:
    """Draw the radiographs along the first two components, as a PNG.

    Args:
        found: the components.
        by: groupings of the radiographs; one plot each.
    """
    figure = Figure(figsize=(5 * len(by), 4.4), layout="constrained")
    rng, size = np.random.default_rng(SEED), float(np.clip(6000 / len(found.places), 3, 14))
    for axes, (name, groups) in zip(figure.subplots(1, len(by), squeeze=False)[0], by.items(), strict=True):
        for colour, group in zip(COLOURS, np.unique(groups), strict=False):
            chosen = rng.permutation(np.flatnonzero(groups == group))[:MOST_POINTS]
            axes.scatter(*found.places[chosen, :2].T, s=size, alpha=0.45, color=colour, label=group, linewidths=0)
        axes.legend(frameon=False, fontsize=8, markerscale=7 / size**0.5, title=name)
        axes.set(xticks=[], yticks=[])
        name_axes(axes, "first component", "second component")
    return png(figure)
