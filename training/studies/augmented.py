"""Look at augmented films: `python -m training.studies.augmented training/configs/augmentation/tutorial_all.toml`.

Takes the table [augmentation] of any configuration. Writes runs/augmented/<its name>/report.html, a film of each class
beside what each operation alone, and all together, make of it; and report.json.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training import run
from training.config import MODELS, RUNS, part
from training.data.augment import Augmentation, augment
from training.data.manifest import MANIFEST, Row, read, root
from training.metrics.figures import Json
from training.report.html import Picture, Section, Table, page
from training.report.plots import png
from xray.errors import DatasetError
from xray.io import image
from xray.networks import lungs, preprocess
from xray.networks.preprocess import LUNG_BOX, WHOLE_IMAGE, Recipe
from xray.networks.runtime import Network

SEED = 0
SHOWN = 6  # examples beside the original
DRAWS = 40  # of each operation and film, to measure how far it goes
TOGETHER = "all together"
WORDS = {
    "rotation_degrees": "turned by up to {} degrees",
    "zoom": "scaled by {} to {}, each axis for itself",
    "shift": "moved by up to {} % of the side",
    "flip": "mirrored, {} % of the films",
    "gamma": "gamma {} to {}",
    "curve": "a random tone curve, {} % of the films",
    "equalise": "local contrast equalised, {} % of the films",
    "blur": "blurred, {} % of the films",
    "noise": "noise of up to {} grey levels",
    "erase": "a rectangle erased, {} % of the films",
    "brightness": "grey values times {} to {}",
    "shear_degrees": "slanted by up to {} degrees",
}
SHARES = {name for name, words in WORDS.items() if "%" in words}


@dataclass(frozen=True)
class Film:
    """One radiograph as a network would get it before augmentation.

    Attributes:
        row: of the manifest.
        square: uint8, shape (size, size).
    """

    row: Row
    square: NDArray[np.uint8]


def operations(how: Augmentation) -> dict[str, Augmentation]:
    """Return each operation that is set, alone, and then all of them together, by what they do in words."""
    alone = {}
    for name in (each.name for each in fields(Augmentation)):
        value = getattr(how, name)
        if value != getattr(Augmentation, name):
            numbers = value if isinstance(value, tuple) else (100 * value if name in SHARES else value,)
            alone[WORDS[name].format(*(f"{number:g}" for number in numbers))] = Augmentation(**{name: value})
    return {**alone, TOGETHER: how}


def films(manifest: Path, recipe: Recipe, seed: int = SEED) -> list[Film]:
    """Read one film of each class of the train split, picked by chance."""
    rows, folder, rng = read(manifest), root(manifest), np.random.default_rng(seed)
    network = Network(MODELS / "lung_unet" / "network.tflite", pool_size=1, threads=1)
    found = []
    for label in sorted({row.label for row in rows}):
        of_class = [row for row in rows if row.label == label and row.split == "train"]
        if of_class:
            row = of_class[rng.integers(len(of_class))]
            picture = image.read((folder / row.path).read_bytes())
            box = preprocess.crop_box(lungs.segment(picture, network), recipe)
            found.append(Film(row, preprocess.crop(picture, box, recipe)))
    if not found:
        raise DatasetError(f"Expected radiographs of the train split in {manifest}. Received none.")
    return found


def examples(film: Film, how: Augmentation, number: int, seed: int = SEED) -> NDArray[np.float32]:
    """Return augmented copies of a film: float32, shape (number, size, size), values 0 to 255."""
    rng = np.random.default_rng(seed)
    return np.stack([augment(film.square, len(film.square), how, rng) for _ in range(number)])


def change(found: Sequence[Film], how: Augmentation) -> float:
    """Return the mean absolute difference that an operation makes to a pixel, in grey levels of 0 to 255."""
    return float(np.mean([np.abs(examples(film, how, DRAWS) - film.square).mean() for film in found]))


def draw(film: Film, rows: dict[str, Augmentation]) -> bytes:
    """Draw a film and its copies, one operation a row, the original first; returns a PNG."""
    figure = Figure(figsize=(1.25 * (SHOWN + 1) + 1.6, 1.28 * len(rows)), layout="constrained")
    for places, (words, how) in zip(figure.subplots(len(rows), SHOWN + 1, squeeze=False), rows.items(), strict=True):
        for axes, picture in zip(places, [film.square, *examples(film, how, SHOWN)], strict=True):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        places[0].set_ylabel(_wrapped(words), rotation=0, ha="right", va="center", fontsize=8)
    figure.axes[0].set_title("original", fontsize=8)
    return png(figure)


def _wrapped(words: str) -> str:
    """Break words into lines of about 16 letters."""
    lines = [""]
    for word in words.replace(" %", "\u00a0%").split(" "):
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < 17 else [*lines, word]
    return "\n".join(lines)


HOW = """Each row does one thing alone, the last all of them. All of it is drawn by chance, so that a network meets one
film in many forms. What comes in from outside the film is its mirror image: the articles repeat the edge instead, and a
black border would tell a network how far a picture was turned."""
FAR = """How much a pixel changes on average. An operation near 0 teaches nothing: Keras' ImageDataGenerator reads
shifts and zooms as shares, but rotations and shears as degrees, so that 0.2 of them is not to be seen. One that is far
larger than the rest can make films that no hospital would send."""


def report(found: Sequence[Film], how: Augmentation, title: str) -> tuple[str, Json]:
    """Return the page, and its figures for machines."""
    rows = operations(how)
    changes = {words: change(found, each) for words, each in rows.items()}
    table = Table(
        f"Mean absolute change of a pixel, {len(found)} films, {DRAWS} draws each",
        ("operation", "grey levels of 0 to 255"),
        [(words, f"{value:.1f}") for words, value in changes.items()],
    )
    pictures = [
        Picture(draw(film, rows), f"{film.row.label}, a film of {film.row.source}, and {SHOWN} draws of each operation")
        for film in found
    ]
    parts = [Section("What augmentation makes of a film", HOW, [], pictures), Section("How far it goes", FAR, [table])]
    shown = [{"label": film.row.label, "source": film.row.source, "sha256": film.row.sha256} for film in found]
    figures = {"seed": SEED, "draws": DRAWS, "films": shown, "change_grey_levels": changes}
    return page(title, parts), figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="a TOML file with a table [augmentation]")
    parser.add_argument("--whole", action="store_true", help="whole films, where the file names no recipe")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--output", type=Path, help="a folder (runs/augmented/<name of the file>)")
    args = parser.parse_args(arguments)
    how = part(args.config, "augmentation", Augmentation)
    if how is None or how == Augmentation():
        raise DatasetError(f"{args.config}: expected a table [augmentation] that changes something. Received none.")
    recipe = part(args.config, "recipe", Recipe) or Recipe(WHOLE_IMAGE if args.whole else LUNG_BOX, 224)
    text, figures = report(films(args.manifest, recipe), how, f"Augmented films: {args.config.stem}")
    output = args.output or RUNS / "augmented" / args.config.stem
    output.mkdir(parents=True, exist_ok=True)
    (output / "report.html").write_text(text, encoding="utf-8")
    run.write_json(output / "report.json", {"config": str(args.config), **figures})
    print(f"{output / 'report.html'}: {len(figures['films'])} films, {len(operations(how)) - 1} operations")


if __name__ == "__main__":
    main()
