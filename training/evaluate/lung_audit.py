"""Does a head look at the lungs, and what breaks it: measured on films as serving sees them.

Films that the gate refuses are left out everywhere: the app gives them no score.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from training.data.manifest import Row
from training.evaluate.audited import AuditedHead, Record, Served, about, chance
from training.evaluate.perturb import CHANGES, ERASURES, Change, border_only
from training.networks.first_edition import HeadWeights, grad_cam
from xray.io.pixels import GreyImage
from xray.networks import grad_cam as explain
from xray.networks.grad_cam import Cam, lung_share
from xray.networks.preprocess import Recipe, crop, crop_box
from xray.quality.polarity import FrontalView

SHOWN = ("as_it_is", *ERASURES, "border_only")
# Of the random weights: one head of them may agree with the trained one by chance.
DRAWS = 10


def erased_scores(served: Served, rows: Sequence[Row], folder: Path) -> pd.DataFrame:
    """Score each film as it is, and with parts of it erased.

    Args:
        served: the networks.
        rows: the films.
        folder: the data root that their paths start from.

    Returns:
        One line for each film, erasure and head: path, label, source, patient_id, group, erasure (of SHOWN),
        head and y_score, in [0, 1].

    Raises:
        DatasetError: the gate let no film in.
    """

    def look(row: Row, _: GreyImage, film: FrontalView) -> Iterable[Record]:
        for erasure, square in _erased(film, served.recipe, row).items():
            features = served.features(square)
            for name, head in served.heads.items():
                yield about(row) | {"erasure": erasure, "head": name, "y_score": head.score(features)}

    return served.survey(look, rows, folder, "erase")


def heat_in_lungs(served: Served, rows: Sequence[Row], folder: Path) -> pd.DataFrame:
    """Measure how much of a head's heat, for the class that its verdict names, lies in the lungs.

    Heat is Grad-CAM on the backbone's grid; a cell counts by the share of it that is lung. Each cell has seen
    about 196 px of the input (VGG16 up to block5_conv3), so heat in the lungs is no proof that they gave it:
    that is what `erased_scores` is for.

    Args:
        served: the networks.
        rows: the films.
        folder: the data root that their paths start from.

    Returns:
        One line for each film and head: path, label, source, patient_id, group, head, verdict, in_lungs (share
        of the heat, in [0, 1]; NaN without heat) and area (share of the box that is lung: what even heat gives).

    Raises:
        DatasetError: the gate let no film in.
    """

    def look(row: Row, _: GreyImage, film: FrontalView) -> Iterable[Record]:
        features = served.features_of(film)
        height, width = features.shape[:2]
        lung = lung_share(film.lungs, crop_box(film.lungs, served.recipe), (height, width))
        for name, head in served.heads.items():
            cam = grad_cam(features, head.weights, head.named(features))
            inside = explain.heat_in_lungs(cam, lung)
            said = head.verdict(head.score(features)).value
            yield about(row) | {
                "head": name,
                "verdict": said,
                "in_lungs": np.nan if inside is None else inside,
                "area": float(lung.mean()),
            }

    return served.survey(look, rows, folder, "heat")


def robustness(
    served: Served, rows: Sequence[Row], folder: Path, changes: Mapping[str, Change] = CHANGES
) -> pd.DataFrame:
    """Measure how far harmless changes of the whole film move scores and verdicts.

    Args:
        served: the networks.
        rows: the films.
        folder: the data root that their paths start from.
        changes: what is done to them, by name.

    Returns:
        One line for each change and head: change, head, n (films), refused (share that the gate then refuses);
        of the others shift_median and shift_p95 (of the absolute change of the score) and verdict_changed (share
        whose verdict of three became another); NaN where all are refused.

    Raises:
        DatasetError: the gate let no film in.
    """

    def look(row: Row, picture: GreyImage, film: FrontalView) -> Iterable[Record]:
        before = served.scores(film)
        for change, make in changes.items():
            after = served.scores(served.film(make(picture, chance(row))))
            for name in served.heads:
                yield {"change": change, "head": name, "before": before[name], "after": after[name]}

    table = served.survey(look, rows, folder, "change")
    return pd.DataFrame(
        {"change": change, "head": name, **_moved(part, served.heads[str(name)])}
        for (change, name), part in table.groupby(["change", "head"], sort=False)
    )


def sanity(
    served: Served, rows: Sequence[Row], folder: Path, random_labels: Mapping[str, Sequence[HeadWeights]]
) -> pd.DataFrame:
    """Compare the heat of each head with that of heads that know nothing: alike, it would say nothing of the head.

    Only heads are exchanged: they share the features of the frozen backbone, so some likeness is to be expected.

    Args:
        served: the networks.
        rows: the films.
        folder: the data root that their paths start from.
        random_labels: for each head that is to be compared with them, heads trained on shuffled labels.

    Returns:
        One line for each head and kind of other head: head, other (random_weights, of the same norms; or
        random_labels), correlation (Spearman, of the heat for the class that the trained head names; mean over
        films and other heads, in [-1, 1], NaN if none) and n, how many maps it is the mean of: those in which
        either head finds nothing have no ranks and are left out.

    Raises:
        DatasetError: the gate let no film in.

    Source:
        Adebayo et al. 2018, arXiv:1810.03292: the tests by randomised parameters and by randomised labels.
    """
    others = {
        name: {
            "random_weights": [randomised(head.weights, np.random.default_rng(draw)) for draw in range(DRAWS)],
            "random_labels": random_labels.get(name, ()),
        }
        for name, head in served.heads.items()
    }

    def look(_: Row, __: GreyImage, film: FrontalView) -> Iterable[Record]:
        features = served.features_of(film)
        for name, head in served.heads.items():
            called = head.named(features)
            heat = grad_cam(features, head.weights, called)
            for other, heads in others[name].items():
                for each in heads:
                    found = _rank_correlation(heat, grad_cam(features, each, called))
                    yield {"head": name, "other": other, "correlation": found}

    found = served.survey(look, rows, folder, "sanity").groupby(["head", "other"], sort=False).correlation
    return found.agg(correlation="mean", n="count").reset_index()


def randomised(head: HeadWeights, rng: np.random.Generator) -> HeadWeights:
    """Return a head of normally distributed weights, each array with the norm that it had."""
    arrays = {}
    for field in fields(head):  # type: ignore[arg-type]
        array = getattr(head, field.name)
        drawn = rng.normal(size=array.shape)
        arrays[field.name] = (drawn * np.linalg.norm(array) / np.linalg.norm(drawn)).astype(array.dtype)
    return replace(head, **arrays)  # type: ignore[type-var]


def _erased(film: FrontalView, recipe: Recipe, row: Row) -> dict[str, NDArray[np.uint8]]:
    """Return the crops of a film, in the order of SHOWN; all are cut at the lungs that the whole film has."""
    box = crop_box(film.lungs, recipe)
    square = crop(film.image, box, recipe)
    inside = lung_share(film.lungs, box, square.shape) >= 0.5
    erased = [erase(square, inside, chance(row)) for erase in ERASURES.values()]
    return dict(zip(SHOWN, (square, *erased, crop(border_only(film.image), box, recipe)), strict=True))


def _moved(part: pd.DataFrame, head: AuditedHead) -> Record:
    """Summarise the scores before and after one change."""
    left = part[part.after.notna()]
    shift = (left.after - left.before).abs()
    changed = left.before.map(head.verdict) != left.after.map(head.verdict)
    return {
        "n": len(part),
        "refused": float(part.after.isna().mean()),
        "shift_median": float(shift.median()),
        "shift_p95": float(shift.quantile(0.95)),
        "verdict_changed": float(changed.mean()),
    }


def _rank_correlation(one: Cam, other: Cam) -> float:
    """Return Spearman's rank correlation over the cells; NaN where a map is even."""
    if not np.ptp(one) or not np.ptp(other):
        return np.nan
    return float(spearmanr(one.ravel(), other.ravel()).statistic)
