"""Pretrain the VGG16 backbone on radiographs: `python -m training.pretrain`.

Nobody needs ImageNet weights. Two tasks share the convolutions. `logits` tells covid, normal and pneumonia
apart in all pictures; `within` tells findings apart among those that the picture's own source has, so that
to know the hospital helps nothing, and a source with a single class teaches nothing.

Writes runs/backbone/: config.json, history.csv with the accuracy of each class and source, last.keras (for
resuming) and vgg16.weights.h5, which `keras.applications.VGG16(include_top=False)` loads.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training import run
from training.augment import Augmentation, augment
from training.config import CONFIGS, REPOSITORY, RUNS, load
from training.dataset import Crops, crops, draw_weights
from training.litert import vgg16_from
from training.manifest import MANIFEST, Row
from training.network import fold, freeze, unfold, vgg16_batch_norm
from training.schedule import OneCycle
from xray.preprocess import LUNG_BOX, Recipe, scale

VAL_PICTURES = 60  # of each class and source, after every epoch
START_PICTURES = 192  # that measure the batch norm's statistics where training goes on from a plain network


@dataclass(frozen=True)
class Stage:
    """A part of the training with one picture size in pixels."""

    size: int
    epochs: int
    pictures: int  # an epoch
    batch: int
    peak_learning_rate: float
    frozen_blocks: int = 0


@dataclass(frozen=True)
class PretrainConfig:
    """Choices of this step; see configs/backbone.toml."""

    classes: tuple[str, ...]
    within_source_weight: float
    crop_size: int
    weight_decay: float
    label_smoothing: float
    dropout: float
    seed: int
    stages: tuple[Stage, ...]
    augmentation: Augmentation
    start: str = ""  # network.tflite of a backbone to go on from, relative to the repository; or from random weights


@dataclass(frozen=True)
class Findings:
    """What each radiograph shows, and what its source could have shown.

    Attributes:
        names: the findings; classes, with bacterial and viral pneumonia apart where the publisher says.
        finding: int, shape (n,), position in `names`.
        possible: float32, shape (n, findings), 1 for what the training pictures of the same source show.
    """

    names: tuple[str, ...]
    finding: NDArray[np.intp]
    possible: NDArray[np.float32]

    @classmethod
    def of(cls, rows: list[Row]) -> "Findings":
        """Read them from the manifest's rows."""
        words = [_finding(row) for row in rows]
        names = tuple(sorted(set(words)))
        one_hot = np.eye(len(names), dtype=np.float32)[[names.index(word) for word in words]]
        possible = np.zeros_like(one_hot)
        for source in {row.source for row in rows}:
            here = np.array([row.source == source for row in rows])
            train = here & np.array([row.split == "train" for row in rows])
            possible[here] = one_hot[train].max(axis=0) if train.any() else 0.0
        return cls(names, one_hot.argmax(axis=1), np.maximum(possible, one_hot))


def _finding(row: Row) -> str:
    if row.label != "pneumonia":
        return row.label
    words = row.finding.lower()
    return "bacterial" if "bacteri" in words else "viral" if "vir" in words else row.label


@keras.saving.register_keras_serializable("training")
class WithinSource(keras.losses.Loss):
    """Cross-entropy among the findings that a picture's own source has.

    Expects targets of shape (batch, 2 x findings): the finding one-hot, then 1 for each possible one.
    """

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each picture, shape (batch,); 0 where there is but one possibility."""
        finding, possible = ops.split(y_true, 2, axis=-1)
        return -ops.sum(finding * ops.log_softmax(y_pred - 1e9 * (1.0 - possible), axis=-1), axis=-1)


class Draws(keras.utils.PyDataset):
    """One epoch of augmented crops, drawn so that classes and sources are balanced."""

    def __init__(self, data: Crops, findings: Findings, config: PretrainConfig, stage: Stage, epoch: int) -> None:
        """Draw the epoch's radiographs; everything random follows from seed and epoch."""
        super().__init__(workers=1)
        self.data, self.findings, self.config, self.stage = data, findings, config, stage
        self.seed = (config.seed, epoch)
        train = data.where(split="train")
        weights = draw_weights([data.rows[i].label for i in train], [data.rows[i].source for i in train])
        self.drawn = np.random.default_rng(self.seed).choice(train, stage.pictures, p=weights)

    def __len__(self) -> int:
        """Return the number of full batches."""
        return len(self.drawn) // self.stage.batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Return one batch: grey inputs (batch, size, size, 1) and the targets of both tasks."""
        rng = np.random.default_rng((*self.seed, index))
        chosen = self.drawn[index * self.stage.batch : (index + 1) * self.stage.batch]
        inputs = _inputs(self.data, chosen, self.stage.size, self.config.augmentation, rng)
        return inputs, _targets(self.data, self.findings, self.config, chosen)


def _inputs(
    data: Crops, chosen: NDArray[np.intp], size: int, how: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    recipe = Recipe(LUNG_BOX, size)
    return np.stack([scale(augment(data.pictures[i], size, how, rng), recipe)[..., :1] for i in chosen])


def _targets(
    data: Crops, findings: Findings, config: PretrainConfig, chosen: NDArray[np.intp]
) -> dict[str, NDArray[np.float32]]:
    labels = [config.classes.index(data.rows[i].label) for i in chosen]
    shown = np.eye(len(findings.names), dtype=np.float32)[findings.finding[chosen]]
    return {
        "logits": np.eye(len(config.classes), dtype=np.float32)[labels],
        "within": np.hstack([shown, findings.possible[chosen]]),
    }


def validate(
    model: keras.Model, data: Crops, findings: Findings, config: PretrainConfig, size: int
) -> dict[str, float]:
    """Return the accuracies on at most VAL_PICTURES validation pictures of each class and source.

    `val_balanced_accuracy` is over classes; `val_within` over the sources that have several findings.
    """
    cells: dict[str, list[int]] = {}
    for i in data.where(split="val"):
        cells.setdefault(f"{data.rows[i].label}_{data.rows[i].source}", []).append(int(i))
    chosen = np.concatenate([of[:VAL_PICTURES] for _, of in sorted(cells.items())])
    inputs = _inputs(data, chosen, size, Augmentation(), np.random.default_rng(0))
    logits = model.predict(inputs, batch_size=32, verbose=0)
    rows = [data.rows[i] for i in chosen]
    y_true = np.array([config.classes.index(row.label) for row in rows])
    right = logits["logits"].argmax(axis=1) == y_true
    possible = findings.possible[chosen]
    within = (logits["within"] - 1e9 * (1 - possible)).argmax(axis=1) == findings.finding[chosen]
    sources = np.where(possible.sum(axis=1) > 1, [row.source for row in rows], "")
    cell = np.array([f"{row.label}_{row.source}" for row in rows])
    return {
        "val_balanced_accuracy": float(np.mean([right[y_true == i].mean() for i in range(len(config.classes))])),
        "val_within": float(np.mean([within[sources == name].mean() for name in np.unique(sources) if name])),
        **{f"val_{name}": float(right[cell == name].mean()) for name in np.unique(cell)},
        **{f"val_within_{name}": float(within[sources == name].mean()) for name in np.unique(sources) if name},
    }


def train(config: PretrainConfig, manifest: Path, folder: Path) -> None:
    """Train, or go on with, the backbone; fold and save it at the end."""
    run.start(folder, config, manifest)
    data = crops(manifest, Recipe(LUNG_BOX, config.crop_size))
    findings = Findings.of(data.rows)
    model = _model(config, data, findings, folder)
    done, first = len(run.history(folder)), 0
    for stage in config.stages:
        last = first + stage.epochs
        if done < last:
            freeze(model, stage.frozen_blocks)
            _compile(model, config)
        for epoch in range(max(done, first), last):
            cycle = OneCycle(stage.peak_learning_rate, first, last)
            fitted = model.fit(
                Draws(data, findings, config, stage, epoch),
                epochs=epoch + 1,
                initial_epoch=epoch,
                verbose=0,
                callbacks=[cycle],
            )
            logged = {name: values[0] for name, values in fitted.history.items()}
            row = {
                "epoch": epoch + 1,
                "size": stage.size,
                **logged,
                **validate(model, data, findings, config, stage.size),
            }
            run.save_model(model, folder / "last.keras")
            run.log(folder, row)
        first = last
    fold(model).save_weights(folder / "vgg16.weights.h5")


def _model(config: PretrainConfig, data: Crops, findings: Findings, folder: Path) -> keras.Model:
    """Return the model of the last finished epoch, or a new one."""
    if run.history(folder):
        return keras.models.load_model(folder / "last.keras")
    keras.utils.set_random_seed(config.seed)
    model = vgg16_batch_norm({"logits": len(config.classes), "within": len(findings.names)}, config.dropout)
    if config.start:
        inputs, _ = Draws(data, findings, config, replace(config.stages[0], batch=START_PICTURES), 0)[0]
        unfold(vgg16_from(REPOSITORY / config.start), model, inputs)
    return model


def _compile(model: keras.Model, config: PretrainConfig) -> None:
    """Set optimiser and losses; a new stage starts without momentum."""
    optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    losses = {
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing),
        "within": WithinSource(),
    }
    weights = {"logits": 1.0, "within": config.within_source_weight}
    # XLA's convolutions on a CPU are several times slower than oneDNN's.
    model.compile(optimizer, losses, loss_weights=weights, jit_compile=False)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIGS / "backbone.toml")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument(
        "--run", type=Path, default=RUNS / "backbone", help="folder of the run; an unfinished one goes on"
    )
    args = parser.parse_args()
    keras.config.set_dtype_policy("mixed_bfloat16")
    train(load(args.config, PretrainConfig), args.manifest, args.run)


if __name__ == "__main__":
    main()
