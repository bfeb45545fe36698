"""Rerun of the 25 + 25 experiment of 2020, the predecessor of the two-model tutorial.

Copies 25 PA radiographs of COVID-19 and 25 normal ones of children into one folder, trains on them and plots. The plan
is the experiment's: whole images squashed to 224 px and divided by 255, a random 80/20 split, a frozen VGG16, 25 epochs
in batches of 8. Prints its figures with the intervals that ten test images allow, and beside them what a logistic
regression reaches on the border of the same images.
"""

import argparse
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import pandas as pd
from keras import layers

from training.data.augment import Augmentation
from training.data.collection import Collection, pictures, records
from training.fit.features import is_served, served, vgg16_with
from training.networks.litert import vgg16_from
from training.studies.tutorial_2020 import heads, images
from training.studies.tutorial_2020.heads import Settings
from training.studies.tutorial_2020.images import RECIPE, Radiographs
from training.studies.tutorial_2020.report import draw_curves
from training.studies.tutorial_2020.rerun import Trained, blind_tables, figures_of_test, published_test
from xray.errors import DatasetError, ManifestError

CLASSES = ("covid", "normal")
SEED = 42
COPIES = 10  # augmented copies of each training image; an epoch draws one of them
LEAST = 5  # images of a class: one of them is for the test
WARNING = """What these figures are worth: the split is random, so a patient may stand on both sides; a handful of
images gives intervals this wide; and the COVID-19 images of the tutorial are of adults, the normal ones of children,
from other machines. A logistic regression on the border of the same images, without any lung, reaches accuracy
{border:.3f}."""


def run(args: argparse.Namespace) -> None:
    """Copy the images where they are named, train, report, and keep plot and model."""
    dataset = args.dataset or args.output / "dataset"
    if args.covid:
        _copy(covid_images(args.covid)[: args.sample], dataset / "covid")
    if args.children:
        _copy(draw_normal(args.children, args.sample), dataset / "normal")
    radiographs = read(dataset, args.output)
    settings = Settings("covid_25", "2020", "normal", 1e-3, args.epochs, 8, 64, 4, 0.5, 15.0, 0.2, (5, 0, 0, 5))
    how = [Augmentation(rotation_degrees=settings.rotation_degrees)] * COPIES
    pool = heads.pool_of(radiographs, "normal", args.weights, how, SEED)
    train, test = heads.split(pool, settings.test_share, SEED)
    model, history = heads.fit(pool, train, test, settings, SEED)
    positions = {"test": pool.positions[test]}
    tables = {"test": radiographs.table(positions["test"], heads.scores(model, pool.x[test], settings))}
    blind = blind_tables(radiographs, pool.positions[train], positions)["border_only"]["test"]
    print(report(tables["test"]))
    print(WARNING.format(border=figures_of_test(blind)["accuracy"]["value"]))
    trained = Trained(settings, pool.positions[train], positions, tables, history)
    (args.output / "plot.png").write_bytes(draw_curves([trained]))
    with_backbone(model, settings, args.weights).save(args.output / "covid19.keras")
    print(args.output / "covid19.keras")


def covid_images(collection: Path) -> list[Path]:
    """Return the PA radiographs of COVID-19 in the order of the collection's table.

    Raises:
        ManifestError: no table, other columns, or no such image that is there.
    """
    table = collection / "metadata.csv"
    names = [
        row["filename"]
        for row in records(table, {"finding", "view", "filename"})
        if row["finding"].split("/")[-1] == "COVID-19" and row["view"] == "PA"
    ]
    found = [path for path in (collection / "images" / name for name in dict.fromkeys(names)) if path.is_file()]
    if not found:
        raise ManifestError(f"{table}: expected PA films of COVID-19 whose files lie in images/; received none.")
    return found


def draw_normal(children: Path, number: int) -> list[Path]:
    """Draw normal radiographs at random.

    Raises:
        ManifestError: there are fewer.
    """
    folder = children / "train" / "NORMAL"
    found = sorted(pictures(folder))
    if len(found) < number:
        raise ManifestError(f"{folder}: expected at least {number} pictures; received {len(found)}.")
    return sorted(random.Random(SEED).sample(found, number))


def _copy(paths: Sequence[Path], folder: Path) -> None:
    """Copy files into a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        shutil.copy(path, folder / path.name)


def read(dataset: Path, output: Path) -> Radiographs:
    """Read both classes as the tutorial does: squashed, grey repeated, divided by 255.

    Raises:
        DatasetError: a folder is missing or holds fewer than 5 radiographs.
    """
    found, parts = Collection(dataset), {}
    for name in CLASSES:
        paths = sorted(pictures(dataset / name))
        if len(paths) < LEAST:
            raise DatasetError(
                f"{dataset / name}: expected at least {LEAST} pictures; received {len(paths)}. Name the published sets "
                "with --covid DIR and --children DIR, and they are copied there."
            )
        for path in paths:
            found.take(path, label=name, source=name, patient_id=f"{name}-{path.stem}")
        parts[name] = [path.relative_to(dataset).as_posix() for path in paths]
    radiographs = images.gather(found, parts, output)
    for name, positions in radiographs.parts.items():
        if len(positions) < LEAST:
            raise DatasetError(
                f"{dataset / name}: expected at least {LEAST} frontal chest radiographs; received {len(positions)}."
            )
    return radiographs


def report(table: pd.DataFrame) -> str:
    """Return the confusion matrix of the test images, and its figures with Wilson's 95 % intervals."""
    counts = figures_of_test(table)["confusion"]
    cells = [counts[name] for name in ("true_positive", "false_negative", "false_positive", "true_negative")]
    lines = [f"confusion matrix (rows: is covid, is normal; columns: called so): {[cells[:2], cells[2:]]}"]
    for name, found in published_test(cells).items():
        interval = f"[{found['low']:.3f}, {found['high']:.3f}]"
        lines.append(f"{name}: {found['value']:.4f} {interval} ({found['count']} of {found['n']})")
    return "\n".join(lines)


def with_backbone(head: keras.Model, settings: Settings, weights: str) -> keras.Model:
    """Return the whole network, from float32 (batch, 224, 224, 3), values 0 to 1, to scores (batch, 2), COVID-19 first.

    Args:
        head: trained on pooled features.
        settings: of the head.
        weights: of the backbone; see `features.backbone`.
    """
    size = RECIPE.size
    base = vgg16_from(served(weights), size) if is_served(weights) else vgg16_with(weights, size)
    base.trainable = False
    x = layers.Flatten(name="flatten")(layers.AveragePooling2D(settings.pool, name="average")(base.output))
    return keras.Model(base.input, head(x), name="covid19")
