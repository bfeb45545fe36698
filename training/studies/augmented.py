"""Report of augmentation: what each operation of a configuration makes of a radiograph.

Takes the table [augmentation] of any configuration. Writes runs/augmented/<its name>/report.html, a radiograph of each
class beside what each operation alone, and all together, make of it; and report.json.
"""

import argparse
import textwrap
from dataclasses import fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training import run as runs
from training.config import RUNS, part
from training.data.augment import Augmentation, augment
from training.data.crops import Crops, crops
from training.data.manifest import Row, read
from training.metrics.figures import Json
from training.report.plots import png
from training.report.render import Picture, page
from xray.errors import DatasetError
from xray.networks.preprocess import LUNG_BOX, WHOLE_IMAGE, Recipe

SEED = 0
SHOWN = 6  # examples beside the original
DRAWS = 40  # of each operation and radiograph, to measure how far it goes
TOGETHER = "all together"
WORDS = {
    "rotation_degrees": "rotated by up to {} degrees",
    "zoom": "scaled by {} to {}, each axis by itself",
    "shift": "moved by up to {} % of the side",
    "flip": "mirrored, {} % of the radiographs",
    "gamma": "gamma {} to {}",
    "curve": "a random tone curve, {} % of the radiographs",
    "equalise": "local contrast equalised, {} % of the radiographs",
    "blur": "blurred, {} % of the radiographs",
    "noise": "noise of up to {} grey levels",
    "erase": "a rectangle erased, {} % of the radiographs",
    "brightness": "grey values times {} to {}",
    "shear_degrees": "sheared by up to {} degrees",
}
SHARES = {name for name, words in WORDS.items() if "%" in words}


def run(args: argparse.Namespace) -> None:
    """Write the report."""
    how = part(args.config, "augmentation", Augmentation)
    if how is None or how == Augmentation():
        raise DatasetError(f"{args.config}: expected a table [augmentation] that changes something. Received none.")
    recipe = part(args.config, "recipe", Recipe) or Recipe(WHOLE_IMAGE if args.whole else LUNG_BOX, 224)
    found = crops(args.manifest, recipe, draw_rows(args.manifest))
    changes = {words: change(found.images, each) for words, each in operations(how).items()}
    output = args.output or RUNS / "augmented" / args.config.stem
    output.mkdir(parents=True, exist_ok=True)
    html = page(
        f"Augmented radiographs: {args.config.stem}",
        template="augmented.html",
        examples=_examples_of(found, how),
        draws=DRAWS,
        changes=[(words, f"{value:.1f}") for words, value in changes.items()],
    )
    (output / "report.html").write_text(html, encoding="utf-8")
    shown = [{"label": row.label, "source": row.source, "sha256": row.sha256} for row in found.rows]
    figures: Json = {"seed": SEED, "draws": DRAWS, "films": shown, "change_grey_levels": changes}
    runs.write_json(output / "report.json", {"config": str(args.config), **figures})
    print(f"{output / 'report.html'}: {len(shown)} films, {len(changes) - 1} operations")


def draw_rows(manifest: Path) -> list[Row]:
    """Draw a radiograph of each class from the train split of a manifest.

    Raises:
        DatasetError: there is none.
    """
    rows, rng = [row for row in read(manifest) if row.split == "train"], np.random.default_rng(SEED)
    if not rows:
        raise DatasetError(f"Expected radiographs of the train split in {manifest}. Received none.")
    classes = [[row for row in rows if row.label == label] for label in sorted({row.label for row in rows})]
    return [own[rng.integers(len(own))] for own in classes]


def operations(how: Augmentation) -> dict[str, Augmentation]:
    """Return each operation that is set, alone, and then all of them together, by what they do in words."""
    alone = {}
    for name in (each.name for each in fields(Augmentation)):
        value = getattr(how, name)
        if value != getattr(Augmentation, name):
            numbers = value if isinstance(value, tuple) else (100 * value if name in SHARES else value,)
            alone[WORDS[name].format(*(f"{number:g}" for number in numbers))] = Augmentation(**{name: value})
    return {**alone, TOGETHER: how}


def _examples(image: NDArray[np.uint8], how: Augmentation, number: int) -> NDArray[np.float32]:
    """Return augmented copies of an image."""
    rng = np.random.default_rng(SEED)
    return np.stack([augment(image, len(image), how, rng) for _ in range(number)])


def change(images: NDArray[np.uint8], how: Augmentation) -> float:
    """Return the mean absolute difference that an operation makes to a pixel, in grey levels of 0 to 255.

    Args:
        images: uint8, shape (n, size, size).
        how: the operation.
    """
    return float(np.mean([np.abs(_examples(image, how, DRAWS) - image).mean() for image in images]))


def _examples_of(found: Crops, how: Augmentation) -> list[Picture]:
    return [
        Picture(
            _draw(image, operations(how)), f"{row.label}, a film of {row.source}, and {SHOWN} draws of each operation"
        )
        for row, image in zip(found.rows, found.images, strict=True)
    ]


def _draw(image: NDArray[np.uint8], rows: dict[str, Augmentation]) -> bytes:
    """Draw an image and its copies as a PNG, one operation a row, the original first."""
    figure = Figure(figsize=(1.25 * (SHOWN + 1) + 1.6, 1.28 * len(rows)), layout="constrained")
    for places, (words, how) in zip(figure.subplots(len(rows), SHOWN + 1, squeeze=False), rows.items(), strict=True):
        for axes, shown in zip(places, [image, *_examples(image, how, SHOWN)], strict=True):
            axes.imshow(shown, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        label = textwrap.fill(words.replace(" %", "\u00a0%"), 17)
        places[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    figure.axes[0].set_title("original", fontsize=8)
    return png(figure)
