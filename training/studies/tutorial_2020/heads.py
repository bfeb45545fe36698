"""Heads of the tutorial, in Keras, on cached features of the frozen backbone: each trains in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from training.data.augment import Augmentation
from training.fit import features
from training.networks import devices
from training.studies.tutorial_2020.images import Positions, Radiographs

MODELS = {"covid_normal": "Model 1", "covid_pneumo": "Model 2", "covid_25": "25 + 25"}
# The name of the set of hyper-parameters that the tutorial kept.
KEPT = "second"
# The side of the average pooling whose outputs are cached. The first set's side of 4 follows from them.
CACHED_POOL = 2
CELLS = 3  # a side of the pooled features: 224 px, halved five times, then pooled
STILL = Augmentation()
Features = NDArray[np.float32]
History = dict[str, list[float]]


@dataclass(frozen=True)
class Settings:
    """A set of hyper-parameters, and the tutorial's confusion matrix for it.

    Attributes:
        model: covid_normal or covid_pneumo.
        name: first, or second: the one that the tutorial kept.
        negative: the label that is not COVID-19.
        learning_rate: of Adam, decayed as in the tutorial.
        epochs: passes over the training radiographs.
        batch: radiographs in a step.
        units: of the hidden layer.
        pool: side of the average pooling, 2 or 4.
        dropout: share of hidden units dropped in training.
        rotation_degrees: largest rotation of a training radiograph to either side.
        test_share: of the radiographs, drawn at random.
        test: true positives, false negatives, false positives, true negatives.
    """

    model: str
    name: str
    negative: str
    learning_rate: float
    epochs: int
    batch: int
    units: int
    pool: int
    dropout: float
    rotation_degrees: float
    test_share: float
    test: tuple[int, int, int, int]

    @property
    def key(self) -> str:
        """Name this set among all of them."""
        return f"{self.model}_{self.name}"

    @property
    def title(self) -> str:
        """Name this set to people: Model 1, first."""
        return f"{MODELS[self.model]}, {self.name}"


@dataclass(frozen=True)
class Reading:
    """What the tutorial says about a part that a kept model read."""

    model: str
    part: str
    called: int
    n: int
    mean: float = nan
    median: float = nan


@dataclass(frozen=True)
class Film:
    """What the tutorial says about one radiograph that a kept model read."""

    model: str
    film: str
    score: float


@dataclass(frozen=True)
class Tutorial:
    """Choices and published figures; see configs/articles.toml."""

    seed: int
    other_seeds: tuple[int, ...]
    copies: int
    folds: int
    sets: tuple[Settings, ...]
    readings: tuple[Reading, ...]
    films: tuple[Film, ...]


@dataclass(frozen=True)
class Pool:
    """The radiographs that a model is made from, before they are split.

    Attributes:
        positions: in all radiographs, COVID-19 first.
        y: 1 for COVID-19, shape (n,).
        x: pooled features, float16, shape (n, 1 + copies, 4608): the radiograph as it is, then augmented copies.
    """

    positions: Positions
    y: NDArray[np.intp]
    x: NDArray[np.float16]


def pool(maps: Features) -> Features:
    """Apply VGG16's last max pooling (block5_pool), then the head's average pooling, both 2 by 2.

    Args:
        maps: float32, shape (rows, columns, channels): block5_conv3 after its ReLU.

    Returns:
        float32, shape (rows // 4, columns // 4, channels).
    """
    halved = _blocks(maps).max(axis=(1, 3))
    return np.asarray(_blocks(halved).mean(axis=(1, 3)), np.float32)


def _blocks(maps: Features) -> Features:
    """View as (rows, 2, columns, 2, channels); an odd last row or column is dropped."""
    rows, columns = maps.shape[0] // 2, maps.shape[1] // 2
    return maps[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, -1)


def pool_of(radiographs: Radiographs, negative: str, weights: str, how: Sequence[Augmentation], seed: int) -> Pool:
    """Gather a model's radiographs with their features, cached by class so that models share them."""
    parts = [radiographs.parts["covid"], radiographs.parts[negative]]
    x = [
        features.copies(radiographs.crops, list(part), radiographs.recipe, [STILL, *how], weights, seed, pool)
        for part in parts
    ]
    y = np.repeat([1, 0], [len(part) for part in parts])
    return Pool(np.concatenate(parts), y, np.concatenate(x))


def features_of(radiographs: Radiographs, part: str, weights: str) -> NDArray[np.float16]:
    """Return the pooled features of a part as it is, shape (n, 1, 4608)."""
    return features.copies(
        radiographs.crops, list(radiographs.parts[part]), radiographs.recipe, [STILL], weights, 0, pool
    )


def split(pool: Pool, share: float, seed: int) -> tuple[Positions, Positions]:
    """Split as the tutorial does: at random, by radiograph, stratified by class; positions in the pool."""
    train, test = train_test_split(np.arange(len(pool.y)), test_size=share, stratify=pool.y, random_state=seed)
    return train, test


def head(inputs: int, settings: Settings) -> keras.Model:
    """Build the head behind its pooling, which has no weights: 590,210 parameters with 4608 inputs and 128 units."""
    pooled = keras.Input((inputs,), name="pooled")
    x = layers.Dense(settings.units, activation="relu", name="dense")(pooled)
    x = layers.Dropout(settings.dropout, name="dropout")(x)
    return keras.Model(pooled, layers.Dense(2, activation="softmax", name="output")(x), name=settings.key)


def inputs_of(x: NDArray[np.float16], pool: int) -> Features:
    """Return the inputs of a head from cached features.

    Pooling 4 by 4 fits only once into 7 by 7 cells: in the upper left corner. The rest is not seen.

    Args:
        x: features pooled 2 by 2, shape (..., 4608).
        pool: the side of the pooling that is wanted: 2 or 4.
    """
    values = x.astype(np.float32)
    if pool == CACHED_POOL:
        return values
    cells = values.reshape(*values.shape[:-1], CELLS, CELLS, -1)
    return np.asarray(cells[..., :2, :2, :].mean(axis=(-3, -2)), np.float32)


class AugmentedBatches(keras.utils.PyDataset):
    """Whole batches of training radiographs in a new order each epoch, each as one of its augmented copies."""

    def __init__(self, x: Features, y: NDArray[np.intp], batch: int, seed: int) -> None:
        """Draw from features of shape (n, 1 + copies, inputs) with classes of shape (n,)."""
        super().__init__()
        self.x, self.y, self.batch, self.rng = x, one_hot(y), batch, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return the number of whole batches, at least one."""
        return max(len(self.x) // self.batch, 1)

    def __getitem__(self, number: int) -> tuple[Features, Features]:
        """Return features (batch, inputs) and classes (batch, 2), COVID-19 first."""
        these = self.order[number * self.batch : (number + 1) * self.batch]
        return self.x[these, self.copy[these]], self.y[these]

    def on_epoch_end(self) -> None:
        """Shuffle, and draw a copy of each radiograph: an augmented one where there are any."""
        n, copies = self.x.shape[:2]
        self.order = self.rng.permutation(n)
        self.copy = self.rng.integers(min(1, copies - 1), copies, n)


def one_hot(y: NDArray[np.intp]) -> Features:
    """Return the classes in two columns, COVID-19 first."""
    return np.stack([y, 1 - y], axis=1).astype(np.float32)


def fit(
    pool: Pool, train: Positions, test: Positions, settings: Settings, seed: int, *, augmented: bool = True
) -> tuple[keras.Model, History]:
    """Train a head as the tutorial does, and score its test radiographs after each epoch.

    Returns:
        The head, and its learning curves as Keras names them: loss, accuracy, val_loss, val_accuracy.
    """
    keras.utils.set_random_seed(seed)
    x = inputs_of(pool.x[train] if augmented else pool.x[train][:, :1], settings.pool)
    model = head(x.shape[-1], settings)
    # The tutorial's Adam(lr=INIT_LR, decay=INIT_LR / EPOCHS), as Keras 3 writes it.
    decay = settings.learning_rate / settings.epochs
    rate = keras.optimizers.schedules.InverseTimeDecay(settings.learning_rate, 1, decay)
    model.compile(
        keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"], jit_compile=devices.uses_xla()
    )
    fitted = model.fit(
        AugmentedBatches(x, pool.y[train], settings.batch, seed),
        validation_data=(inputs_of(pool.x[test][:, 0], settings.pool), one_hot(pool.y[test])),
        epochs=settings.epochs,
        verbose=0,
    )
    return model, {name: [float(value) for value in values] for name, values in fitted.history.items()}


def scores(model: keras.Model, x: NDArray[np.float16], settings: Settings) -> NDArray[np.float64]:
    """Return the score for COVID-19 of radiographs as they are, from features of shape (n, any copies, 4608)."""
    found = model.predict(inputs_of(x[:, 0], settings.pool), batch_size=512, verbose=0)
    return np.asarray(found[:, 0], np.float64)
