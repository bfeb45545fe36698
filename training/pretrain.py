"""Pretrain the VGG16 backbone on radiographs: `python -m training.pretrain`.

Nobody needs ImageNet weights. Writes runs/backbone/: config.json, history.csv with the accuracy of
each class and source, last.keras (for resuming) and vgg16.weights.h5, which
`keras.applications.VGG16(include_top=False)` loads.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training import run
from training.augment import Augmentation, augment
from training.config import CONFIGS, RUNS, load
from training.dataset import Crops, crops, draw_weights
from training.manifest import MANIFEST
from training.network import fold, vgg16_batch_norm
from training.schedule import OneCycle
from xray.preprocess import LUNG_BOX, Recipe, scale


@dataclass(frozen=True)
class Stage:
    """A part of the training with one picture size in pixels."""

    size: int
    epochs: int
    pictures: int  # an epoch
    batch: int
    peak_learning_rate: float


@dataclass(frozen=True)
class PretrainConfig:
    """Choices of this step; see configs/backbone.toml."""

    classes: tuple[str, ...]
    crop_size: int
    weight_decay: float
    label_smoothing: float
    dropout: float
    seed: int
    stages: tuple[Stage, ...]
    augmentation: Augmentation


class Draws(keras.utils.PyDataset):
    """One epoch of augmented crops, drawn so that classes and sources are balanced."""

    def __init__(self, data: Crops, config: PretrainConfig, stage: Stage, epoch: int) -> None:
        """Draw the epoch's radiographs; everything random follows from seed and epoch."""
        super().__init__(workers=1)
        self.data, self.config, self.stage = data, config, stage
        self.seed = (config.seed, epoch)
        train = data.where(split="train")
        weights = draw_weights([data.rows[i].label for i in train], [data.rows[i].source for i in train])
        self.drawn = np.random.default_rng(self.seed).choice(train, stage.pictures, p=weights)

    def __len__(self) -> int:
        """Return the number of full batches."""
        return len(self.drawn) // self.stage.batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one batch: grey inputs (batch, size, size, 1) and one-hot labels (batch, classes)."""
        rng = np.random.default_rng((*self.seed, index))
        chosen = self.drawn[index * self.stage.batch : (index + 1) * self.stage.batch]
        recipe = Recipe(LUNG_BOX, self.stage.size)
        inputs = [
            scale(augment(self.data.pictures[i], recipe.size, self.config.augmentation, rng), recipe)[..., :1]
            for i in chosen
        ]
        labels = [self.config.classes.index(self.data.rows[i].label) for i in chosen]
        return np.stack(inputs), np.eye(len(self.config.classes), dtype=np.float32)[labels]


def validate(model: keras.Model, data: Crops, config: PretrainConfig, size: int) -> dict[str, float]:
    """Return validation loss, balanced accuracy, and the accuracy of each class and source."""
    val = data.where(split="val")
    rows, recipe = [data.rows[i] for i in val], Recipe(LUNG_BOX, size)
    still = Augmentation()
    rng = np.random.default_rng(0)
    inputs = np.stack([scale(augment(data.pictures[i], size, still, rng), recipe)[..., :1] for i in val])
    logits = model.predict(inputs, batch_size=32, verbose=0)
    y_true = np.array([config.classes.index(row.label) for row in rows])
    right = logits.argmax(axis=1) == y_true
    loss = keras.losses.sparse_categorical_crossentropy(y_true, logits, from_logits=True)
    cells = np.array([f"{row.label}_{row.source}" for row in rows])
    classes = [right[y_true == i].mean() for i in range(len(config.classes))]
    return {
        "val_loss": float(ops.convert_to_numpy(loss).mean()),
        "val_balanced_accuracy": float(np.mean(classes)),
        **{f"val_{cell}": float(right[cells == cell].mean()) for cell in np.unique(cells)},
    }


def train(config: PretrainConfig, manifest: Path, folder: Path) -> None:
    """Train, or go on with, the backbone; fold and save it at the end."""
    run.start(folder, config, manifest)
    data = crops(manifest, Recipe(LUNG_BOX, config.crop_size))
    model = _model(config, folder)
    done, first = len(run.history(folder)), 0
    for stage in config.stages:
        last = first + stage.epochs
        for epoch in range(max(done, first), last):
            cycle = OneCycle(stage.peak_learning_rate, first, last)
            fitted = model.fit(
                Draws(data, config, stage, epoch),
                epochs=epoch + 1,
                initial_epoch=epoch,
                verbose=0,
                callbacks=[cycle],
            )
            logged = {name: fitted.history[name][0] for name in ("loss", "accuracy")}
            row = {
                "epoch": epoch + 1,
                "size": stage.size,
                **logged,
                **validate(model, data, config, stage.size),
            }
            run.save_model(model, folder / "last.keras")
            run.log(folder, row)
        first = last
    fold(model).save_weights(folder / "vgg16.weights.h5")


def _model(config: PretrainConfig, folder: Path) -> keras.Model:
    """Return the model of the last finished epoch, or a new one."""
    if run.history(folder):
        return keras.models.load_model(folder / "last.keras")
    keras.utils.set_random_seed(config.seed)
    model = vgg16_batch_norm(len(config.classes), config.dropout)
    optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)
    # XLA's convolutions on a CPU are several times slower than oneDNN's.
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)
    return model


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
