"""Train the screen that refuses and warns: `python -m training out-of-distribution`.

Small heads on the backbone's features answer whether an image is a frontal chest radiograph, a child's, or upside
down; the distance from the training radiographs says how unfamiliar it is. Writes runs/screen/:
config.json, screen.npz and report.json, which `export screen` reads. Every share in the report is of
radiographs that the head behind it has not seen: of the test split, or, where all images of a kind are needed to
learn from, of five folds over patients.
"""

import argparse
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import GroupKFold

from training import run as runs
from training.config import RUNS, load
from training.fit import cautions
from training.fit.linear import Linear, fit_linear
from training.fit.out_of_distribution_data import Material, ScreenConfig
from training.metrics.discrimination import Floats
from training.metrics.figures import Json, shares
from xray.quality.cautions import Caution
from xray.quality.out_of_distribution import CHECKS, NOT_FRONTAL
from xray.registry import BACKBONE, made_for

CHILDREN = "kermany"
FOLDS = 5


def fit(inputs: NDArray[np.float32], y_true: NDArray[np.int64], regularisation: float) -> Linear:
    """Fit a head, both answers counting the same."""
    return fit_linear(inputs, y_true, len(y_true) / (2 * np.bincount(y_true))[y_true], regularisation)


def out_of_fold(
    inputs: NDArray[np.float32], y_true: NDArray[np.int64], groups: NDArray[np.str_], regularisation: float
) -> Floats:
    """Return the share for "yes" of each radiograph, given by a head that has not seen its group."""
    scores = np.empty(len(y_true))
    for seen, unseen in GroupKFold(FOLDS).split(inputs, y_true, groups):
        scores[unseen] = expit(fit(inputs[seen], y_true[seen], regularisation).logits(inputs[unseen]))
    return scores


def components(inputs: NDArray[np.float32], count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the centre of the training radiographs, and their principal components over their deviations."""
    centre = inputs.mean(axis=0)
    _, singular, directions = np.linalg.svd(inputs - centre, full_matrices=False)
    deviations = singular[:count] / np.sqrt(len(inputs))
    return centre, (directions[:count] / deviations[:, None]).T


def distance(inputs: NDArray[np.float32], *, centre: NDArray[np.float32], whitening: NDArray[np.float32]) -> Floats:
    """Return how far features lie from the centre, as `xray.quality.out_of_distribution.Screen.scores` does."""
    return np.asarray(np.sqrt(np.square((inputs - centre) @ whitening).mean(axis=1)), np.float64)


@dataclass(frozen=True, eq=False)
class Asked:
    """One trained check: its head, its threshold, and what it was found to do."""

    head: Linear
    threshold: float
    figures: Json

    def flags(self, inputs: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return where the answer is yes."""
        return np.asarray(expit(self.head.logits(inputs)) >= self.threshold)


def ask(
    no: NDArray[np.float32],
    yes: NDArray[np.float32],
    groups: NDArray[np.str_],
    regularisation: float,
    mistaken: float,
) -> tuple[Asked, NDArray[np.bool_]]:
    """Train one check.

    Args:
        no: features to which the answer is no.
        yes: features to which it is yes.
        groups: of all of them, those of `no` first.
        regularisation: C of the logistic regression.
        mistaken: share of `no`, in other folds, that may get a yes: sets the threshold.

    Returns:
        The check without figures, and its answers to `yes`, each by a head of another fold.
    """
    both, y_true = np.concatenate([no, yes]), np.repeat([0, 1], [len(no), len(yes)])
    unseen = out_of_fold(both, y_true, groups, regularisation)
    threshold = float(np.quantile(unseen[: len(no)], 1 - mistaken))
    return Asked(fit(both, y_true, regularisation), threshold, {}), unseen[len(no) :] >= threshold


def not_frontal(material: Material, config: ScreenConfig) -> Asked:
    """Train the check that refuses; judge it on strangers, on test radiographs, and on sources that it never saw."""
    strange, blurred = material.strange, material.films.part(material.films.of("blurred"))

    def trained(kept: NDArray[np.intp]) -> tuple[Asked, NDArray[np.bool_]]:
        soft = blurred.part(np.flatnonzero(np.isin(blurred.groups, material.group[kept])))
        groups = np.concatenate([material.group[kept], soft.groups, strange.groups])
        frontal = np.concatenate([material.inputs[kept], soft.inputs])
        return ask(frontal, strange.inputs, groups, config.regularisation, config.refused)

    learned = material.learned()
    asked, unseen = trained(learned)
    halves = material.films.part(material.films.of("half"))
    left_out = {}
    for name in np.unique(material.source):
        other, _ = trained(learned[material.source[learned] != name])
        left_out[str(name)] = material.test_shares(other.flags(material.inputs))[str(name)]
    return replace(
        asked,
        figures={
            "refused by the gate or the screen": shares(~strange.admitted | unseen, strange.kinds),
            "refused by the screen alone": shares(unseen, strange.kinds),
            "half films, which it has not learned": shares(~halves.admitted | asked.flags(halves.inputs), halves.kinds),
            "frontal test films refused": material.test_shares(asked.flags(material.inputs)),
            "frontal test films refused, their source left out of the training": left_out,
        },
    )


def child(material: Material, config: ScreenConfig) -> Asked:
    """Train the check for children's films: all of one hospital, so that hospital is what it may have learned."""
    learned = material.learned()
    of_child = material.source[learned] == CHILDREN
    no, yes = learned[~of_child], learned[of_child]
    groups = np.concatenate([material.group[no], material.group[yes]])
    return _caution(material, config, material.inputs[no], material.inputs[yes], groups, "child")


def changed(kind: str, material: Material, config: ScreenConfig) -> Asked:
    """Train the check that tells radiographs that were changed in some way from the same radiographs as they came."""
    films = material.films
    as_they_came = np.concatenate([films.of("as it came"), films.of("blurred")])
    no, yes = films.part(as_they_came), films.part(films.of(kind))
    return _caution(material, config, no.inputs, yes.inputs, np.concatenate([no.groups, yes.groups]), kind)


def _caution(
    material: Material,
    config: ScreenConfig,
    no: NDArray[np.float32],
    yes: NDArray[np.float32],
    groups: NDArray[np.str_],
    kind: str,
) -> Asked:
    asked, unseen = ask(no, yes, groups, config.regularisation, config.warned)
    return replace(
        asked,
        figures={
            "found, other folds": shares(unseen, np.full(len(yes), kind)),
            "test films given the caution": material.test_shares(asked.flags(material.inputs)),
        },
    )


def train(config: ScreenConfig, manifest: Path, folder: Path, backbone: str = BACKBONE) -> None:
    """Train the screen and write its run."""
    material = Material.gather(config, manifest, backbone)
    asked = {
        NOT_FRONTAL: not_frontal(material, config),
        Caution.CHILD: child(material, config),
        Caution.UPSIDE_DOWN: changed("upside down", material, config),
    }
    centre, whitening = components(material.inputs[material.split == "train"], config.components)
    far = partial(distance, centre=centre, whitening=whitening)
    limit = float(np.quantile(far(material.inputs[material.split == "val"]), 1 - config.warned))
    report = {str(name): check.figures for name, check in asked.items()}
    report[Caution.UNFAMILIAR] = {
        "test films given the caution": material.test_shares(far(material.inputs) >= limit),
        "strangers given the caution": shares(far(material.strange.inputs) >= limit, material.strange.kinds),
    }
    report |= cautions.measure(manifest, config.films, config.seed)
    thresholds = [check.threshold for check in asked.values()] + [limit]
    arrays = {
        "kernel": np.stack([check.head.kernel for check in asked.values()], axis=1),
        "bias": np.array([check.head.bias for check in asked.values()]),
        "centre": centre,
        "whitening": whitening,
    }
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / "config.json", runs.describe(config, manifest))
    checks = [{"name": str(name), "threshold": each} for name, each in zip(CHECKS, thresholds, strict=True)]
    runs.write_json(folder / "report.json", {"checks": checks, "figures": report})
    runs.write_arrays(folder / "screen.npz", {name: array.astype(np.float32) for name, array in arrays.items()})
    for name, figures in report.items():
        for what, kinds in figures.items():
            said = ", ".join(f"{kind} {each['flagged']}/{each['n']}" for kind, each in kinds.items())
            print(f"{name}: {what}: {said}")


def run(args: argparse.Namespace) -> None:
    """Train the screen of a configuration."""
    folder = args.run or made_for(RUNS, args.backbone) / "screen"
    train(load(args.config, ScreenConfig), args.manifest, folder, args.backbone)
