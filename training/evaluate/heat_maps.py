"""What heads look at and what breaks them, measured on radiographs as serving sees them.

Radiographs that serving refuses are left out everywhere: the app gives them no score. Where it refuses all, each
measurement raises DatasetError.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from training.data.manifest import Row
from training.data.perturb import CHANGES, ERASURES, Change, border_only, chance
from training.progress import progress
from xray.analysis import Prepared, prepare
from xray.errors import DatasetError, ImageError
from xray.io import image
from xray.io.pixels import GreyImage
from xray.networks.grad_cam import Cam, grad_cam, lung_share
from xray.networks.grad_cam import heat_in_lungs as share_in_lungs
from xray.networks.heads import Features, Head, LabelScore, Verdict
from xray.networks.preprocess import Recipe, crop, scale
from xray.networks.runtime import Network

Record = dict[str, Any]
Look = Callable[[Row, Prepared], Iterable[Record]]

SHOWN = ("as_it_is", *ERASURES, "border_only")
THREADS = 2
# Of the random weights: one head of them may agree with the trained one by chance.
DRAWS = 10


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks as they are served; two threads call them at once.

    Attributes:
        segmenter: the lung network.
        backbone: from float32 (1, size, size, 3) to the features (1, size/16, size/16, channels).
        recipe: makes the backbone's input.
        heads: by name.
        folder: the data root that paths of the manifest start from.
    """

    segmenter: Network
    backbone: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    recipe: Recipe
    heads: Mapping[str, Head]
    folder: Path

    def read(self, row: Row) -> bytes:
        """Return the file of a radiograph."""
        return (self.folder / row.path).read_bytes()

    def prepare(self, data: bytes) -> Prepared | None:
        """Make the crop of a file as serving does; None where serving refuses it."""
        try:
            return prepare(data, self.segmenter, self.recipe)
        except ImageError:
            return None

    def features(self, square: GreyImage) -> Features:
        """Return the features of a crop, uint8, shape (size, size)."""
        features: Features = self.backbone(scale(square, self.recipe)[None])[0]
        return features

    def said(self, square: GreyImage) -> dict[str, LabelScore]:
        """Return what each head says of its positive label."""
        features = self.features(square)
        return {name: _own(head, features) for name, head in self.heads.items()}

    def survey(self, look: Look, rows: Sequence[Row], words: str) -> pd.DataFrame:
        """Look at all radiographs that serving accepts, two at once, and gather what is found, in their order.

        Args:
            look: called with a row and what serving prepares; gives any number of records.
            rows: the radiographs.
            words: name of the work, beside its progress.

        Returns:
            One line for each record.

        Raises:
            DatasetError: no radiograph was accepted.
        """

        def one(row: Row) -> list[Record]:
            ready = self.prepare(self.read(row))
            return [] if ready is None else list(look(row, ready))

        with ThreadPoolExecutor(THREADS) as pool:
            done = progress(pool.map(one, rows), words, len(rows))
            found = [record for records in done for record in records]
        if not found:
            raise DatasetError(f"Expected radiographs that serving accepts. Received {len(rows)}; it refuses all.")
        return pd.DataFrame(found)


def _own(head: Head, features: Features) -> LabelScore:
    """Return what a head says of its positive label."""
    return next(each for each in head.judge(features) if each.label == head.facts.positive)


def _explained(head: Head, features: Features) -> int:
    """Return the label whose evidence serving shows: the one that is found, else the positive one."""
    found = [each for each in head.judge(features) if each.verdict is Verdict.POSITIVE]
    label = max(found, key=lambda each: each.score).label if found else head.facts.positive
    return head.facts.labels.index(label)


def erased_scores(networks: Networks, rows: Sequence[Row]) -> pd.DataFrame:
    """Score each radiograph as it is, and with parts of it erased.

    Returns:
        One line for each radiograph, erasure and head: path, label, source, patient_id, group, erasure (of SHOWN),
        head and y_score, in [0, 1].
    """

    def look(row: Row, ready: Prepared) -> Iterable[Record]:
        for erasure, square in _erased(ready, networks.recipe, row).items():
            for name, said in networks.said(square).items():
                yield about(row) | {"erasure": erasure, "head": name, "y_score": said.score}

    return networks.survey(look, rows, "erase")


def heat_in_lungs(networks: Networks, rows: Sequence[Row]) -> pd.DataFrame:
    """Measure how much of a head's heat, for the label that serving explains, lies in the lungs.

    Heat is Grad-CAM on the backbone's grid; a cell counts by the share of it that is lung. Each cell has seen about
    196 px of the input, so heat in the lungs is no proof that they gave it: `erased_scores` is for that.

    Returns:
        One line for each radiograph and head: path, label, source, patient_id, group, head, verdict, in_lungs (share
        of the heat, in [0, 1]; NaN without heat) and area (share of the box that is lung: what even heat gives).
    """

    def look(row: Row, ready: Prepared) -> Iterable[Record]:
        features = networks.features(ready.crop)
        lung = lung_share(ready.lungs, ready.box, (features.shape[0], features.shape[1]))
        for name, head in networks.heads.items():
            inside = share_in_lungs(_cam(head, features), lung)
            yield about(row) | {
                "head": name,
                "verdict": str(_own(head, features).verdict),
                "in_lungs": np.nan if inside is None else inside,
                "area": float(lung.mean()),
            }

    return networks.survey(look, rows, "heat")


def robustness(networks: Networks, rows: Sequence[Row], changes: Mapping[str, Change] = CHANGES) -> pd.DataFrame:
    """Measure how far harmless changes of the whole radiograph move scores and verdicts.

    Returns:
        One line for each change and head: change, head, n (radiographs), refused (share that serving then refuses);
        of the others shift_median and shift_p95 (of the absolute change of the score) and verdict_changed (share
        whose verdict of three became another); NaN where all are refused.
    """

    def look(row: Row, ready: Prepared) -> Iterable[Record]:
        before, picture = networks.said(ready.crop), image.load(networks.read(row)).image
        for change, make in changes.items():
            after = networks.prepare(_png(make(picture, chance(row))))
            said = networks.said(after.crop) if after else {}
            for name, first in before.items():
                then = said.get(name)
                yield {
                    "change": change,
                    "head": name,
                    "refused": then is None,
                    "shift": abs(then.score - first.score) if then else np.nan,
                    "changed": then.verdict is not first.verdict if then else np.nan,
                }

    table = networks.survey(look, rows, "change")
    return pd.DataFrame(
        {
            "change": change,
            "head": name,
            "n": len(part),
            "refused": float(part.refused.mean()),
            "shift_median": float(part["shift"].median()),
            "shift_p95": float(part["shift"].quantile(0.95)),
            "verdict_changed": float(part.changed.astype(float).mean()),
        }
        for (change, name), part in table.groupby(["change", "head"], sort=False)
    )


def sanity(networks: Networks, rows: Sequence[Row], random_labels: Mapping[str, Sequence[Head]]) -> pd.DataFrame:
    """Compare the heat of each head with that of heads that know nothing: alike, it would say nothing of the head.

    Only heads are exchanged: they share the features of the frozen backbone, so some likeness is to be expected.

    `random_labels` are, for each head, heads trained on shuffled labels.

    Returns:
        One line for each head and kind of other head: head, other (random_weights, of the same norms; or
        random_labels), correlation (Spearman, of the heat for the label that serving explains; mean over
        radiographs and other heads, in [-1, 1], NaN if none) and n, how many maps it is the mean of: those in which
        either head finds nothing have no ranks and are left out.

    Source:
        Adebayo et al. 2018, arXiv:1810.03292: the tests by randomised parameters and by randomised labels.
    """
    others = {
        name: {
            "random_weights": [randomised(head, np.random.default_rng(draw)) for draw in range(DRAWS)],
            "random_labels": random_labels.get(name, ()),
        }
        for name, head in networks.heads.items()
    }

    def look(_: Row, ready: Prepared) -> Iterable[Record]:
        features = networks.features(ready.crop)
        for name, head in networks.heads.items():
            label, heat = _explained(head, features), _cam(head, features)
            for other, heads in others[name].items():
                for each in heads:
                    found = _rank_correlation(heat, _cam(each, features, label))
                    yield {"head": name, "other": other, "correlation": found}

    found = networks.survey(look, rows, "sanity").groupby(["head", "other"], sort=False).correlation
    return found.agg(correlation="mean", n="count").reset_index()


def randomised(head: Head, rng: np.random.Generator) -> Head:
    """Return a head of normally distributed weights, each array with the norm that it had."""

    def drawn(array: NDArray[np.float32]) -> NDArray[np.float32]:
        values = rng.normal(size=array.shape)
        return np.asarray(values * np.linalg.norm(array) / np.linalg.norm(values), np.float32)

    return replace(head, kernel=drawn(head.kernel), bias=drawn(head.bias))


def about(row: Row) -> Record:
    """Return what a table says of a radiograph: enough to measure it by label, source and patient."""
    return {key: getattr(row, key) for key in ("path", "label", "source", "patient_id", "group")}


def _cam(head: Head, features: Features, label: int | None = None) -> Cam:
    label = _explained(head, features) if label is None else label
    return grad_cam(features, head.kernel, label, exclusive=head.facts.exclusive)


def _erased(ready: Prepared, recipe: Recipe, row: Row) -> dict[str, NDArray[np.uint8]]:
    """Return the crops of a radiograph, in the order of SHOWN; all are cut at the lungs that the whole one has."""
    inside = lung_share(ready.lungs, ready.box, ready.crop.shape) >= 0.5
    erased = [erase(ready.crop, inside, chance(row)) for erase in ERASURES.values()]
    border = crop(border_only(ready.image), ready.box, recipe)
    return dict(zip(SHOWN, (ready.crop, *erased, border), strict=True))


def _png(picture: GreyImage) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _rank_correlation(one: Cam, other: Cam) -> float:
    """Return Spearman's rank correlation over the cells; NaN where a map is even."""
    if not np.ptp(one) or not np.ptp(other):
        return np.nan
    return float(spearmanr(one.ravel(), other.ravel()).statistic)
