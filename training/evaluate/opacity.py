"""Fit the opacity map on a served backbone, and measure where it is right: `python -m training opacity`.

The backbone learned to see opacities; here a logistic regression on its served features learns to name their places
(train radiographs). Then follow the probability from which a place counts as opaque (validation radiographs) and the
line from the map's mean to radiologists' extent score. Test radiographs with boxes say how well the map, and the heat
maps of models 1 and 2, point at what radiologists marked.

Writes runs/opacity/: config.json, opacity.npz and report.json, which `export opacity` reads.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from training import run as runs
from training.data import opacities
from training.data.crops import Crops, crops, prepared, threaded
from training.data.manifest import Row, read, root
from training.data.opacities import STRIDE
from training.evaluate import artefact
from training.evaluate.artefact import backbone_recipe
from training.fit import features
from training.fit.linear import fit_linear
from training.metrics.discrimination import Floats, mean, roc_auc
from training.metrics.figures import INTERVAL, Json, figure
from training.report.render import figure_text
from xray import combined
from xray.errors import DatasetError
from xray.networks.grad_cam import grad_cam
from xray.networks.heads import Features, Head
from xray.networks.preprocess import Recipe, scale
from xray.opacity import LARGEST_EXTENT, OpacityMap

OPACITY = "opacity"
LEARNED = 2500  # train radiographs that the map learns from, with opacities and without
REGULARISATION = 0.004  # C of the logistic regression, by validation radiographs
OPAQUE = 127  # of 255: a place is opaque that lies in boxes by half
SEED = 0
FEWEST = 10  # radiographs that a line is fitted on
THRESHOLDS = np.linspace(0.05, 0.95, 91)
FRAME = 160  # px of the side at which maps and boxes are compared
EVERY = 8  # px between the places of the ROC AUC

Map = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Marked:
    """Radiographs with boxes, and what a map says of them, in the frame of the crop.

    Attributes:
        groups: the patient, or group of near-copies, of each.
        boxes: bool, shape (n, FRAME, FRAME), True inside a radiologist's box.
        lungs: bool, same shape.
        maps: float32, same shape.
    """

    groups: list[str]
    boxes: NDArray[np.bool_]
    lungs: NDArray[np.bool_]
    maps: Map

    def overlap(self, threshold: float) -> Floats:
        """Return intersection over union of the boxes and the places from a threshold up, shape (n,)."""
        found = self.maps >= threshold
        union = (found | self.boxes).sum(axis=(1, 2))
        return np.asarray((found & self.boxes).sum(axis=(1, 2)) / np.maximum(union, 1))

    def peaks(self) -> Floats:
        """Return 1 for each radiograph whose map is highest, within the lungs, inside a box; else 0."""
        flat = np.where(self.lungs, self.maps, -np.inf).reshape(len(self.maps), -1)
        return np.asarray(self.boxes.reshape(len(flat), -1)[np.arange(len(flat)), flat.argmax(axis=1)], np.float64)

    def chance(self) -> Floats:
        """Return the share of the lungs that lies inside boxes, shape (n,): how often a peak by chance is right."""
        lungs = np.maximum(self.lungs.sum(axis=(1, 2)), 1)
        return np.asarray((self.boxes & self.lungs).sum(axis=(1, 2)) / lungs)

    def places(self) -> float:
        """Return the ROC AUC over the places of all radiographs."""
        grid = (slice(None), slice(EVERY // 2, None, EVERY), slice(EVERY // 2, None, EVERY))
        return float(roc_auc(self.boxes[grid].ravel(), self.maps[grid].ravel()))

    def threshold(self) -> float:
        """Return the threshold of the greatest mean overlap."""
        return float(THRESHOLDS[np.argmax([self.overlap(each).mean() for each in THRESHOLDS])])

    def figures(self, threshold: float) -> Json:
        """Return how well the maps point at the boxes, with intervals over patients."""
        return {
            "n": len(self.groups),
            "peak_in_box": _mean(self.peaks(), self.groups),
            "chance": float(self.chance().mean()),
            "overlap": _mean(self.overlap(threshold), self.groups),
            "place_auc": self.places(),
            "threshold": threshold,
        }


def marked(data: Crops, chosen: Sequence[int], boxes: opacities.Boxes, maps: Sequence[Map]) -> Marked:
    """Bring the maps of radiographs with boxes, shape (g, g) each, to the frame of the crop."""
    size = (FRAME, FRAME)
    truth = [cv2.resize(opacities.mask(data, i, boxes), size, interpolation=cv2.INTER_AREA) > 127 for i in chosen]
    lungs = [cv2.resize(data.lungs[i].view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for i in chosen]
    laid = [cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in maps]
    return Marked([data.rows[i].group for i in chosen], np.stack(truth), np.stack(lungs), np.stack(laid))


@dataclass(frozen=True, eq=False)
class Extent:
    """The line from the map's mean to the geographic extent score.

    Attributes:
        slope: points for each 1 of mean probability inside the lungs.
        intercept: the score at a mean of 0.
        figures: what is reached on radiographs that the line was not fitted on, one left out at a time.
    """

    slope: float
    intercept: float
    figures: Json

    @classmethod
    def fit(cls, means: Floats, scores: Floats, groups: Sequence[str]) -> "Extent":
        """Fit it by least squares; `means` and `scores` have the shape (n,)."""
        unseen = np.empty(len(means))
        for i in range(len(means)):
            others = np.array([group != groups[i] for group in groups])
            slope, intercept = np.polyfit(means[others], scores[others], 1)
            unseen[i] = np.clip(intercept + slope * means[i], 0, LARGEST_EXTENT)
        slope, intercept = np.polyfit(means, scores, 1)
        error = _mean(np.abs(unseen - scores), groups)
        found = {"n": len(means), "pearson": figure(scores, unseen, list(groups), pearson), "error": error}
        return cls(float(slope), float(intercept), found)


def pearson(y_true: Floats, y_score: Floats, *, weight: Floats | None = None) -> float | Floats:
    """Return Pearson's correlation, for weights of shape (n,) or, one for each row, (repeats, n)."""
    x, y = np.asarray(y_true, float), np.asarray(y_score, float)
    w = np.ones(len(x)) if weight is None else np.asarray(weight, float)
    w = w / w.sum(axis=-1, keepdims=True)
    mx, my = w @ x, w @ y
    return np.asarray((w @ (x * y) - mx * my) / np.sqrt((w @ x**2 - mx**2) * (w @ y**2 - my**2)))[()]


def _mean(values: Floats, groups: Sequence[str]) -> Json:
    return figure(np.ones(len(values)), values, list(groups), mean)


def calibrate(manifest: Path, backbone: str, folder: Path) -> Json:
    """Learn the map, choose threshold and line, measure, and write the run.

    Returns:
        The report.

    Raises:
        DatasetError: no boxes, or no scores.
    """
    recipe = backbone_recipe(backbone)
    network, _ = features.backbone(backbone, recipe)
    data = crops(manifest, recipe)
    boxes = opacities.read(root(manifest))
    if not boxes:
        raise DatasetError(f"Expected boxes around opacities in {root(manifest) / opacities.BOXES}. Received: none.")
    heads, (kernel, bias) = _heads(backbone), _learned(data, boxes, network, recipe)

    def maps(of: Features) -> dict[str, Map]:
        return {
            OPACITY: np.asarray(expit(of @ kernel + bias), np.float32),
            **{name: grad_cam(of, head.kernel, head.facts.labels.index(head.facts.positive)) for name, head in heads},
        }

    validation, test = (_marked(data, split, boxes, network, recipe, maps) for split in ("val", "test"))
    thresholds = {name: each.threshold() for name, each in validation.items()}
    means = OpacityMap(artefact.opacity_facts(backbone, thresholds[OPACITY]), kernel, bias)
    extent = _extent(manifest, recipe, network, means)
    report = {
        "threshold": thresholds[OPACITY],
        "extent_slope": extent.slope,
        "extent_intercept": extent.intercept,
        "interval": INTERVAL,
        "grid": recipe.size // STRIDE,
        "extent": extent.figures,
        "extent_error": extent.figures["error"]["value"],
        "maps": {name: each.figures(thresholds[name]) for name, each in test.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / "config.json", runs.describe({"backbone": backbone}, manifest))
    runs.write_arrays(folder / "opacity.npz", {"kernel": kernel, "bias": bias})
    runs.write_json(folder / "report.json", report)
    return report


def _learned(data: Crops, boxes: opacities.Boxes, network: features.Backbone, recipe: Recipe) -> tuple[Map, Map]:
    """Return kernel, shape (channels,), and bias, shape (), of a logistic regression over the places of radiographs."""
    marked_sources = {row.source for row in data.rows if row.path in boxes}
    known = opacities.known(data.rows, boxes) & [row.source in marked_sources for row in data.rows]
    train = [int(i) for i in data.where(split="train") if known[i]]
    chosen = np.random.default_rng(SEED).permutation(train)[:LEARNED].tolist()

    def places(i: int) -> tuple[Features, NDArray[np.bool_]]:
        of = network(scale(data.images[i], recipe)[None])[0]
        mask = opacities.mask(data, i, boxes)
        return of, np.asarray(cv2.resize(mask, of.shape[1::-1], interpolation=cv2.INTER_AREA) > OPAQUE)

    found = threaded(places, chosen, "opacity map")
    inputs = np.concatenate([of.reshape(-1, of.shape[-1]) for of, _ in found])
    opaque = np.concatenate([each.ravel() for _, each in found]).astype(np.int64)
    layer = fit_linear(inputs, opaque, np.ones(len(opaque)), REGULARISATION)
    return np.asarray(layer.kernel, np.float32), np.asarray(layer.bias, np.float32)


def _heads(backbone: str) -> list[tuple[str, Head]]:
    """Return models 1 and 2, where they are trained: their heat maps are compared with the opacity map."""
    folders = [(name, features.run_folder(name, backbone)) for name in combined.MODELS]
    return [(name, artefact.head_of(folder, backbone)) for name, folder in folders if (folder / "head.json").exists()]


def _marked(
    data: Crops,
    split: str,
    boxes: opacities.Boxes,
    network: features.Backbone,
    recipe: Recipe,
    maps: Callable[[Features], dict[str, Map]],
) -> dict[str, Marked]:
    """Return the radiographs of a split that have boxes, with each kind of map."""
    chosen = [int(i) for i in data.where(split=split) if data.rows[i].path in boxes]
    found = threaded(lambda i: maps(network(scale(data.images[i], recipe)[None])[0]), chosen, f"{split} maps")
    return {name: marked(data, chosen, boxes, [each[name] for each in found]) for name in found[0]}


def _extent(manifest: Path, recipe: Recipe, network: features.Backbone, opacity: OpacityMap) -> Extent:
    """Fit the line on the radiographs that have a score."""
    folder = root(manifest)
    scores = opacities.extents(folder)
    rows = [row for row in read(manifest) if row.original_filename in scores]

    def inside_lungs(row: Row) -> float | None:
        ready = prepared(folder / row.path, recipe)
        if ready is None:
            return None
        return opacity.measure(network(scale(ready.crop, recipe)[None])[0], ready.box, ready.lungs).mean

    found = [
        (each, row) for each, row in zip(threaded(inside_lungs, rows, "extent"), rows, strict=True) if each is not None
    ]
    if len(found) < FEWEST:
        raise DatasetError(f"Expected {FEWEST} radiographs or more of {opacities.SCORES}. Received: {len(found)}.")
    means = np.array([each for each, _ in found])
    return Extent.fit(
        means, np.array([scores[row.original_filename] for _, row in found]), [row.group for _, row in found]
    )


def run(args: argparse.Namespace) -> None:
    """Calibrate and measure the opacity map of a backbone."""
    folder = args.run or features.run_folder(OPACITY, args.backbone)
    report = calibrate(args.manifest, args.backbone, folder)
    for name, found in report["maps"].items():
        print(
            f"{name}: peak in a box {figure_text(found['peak_in_box'])} (by chance {found['chance']:.2f}), "
            f"overlap {figure_text(found['overlap'])}, ROC AUC of places {found['place_auc']:.3f}, n {found['n']}"
        )
    of = report["extent"]
    print(f"extent score: r {figure_text(of['pearson'])}, mean error {figure_text(of['error'])}, n {of['n']}")
