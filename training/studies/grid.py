"""Grid of settings: a backbone is trained with every combination, and validation radiographs choose one.

Test radiographs are scored for the chosen combination alone. A cell that is done is not done again. `--cells N` does so
many more and reports: a first one tells how long the whole takes. Writes runs/grid/NAME/report.html and report.json.
"""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache, partial
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Literal

import keras
import numpy as np
from matplotlib.figure import Figure
from msgspec import Meta
from numpy.typing import NDArray

from training import run as runs
from training.config import RUNS, load
from training.data.crops import crops
from training.evaluate import baselines
from training.metrics.discrimination import roc_auc
from training.metrics.figures import INTERVAL, Json
from training.metrics.folds import measured
from training.networks import devices
from training.report.plots import NEGATIVE, POSITIVE, png
from training.report.render import Picture, figure_text, page
from training.studies.backbones import RANDOM, backbone, maps, tail
from training.studies.folds import Choice, Positions, Sample, blind_inputs, draw, head, remembered, weights_hash
from xray.networks.preprocess import Recipe

TITLE = "Settings, all combined"
LAST = 0.1  # the share of it to which the exponential decay brings the learning rate
TEST_FOLD, VAL_FOLD = 0, 1
SETTINGS = ("backbone", "share", "optimizer", "learning_rate", "decay", "epochs")


@dataclass(frozen=True)
class GridConfig:
    """Choices of this step; see configs/grid.toml."""

    films: Choice
    backbones: tuple[str, ...]
    weights: str
    size: int
    recipe: str
    batch: int
    shares: tuple[Annotated[float, Meta(gt=0, le=1)], ...]
    optimizers: tuple[Literal["SGD", "Adam", "Adamax"], ...]
    learning_rates: tuple[float, ...]
    decays: tuple[Literal["none", "cosine", "exponential"], ...]
    epochs: tuple[int, ...]

    @property
    def crop(self) -> Recipe:
        """The crop that all cells see."""
        return Recipe(self.recipe, self.size)

    @property
    def lists(self) -> tuple[tuple[Any, ...], ...]:
        """The values of each of SETTINGS."""
        return self.backbones, self.shares, self.optimizers, self.learning_rates, self.decays, self.epochs


@dataclass(frozen=True)
class Cell:
    """One combination of SETTINGS."""

    backbone: str
    share: float
    optimizer: str
    learning_rate: float
    decay: str
    epochs: int


def run(args: argparse.Namespace) -> None:
    """Train the cells, and write the report."""
    config = load(args.config, GridConfig)
    config = replace(config, weights=args.weights or config.weights)
    folder = args.output or RUNS / "grid" / args.config.stem
    drawn, all_cells = draw(args.manifest, config.films, config.crop), len(cells(config))
    done = _train(drawn, config, args.manifest, folder, args.cells)
    chosen = best(done)
    report = {
        **runs.describe(config, args.manifest),
        "cells": [{name: value for name, value in cell.items() if name != "test_logits"} for cell in done],
        "best": chosen
        and {**{name: chosen[name] for name in (*SETTINGS, "val")}, "test": _test(chosen, drawn, args.manifest)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / "report.json", report)
    (folder / "report.html").write_text(report_page(drawn, config, report), encoding="utf-8")
    print(f"{folder / 'report.html'}: {len(done)} of {all_cells} cells")


def cells(config: GridConfig) -> list[Cell]:
    """Return all combinations, those that share a backbone and its learning layers together."""
    return [Cell(*values) for values in product(*config.lists)]


def parts(drawn: Sample) -> dict[str, Positions]:
    """Return the positions to learn from ("train"), to choose by ("val") and to test on; patients on one side."""
    kind = np.where(drawn.folds == TEST_FOLD, "test", np.where(drawn.folds == VAL_FOLD, "val", "train"))
    return {name: np.flatnonzero(kind == name) for name in ("train", "val", "test")}


def _train(drawn: Sample, config: GridConfig, manifest: Path, folder: Path, most: int | None) -> list[Json]:
    """Return the cells that are done."""
    known = (drawn.identity(), weights_hash(config.weights), config.size, config.recipe, config.batch)
    images = cache(lambda: np.asarray(crops(manifest, config.crop, drawn.rows).images))
    found: list[Json] = []
    fresh, everything = 0, cells(config)
    for cell in everything:
        path = folder / "cells" / f"{hashlib.sha256(repr((known, cell)).encode()).hexdigest()[:12]}.json"
        if not path.exists():
            if most is not None and fresh >= most:
                continue
            fresh += 1
            print(f"{len(found) + 1} of {len(everything)}: {cell}", flush=True)
        found.append(remembered(path, partial(learn, cell, drawn, config, images)))
    return found


@lru_cache(maxsize=1)
def network(name: str, weights: str, size: int) -> tuple[keras.Model, list[NDArray[np.float32]]]:
    """Return a backbone and the weights with which every cell begins."""
    keras.utils.set_random_seed(0)
    base = backbone(name, weights, size)
    return base, base.get_weights()


def learn(cell: Cell, drawn: Sample, config: GridConfig, images: Callable[[], NDArray[np.uint8]]) -> Json:
    """Train one cell, head and all in one phase, and score validation and test radiographs after its last epoch.

    `images` gives the crops of all radiographs, uint8, shape (n, size, size).

    Returns:
        Its settings, `val` (ROC AUC; None where the training diverged), the loss of each epoch, the seconds, and the
        logits of the test radiographs, which are looked at for the chosen cell alone.
    """
    began = perf_counter()
    base, came = network(cell.backbone, config.weights, config.size)
    base.set_weights(came)
    keras.utils.set_random_seed(config.films.seed)
    inputs, part = maps(base, (cell.share,), images())[0], parts(drawn)
    chosen = part["train"]
    model = _compiled(base, cell, config, len(chosen))
    fitted = model.fit(
        inputs[chosen], drawn.y_true[chosen], config.batch, cell.epochs, 0, sample_weight=drawn.weight(chosen)
    )
    logits = {name: model.predict(inputs[part[name]], 64, 0)[:, 0].astype(np.float64) for name in ("val", "test")}
    finite = bool(np.isfinite(np.concatenate(list(logits.values()))).all())
    return {
        **asdict(cell),
        "val": float(roc_auc(drawn.y_true[part["val"]], logits["val"])) if finite else None,
        "loss": [float(loss) for loss in fitted.history["loss"]] if finite else None,
        "seconds": perf_counter() - began,
        "test_logits": logits["test"].tolist() if finite else None,
    }


def _compiled(base: keras.Model, cell: Cell, config: GridConfig, count: int) -> keras.Model:
    """Return the layers that learn, with the cell's optimiser."""
    model = tail(base, cell.share, fresh=config.weights == RANDOM)
    optimizer = getattr(keras.optimizers, cell.optimizer)(learning_rate(cell, cell.epochs * -(-count // config.batch)))
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer, loss, weighted_metrics=[], jit_compile=devices.uses_xla())
    return model


def learning_rate(cell: Cell, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate over all steps of a cell's training."""
    if cell.decay == "cosine":
        return keras.optimizers.schedules.CosineDecay(cell.learning_rate, steps)
    if cell.decay == "exponential":
        return keras.optimizers.schedules.ExponentialDecay(cell.learning_rate, steps, LAST)
    return cell.learning_rate


def best(done: Sequence[Json]) -> Json | None:
    """Return the cell with the greatest validation AUC; None where all diverged."""
    return max((cell for cell in done if cell["val"] is not None), key=lambda cell: cell["val"], default=None)


def _test(chosen: Json, drawn: Sample, manifest: Path) -> Json:
    """Return the test figures of the chosen cell, and of the no-lung baselines."""
    part = parts(drawn)
    here = part["test"]
    logits = {"the best cell": np.array(chosen["test_logits"])}
    for inputs, words in zip(blind_inputs(drawn, manifest), baselines.BASELINES.values(), strict=True):
        seen = head(drawn, inputs, part["train"], baselines.REGULARISATION)
        logits[words] = seen.logits(inputs[here])
    columns = drawn.column("group")[here], np.zeros(len(here), np.intp), drawn.column("source")[here]
    return {words: measured(drawn.y_true[here], each, *columns) for words, each in logits.items()}


def report_page(drawn: Sample, config: GridConfig, report: Json) -> str:
    """Return the report; its words are in training/report/templates/grid.html."""
    done, best = report["cells"], report["best"] or {}
    ranked = sorted(done, key=lambda cell: -1.0 if cell["val"] is None else cell["val"], reverse=True)
    sound = [cell for cell in done if cell["val"] is not None]
    return page(
        TITLE,
        template="grid.html",
        config=config,
        weights=Path(config.weights).name,
        varied={_words(name): values for name, values in zip(SETTINGS, config.lists, strict=True)},
        all_cells=len(cells(config)),
        done=done,
        parts=parts(drawn),
        last=LAST,
        plots=[Picture(_draw_settings(sound), "Validation AUC by setting")] if sound else [],
        cells=[
            [*(str(cell[name]) for name in SETTINGS), _auc_text(cell["val"]), f"{cell['seconds']:.0f}"]
            for cell in ranked
        ],
        best=", ".join(f"{_words(name)} {best[name]}" for name in SETTINGS if best),
        test=[
            [name, figure_text(each["roc_auc"]), figure_text(each["inside"])]
            for name, each in best.get("test", {}).items()
        ],
        interval=INTERVAL,
    )


def _words(setting: str) -> str:
    return setting.replace("_", " ")


def _auc_text(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.3f}"


def _draw_settings(done: Sequence[Json]) -> bytes:
    """Draw the validation AUC of the cells by each setting that was varied, as a PNG."""
    varied = [name for name in SETTINGS if len({cell[name] for cell in done}) > 1] or [SETTINGS[0]]
    figure = Figure(figsize=(2.4 * len(varied) + 1, 3.4), layout="constrained")
    panels = figure.subplots(1, len(varied), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, varied, strict=True):
        values = list(dict.fromkeys(cell[name] for cell in done))
        for place, value in enumerate(values):
            auc = [cell["val"] for cell in done if cell[name] == value]
            spread = np.linspace(-0.15, 0.15, len(auc)) if len(auc) > 1 else np.zeros(1)
            axes.plot(place + spread, auc, "o", color=NEGATIVE, markersize=4, alpha=0.7)
            axes.plot([place - 0.25, place + 0.25], [np.median(auc)] * 2, color=POSITIVE, linewidth=2)
        axes.set_xticks(range(len(values)), [str(value) for value in values], fontsize=8)
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_xlabel(_words(name))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation ROC AUC; bar: median")
    return png(figure)
