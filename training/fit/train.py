"""Train the articles' head: `python -m training.fit.train training/configs/articles_covid_normal.toml`.

The heads that are served are `training.fit.contrast`'s; this one is kept to be compared with, and to be taught.
Writes runs/<name>/: config.json, history.csv, head.keras (of the best validation epoch), head.npz (its arrays, as
they would be served), operating_point.json (chosen on the validation split) and predictions.csv (val, test, held_out).
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training import run
from training.command import head_parser, run_of
from training.config import load
from training.config import part as part_of
from training.data.augment import Augmentation
from training.data.crops import Crops, crops, draw_weights
from training.evaluate.predictions import write_predictions
from training.fit import features
from training.metrics.discrimination import roc_auc
from training.metrics.thresholds import operating_point
from training.networks import devices
from training.networks.vgg16 import head_weights, pooled_head
from xray.networks.preprocess import Recipe


@dataclass(frozen=True)
class TrainConfig:
    """Choices of this step; see configs/articles_covid_normal.toml."""

    name: str
    title: str
    negative: str
    positive: str
    recipe: Recipe
    copies: int
    epochs: int
    batch: int
    learning_rate: float
    dropout: float
    seed: int
    augmentation: Augmentation


@dataclass(frozen=True)
class Part:
    """The radiographs of one or more splits: features, 0 or 1 for the positive class, and chances."""

    chosen: NDArray[np.intp]
    features: NDArray[np.float16]  # (n, copies, inputs)
    y_true: NDArray[np.int64]
    weight: NDArray[np.float64]


def part(data: Crops, config: TrainConfig, splits: tuple[str, ...], how: list[Augmentation], weights: str) -> Part:
    """Gather the radiographs of the two classes in some splits with their features."""
    labels = (config.negative, config.positive)
    chosen = np.flatnonzero([row.split in splits and row.label in labels for row in data.rows])
    rows = [data.rows[i] for i in chosen]
    return Part(
        chosen,
        features.copies(data, list(chosen), config.recipe, how, weights, config.seed),
        np.array([labels.index(row.label) for row in rows]),
        draw_weights([row.label for row in rows], [row.source for row in rows]),
    )


class Draws(keras.utils.PyDataset):
    """One epoch of training features, drawn so that classes and sources are balanced."""

    def __init__(self, train: Part, config: TrainConfig, epoch: int) -> None:
        """Draw as many copies as there are radiographs."""
        super().__init__(workers=1)
        self.train, self.batch = train, config.batch
        rng = np.random.default_rng((config.seed, epoch))
        n, copies = train.features.shape[:2]
        self.drawn = rng.choice(n, n, p=train.weight)
        self.copy = rng.integers(0, copies, n)

    def __len__(self) -> int:
        """Return the number of full batches."""
        return len(self.drawn) // self.batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return features (batch, inputs) and one-hot labels (batch, 2)."""
        these = slice(index * self.batch, (index + 1) * self.batch)
        inputs = self.train.features[self.drawn[these], self.copy[these]].astype(np.float32)
        return inputs, np.eye(2, dtype=np.float32)[self.train.y_true[self.drawn[these]]]


def fit(config: TrainConfig, train: Part, val: Part, folder: Path) -> keras.Model:
    """Train the head by the articles' plan and return it as it was after its best validation epoch."""
    keras.utils.set_random_seed(config.seed)
    model = pooled_head(train.features.shape[2], config.dropout)
    steps = len(train.y_true) // config.batch
    # The articles' Adam(lr, decay=lr/epochs): Keras 2 divided the rate by 1 + decay·step.
    rate = keras.optimizers.schedules.InverseTimeDecay(config.learning_rate, 1, config.learning_rate / config.epochs)
    model.compile(
        keras.optimizers.Adam(rate),
        "categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=[],
        jit_compile=devices.uses_xla(),
    )
    best = np.inf
    (folder / "history.csv").unlink(missing_ok=True)
    for epoch in range(config.epochs):
        fitted = model.fit(Draws(train, config, epoch), steps_per_epoch=steps, verbose=0)
        score = scores(model, val)
        # Validation is balanced as the training is, else the largest hospital would choose the epoch.
        loss = -np.log(np.clip(np.where(val.y_true, score, 1 - score), 1e-7, 1)) @ val.weight
        right = ((score >= 0.5) == val.y_true) @ val.weight
        run.log(
            folder,
            {
                "epoch": epoch + 1,
                "loss": fitted.history["loss"][0],
                "accuracy": fitted.history["accuracy"][0],
                "val_loss": loss,
                "val_accuracy": right,
                "val_roc_auc": roc_auc(val.y_true, score),
            },
        )
        if loss < best:
            best = loss
            run.save_model(model, folder / "head.keras")
    return keras.models.load_model(folder / "head.keras")


def scores(model: keras.Model, data: Part) -> NDArray[np.float64]:
    """Return the positive class's score of each unaugmented radiograph, shape (n,)."""
    return np.asarray(model.predict(data.features[:, 0].astype(np.float32), batch_size=512, verbose=0))[:, 1].astype(
        np.float64
    )


def train(config: TrainConfig, manifest: Path, weights: str, folder: Path) -> None:
    """Train one head and write its run."""
    folder.mkdir(parents=True, exist_ok=True)
    run.write_json(folder / "config.json", {**run.describe(config, manifest), "weights": weights})
    data = crops(manifest, config.recipe)
    still = Augmentation()
    training = part(data, config, ("train",), [still] + [config.augmentation] * config.copies, weights)
    val = part(data, config, ("val",), [still], weights)
    model = fit(config, training, val, folder)
    point = operating_point(val.y_true, scores(model, val), val.weight)
    run.write_json(folder / "operating_point.json", asdict(point))
    evaluated = part(data, config, ("val", "test", "held_out"), [still], weights)
    run.write_arrays(folder / "head.npz", head_weights(model))
    chosen = [data.rows[i] for i in evaluated.chosen]
    write_predictions(folder / "predictions.csv", chosen, config.positive, scores(model, evaluated))
    print(f"{config.title}: threshold {point.threshold:.3f}, inconclusive from {point.low:.3f} to {point.high:.3f}")


def main() -> None:
    """Read the command line and train."""
    parser = head_parser(__doc__)
    parser.add_argument("--augmentation", type=Path, metavar="TOML", help="of configs/augmentation, instead of its own")
    args = parser.parse_args()
    config = load(args.config, TrainConfig)
    if args.augmentation:
        how = part_of(args.augmentation, "augmentation", Augmentation) or Augmentation()
        config = replace(config, name=f"{config.name}_{args.augmentation.stem}", augmentation=how)
    train(config, args.manifest, args.backbone, run_of(args, config.name))


if __name__ == "__main__":
    main()
