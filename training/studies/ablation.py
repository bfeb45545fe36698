"""Ablation of model 1's head: which training, on which features, survives a hospital left out.

For each way of training, the ROC AUC (abnormal against normal) in each source that it was trained without, on
radiographs that are new to the backbone too. Prints a table in Markdown. `--mobilenet FILE` adds the features of an
ImageNet network under the same protocol.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.config import CONFIGS, load
from training.data.crops import crops, draw_weights
from training.data.manifest import Row, hospital
from training.evaluate import baselines
from training.evaluate.leave_one_out import probe
from training.fit.features import views
from training.fit.head_config import HeadConfig
from training.fit.linear import fit_views
from training.metrics.discrimination import roc_auc
from training.report.render import markdown_table
from training.studies.backbones import backbone, maps
from xray.networks.preprocess import Recipe

ABNORMAL, COVID = ("covid", "pneumonia"), ("covid",)


@dataclass(frozen=True)
class Way:
    """One way to train a head.

    Attributes:
        positives: labels against normal.
        sources: where it learns; None for all.
        regularisation: C of the logistic regression.
        views: 1 for the films as they are; 2 for their mirror images too.
    """

    positives: tuple[str, ...]
    sources: tuple[str, ...] | None
    regularisation: float = 0.003
    views: int = 1


INSIDE = ("nih", "kermany", "cohen")
WAYS = {
    "COVID against normal, all sources mixed": Way(COVID, None),
    "abnormal against normal, all sources mixed": Way(ABNORMAL, None),
    "contrasts inside nih, kermany, cohen": Way(ABNORMAL, INSIDE),
    "the same, C 0.03": Way(ABNORMAL, INSIDE, 0.03),
    "the same, C 0.0003": Way(ABNORMAL, INSIDE, 0.0003),
    "the same, C 0.0001": Way(ABNORMAL, INSIDE, 0.0001),
    "the same, and from mirrored films": Way(ABNORMAL, INSIDE, 0.0001, views=2),
    "the children alone": Way(ABNORMAL, ("kermany",)),
    "nih alone": Way(ABNORMAL, ("nih",)),
}


# Together the last two hold both sides, a hospital each: heads that learn inside the others know neither.
LEFT_OUT = {
    **{name: (name,) for name in INSIDE},
    "radiography-covid against -rsna": ("radiography-covid", "radiography-rsna"),
}


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    splits = ("val",) if args.validation else ("val", "test", "held_out")
    recipe = load(CONFIGS / "covid_normal.toml", HeadConfig).recipe
    data = crops(args.manifest, recipe)
    blind = baselines.thumbnails(args.manifest, data.rows)[1]
    erased, border = blind.reshape(2, len(data.rows), 1, -1).astype(np.float32)
    seen = {"our backbone": views(data, recipe), "48 px, lungs erased": erased, "48 px, border only": border}
    if args.mobilenet:
        whole = crops(args.manifest, Recipe(recipe.name, 224))
        base = backbone("MobileNetV2", str(args.mobilenet), whole.images.shape[1])
        seen["ImageNet MobileNetV2"] = maps(base, (0,), whole.images)[0][:, None]
    rows = []
    for name, inputs in seen.items():
        ways = WAYS if name == "our backbone" else dict(list(WAYS.items())[:3])
        for how, way in ways.items():
            auc = _judge(data.rows, inputs, way, splits)
            rows.append([name, how, *("–" if np.isnan(each) else f"{each:.3f}" for each in auc)])
        told = f"{probe(inputs[:, 0], data.rows):.3f}"
        rows.append([name, "the source, told from the features", told, *[""] * (len(LEFT_OUT) - 1)])
    print(markdown_table(["features", "head", *(f"{name} left out" for name in LEFT_OUT)], rows))


def _judge(rows: Sequence[Row], inputs: NDArray[np.float32], way: Way, splits: tuple[str, ...]) -> list[float]:
    """Return the AUC in each of LEFT_OUT, by heads trained without its hospitals; NaN where none can learn."""
    y_true = np.array([int(row.label != "normal") for row in rows])
    sides = {label: 1 for label in way.positives} | {"normal": 0}
    taught = np.array([sides.get(row.label, -1) for row in rows])
    source, split = np.array([row.source for row in rows]), np.array([row.split for row in rows])
    hospitals = np.array([hospital(row.source) for row in rows])
    learnable = (taught >= 0) & (split == "train")
    if way.sources:
        learnable &= np.isin(source, way.sources)
    found = []
    for names in LEFT_OUT.values():
        train = np.flatnonzero(learnable & ~np.isin(hospitals, [hospital(name) for name in names]))
        unseen = np.isin(source, names) & np.isin(split, splits)
        if len(np.unique(taught[train])) < 2:
            found.append(float("nan"))
            continue
        weight = draw_weights([str(y) for y in taught[train]], list(source[train]), power=0.0) * len(train)
        head = fit_views(inputs[train, : way.views], taught[train], weight, way.regularisation)
        found.append(float(roc_auc(y_true[unseen], head.logits(inputs[unseen, 0]))))
    return found
