"""Which head, on which features, survives a hospital left out? `python -m training.studies.ablation`.

For each way of training model 1, its ROC AUC (abnormal against normal) in each source that it was trained without,
on films that are new to the backbone too; prints a table in Markdown. `--mobilenet FILE` adds the features of an
ImageNet network under the same protocol.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.config import CONFIGS, load
from training.data.crops import Crops, crops, draw_weights
from training.data.manifest import MANIFEST
from training.evaluate import baselines
from training.evaluate.leave_one_out import Films, probe
from training.fit.contrast import EQUAL, ContrastConfig, views
from training.fit.linear import fit_views
from training.metrics.discrimination import roc_auc
from training.report.markdown import table
from xray.networks.preprocess import Recipe

ABNORMAL, COVID = ("covid", "pneumonia"), ("covid",)
BATCH = 64


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


def judged(films: Films, way: Way, splits: tuple[str, ...]) -> list[float]:
    """Return the AUC in each of LEFT_OUT, by heads trained without; NaN where nothing is left to learn from.

    Args:
        films: all radiographs.
        way: how heads are trained.
        splits: of the films that are judged.
    """
    sides = {label: 1 for label in way.positives} | {"normal": 0}
    truth = np.array([int(row.label != "normal") for row in films.rows])
    taught = np.array([sides.get(row.label, -1) for row in films.rows])
    source = np.array([row.source for row in films.rows])
    split = np.array([row.split for row in films.rows])
    allowed = np.isin(source, way.sources) if way.sources else np.ones(len(source), bool)
    found = []
    for names in LEFT_OUT.values():
        left_out = np.isin(source, names)
        train = np.flatnonzero(allowed & ~left_out & (taught >= 0) & (split == "train"))
        unseen = np.flatnonzero(left_out & np.isin(split, splits))
        if len(np.unique(taught[train])) < 2:
            found.append(float("nan"))
            continue
        weight = draw_weights([str(y) for y in taught[train]], list(source[train]), EQUAL) * len(train)
        head = fit_views(films.inputs[train, : way.views], taught[train], weight, way.regularisation)
        scores = head.logits(films.inputs[unseen, 0])
        found.append(float(np.asarray(roc_auc(truth[unseen], scores))))
    return found


def mobilenet(data: Crops, weights: Path) -> NDArray[np.float32]:
    """Return the averaged features of an ImageNet MobileNetV2 on the same crops, shape (n, 1280).

    Args:
        data: lung-box crops of 224 px.
        weights: for `keras.applications.MobileNetV2(include_top=False)`.
    """
    base = keras.applications.MobileNetV2(include_top=False, weights=None, pooling="avg", input_shape=(224, 224, 3))
    base.load_weights(weights)
    call: Callable[[NDArray[np.float32]], NDArray[np.float32]] = lambda x: np.asarray(base(x, training=False))  # noqa: E731
    parts = []
    for start in range(0, len(data.rows), BATCH):
        grey = data.pictures[start : start + BATCH].astype(np.float32) / 127.5 - 1
        parts.append(call(np.repeat(grey[..., None], 3, axis=3)))
    return np.concatenate(parts)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--mobilenet", type=Path, help="MobileNetV2 weights of ImageNet without the classifier")
    parser.add_argument("--validation", action="store_true", help="judge validation films alone: to choose by")
    args = parser.parse_args()
    splits = ("val",) if args.validation else ("val", "test", "held_out")
    recipe = load(CONFIGS / "covid_normal.toml", ContrastConfig).recipe
    data = crops(args.manifest, recipe)
    thumbnails = baselines.thumbnails(args.manifest)[1].reshape(2, len(data.rows), -1).astype(np.float32)
    seen = {
        "our backbone": views(data, recipe),
        "48 px, lungs erased": thumbnails[0][:, None],
        "48 px, border only": thumbnails[1][:, None],
    }
    if args.mobilenet:
        whole = crops(args.manifest, Recipe(recipe.name, 224))
        seen["ImageNet MobileNetV2"] = mobilenet(whole, args.mobilenet)[:, None]
    rows = []
    for name, inputs in seen.items():
        films = Films(data.rows, inputs)
        ways = WAYS if name == "our backbone" else {key: WAYS[key] for key in list(WAYS)[:3]}
        for how, way in ways.items():
            rows.append([name, how, *("–" if np.isnan(area) else f"{area:.3f}" for area in judged(films, way, splits))])
        told = f"{probe(inputs[:, 0], data.rows):.3f}"
        rows.append([name, "the source, told from the features (chance 0.2)", told, *[""] * (len(LEFT_OUT) - 1)])
    print(table(["features", "head", *(f"{name} left out" for name in LEFT_OUT)], rows))


if __name__ == "__main__":
    main()
