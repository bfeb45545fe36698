"""The tutorial's heads: on cached features of the frozen base, so that each trains in seconds."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

from training.data.augment import Augmentation
from training.fit import features
from training.networks import devices
from training.studies.tutorial_2020.images import RECIPE, Films
from training.studies.tutorial_2020.plan import Settings

Scores = NDArray[np.float64]
History = list[dict[str, float]]
PUBLISHED_POOL = 2  # of the cached features; the first set's 4 is the mean of its upper left cells
CELLS = 3  # a side of the pooled features: 224 px, halved five times, then pooled


@dataclass(frozen=True)
class Pool:
    """The films that a model is made from, before they are split.

    Attributes:
        positions: in the films, COVID-19 first.
        y: 1 for COVID-19, shape (n,).
        x: pooled features, float16, shape (n, 1 + copies, 4608): the film as it is, then turned copies.
    """

    positions: NDArray[np.intp]
    y: NDArray[np.intp]
    x: NDArray[np.float16]


def pool_of(films: Films, settings: Settings, weights: str, copies: int, seed: int) -> Pool:
    """Gather a model's films with the features of turned copies; cached for each class, so that models share them."""
    how = [Augmentation()] + [Augmentation(rotation_degrees=settings.rotation_degrees)] * copies
    parts = [films.parts["covid"], films.parts[settings.negative]]
    x = [features.copies(films.crops, list(part), RECIPE, how, weights, seed) for part in parts]
    y = np.repeat([1, 0], [len(part) for part in parts])
    return Pool(np.concatenate(parts), y, np.concatenate(x))


def still(films: Films, part: str, weights: str) -> NDArray[np.float16]:
    """Return the pooled features of a part's films as they are, shape (n, 1, 4608)."""
    return features.copies(films.crops, list(films.parts[part]), RECIPE, [Augmentation()], weights, 0)


def split(pool: Pool, share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split as the tutorial does: at random, by film, classes equal; positions in the pool."""
    train, test = train_test_split(np.arange(len(pool.y)), test_size=share, stratify=pool.y, random_state=seed)
    return train, test


def head(inputs: int, settings: Settings) -> keras.Model:
    """Build the head behind its pooling, which has no weights: 590,210 parameters with 4608 inputs and 128 units."""
    pooled = keras.Input((inputs,), name="pooled")
    x = layers.Dense(settings.units, activation="relu", name="dense")(pooled)
    x = layers.Dropout(settings.dropout, name="dropout")(x)
    return keras.Model(pooled, layers.Dense(2, activation="softmax", name="output")(x), name=settings.key)


def inputs_of(x: NDArray[np.float16], pool: int) -> NDArray[np.float32]:
    """Return what the head sees of features pooled 2 by 2.

    Pooling 4 by 4 finds room only once in 7 by 7 cells: in the upper left corner. The rest is not seen.
    """
    values = x.astype(np.float32)
    if pool == PUBLISHED_POOL:
        return values
    cells = values.reshape(*values.shape[:-1], CELLS, CELLS, -1)
    return np.asarray(cells[..., :2, :2, :].mean(axis=(-3, -2)), np.float32)


class Turned(keras.utils.PyDataset):
    """Whole batches of training films in a new order each epoch, each film one of its turned copies."""

    def __init__(self, x: NDArray[np.float32], y: NDArray[np.intp], batch: int, seed: int) -> None:
        """Draw from features (n, 1 + copies, inputs) with classes (n,)."""
        super().__init__()
        self.x, self.batch, self.rng = x, batch, np.random.default_rng(seed)
        self.y = np.stack([y, 1 - y], axis=1).astype(np.float32)
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return the number of whole batches; one of what there is where that is less."""
        return max(len(self.x) // self.batch, 1)

    def __getitem__(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return features (batch, inputs) and classes (batch, 2), COVID-19 first."""
        these = self.order[number * self.batch : (number + 1) * self.batch]
        return self.x[these, self.copy[these]], self.y[these]

    def on_epoch_end(self) -> None:
        """Shuffle, and draw a copy of each film: turned ones where there are any."""
        n, copies = self.x.shape[:2]
        self.order = self.rng.permutation(n)
        self.copy = self.rng.integers(min(1, copies - 1), copies, n)


def fit(
    pool: Pool, train: NDArray[np.intp], test: NDArray[np.intp], settings: Settings, seed: int, *, turned: bool = True
) -> tuple[keras.Model, History]:
    """Train a head as the tutorial does, its test films shown after each epoch, and return it with its curves."""
    keras.utils.set_random_seed(seed)
    x = inputs_of(pool.x[train] if turned else pool.x[train][:, :1], settings.pool)
    shown = inputs_of(pool.x[test][:, 0], settings.pool)
    columns = np.stack([pool.y[test], 1 - pool.y[test]], axis=1).astype(np.float32)
    model = head(x.shape[-1], settings)
    # The tutorial's Adam(lr=INIT_LR, decay=INIT_LR / EPOCHS), as Keras 3 writes it.
    rate = keras.optimizers.schedules.InverseTimeDecay(
        settings.learning_rate, 1, settings.learning_rate / settings.epochs
    )
    model.compile(
        keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"], jit_compile=devices.uses_xla()
    )
    fitted = model.fit(
        Turned(x, pool.y[train], settings.batch, seed),
        validation_data=(shown, columns),
        epochs=settings.epochs,
        verbose=0,
    )
    names = {"loss": "loss", "val_loss": "test_loss", "accuracy": "accuracy", "val_accuracy": "test_accuracy"}
    history = [
        {"epoch": epoch + 1, **{new: fitted.history[old][epoch] for old, new in names.items()}}
        for epoch in range(settings.epochs)
    ]
    return model, history


def scores(model: keras.Model, x: NDArray[np.float16], settings: Settings) -> Scores:
    """Return the score for COVID-19 of films as they are; features of shape (n, any copies, 4608)."""
    shown = inputs_of(x[:, 0], settings.pool)
    return np.asarray(model.predict(shown, batch_size=512, verbose=0)[:, 0], np.float64)


def folds(pool: Pool, groups: NDArray[np.str_], number: int, seed: int) -> list[tuple[NDArray[np.intp], ...]]:
    """Split the pool for cross-validation, no patient on both sides: (train, test) of each fold."""
    return list(StratifiedGroupKFold(number, shuffle=True, random_state=seed).split(pool.y, pool.y, groups))
