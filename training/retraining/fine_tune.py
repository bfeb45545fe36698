"""Training the backbone's last block on a user's own radiographs: what it would add to the head on the frozen one."""

from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from training import run as runs
from training.data.crops import Crops, draw_weights
from training.evaluate.evaluate import FINE_TUNED, as_json, load
from training.evaluate.leave_one_out import Radiographs
from training.evaluate.scored import Scored
from training.fit.features import served
from training.fit.head_config import UNKNOWN, HeadConfig, taught
from training.networks.litert import vgg16_from
from training.progress import progress
from xray import head_figures
from xray.networks.preprocess import scale
from xray.registry import BACKBONE

LAST_BLOCK = ("block5_conv1", "block5_conv2", "block5_conv3", "block5_pool")
EPOCHS, BATCH, RATE, SEED = 12, 16, 1e-3, 0


def fine_tune(data: Crops, config: HeadConfig, folder: Path) -> None:
    """Train the last block and the head on the train split, and write the figures of the test split.

    The weights are those of the epoch that does best on the validation split. The network is kept in the run; the app
    serves one frozen backbone for all heads.

    Args:
        data: the crops.
        config: of the head.
        folder: of its run, trained already.
    """
    keras.utils.set_random_seed(SEED)
    whole = vgg16_from(served(BACKBONE), config.recipe.size)
    below = _below(whole, data, config)
    network = _upper(whole, config, folder)
    truth = taught(data.rows, config)
    parts = {split: np.flatnonzero((truth != UNKNOWN).any(axis=1) & _of(data, split)) for split in ("train", "val")}
    train, val = (_examples(data, below, truth, chosen) for chosen in parts.values())
    network.fit(
        *train[:2], sample_weight=train[2], validation_data=val, epochs=EPOCHS, batch_size=BATCH, verbose=0,
        callbacks=[keras.callbacks.EarlyStopping("val_loss", restore_best_weights=True, patience=3)],
    )  # fmt: skip
    runs.save_model(network, folder / "fine_tuned.keras")
    scores = np.asarray(network.predict(below, verbose=0), np.float64)
    found = load(folder)
    table = Radiographs(data.rows, np.empty(0, np.float32)).table
    test = Scored.of(config, found.scored.points, table, truth, scores).part(table.split == "test").known
    frozen = head_figures.MEAN if head_figures.MEAN in test.measured else test.measured[0]
    area = test.figures()[frozen]["roc_auc"]
    runs.write_json(folder / FINE_TUNED, as_json({"roc_auc": area, "epochs": EPOCHS, "rate": RATE}))


def _below(whole: keras.Model, data: Crops, config: HeadConfig) -> NDArray[np.float32]:
    """Return what the frozen blocks make of every crop: float32, shape (n, size / 16, size / 16, 512)."""
    lower = keras.Model(whole.input, whole.get_layer("block4_pool").output)
    made = []
    for image in progress(data.images, "last block", len(data.images)):
        made.append(np.asarray(lower(scale(image, config.recipe)[None], training=False))[0])
    return np.stack(made)


def _upper(whole: keras.Model, config: HeadConfig, folder: Path) -> keras.Model:
    """Return the last block with the head of the run on it, ready to be trained."""
    inputs = keras.Input(whole.get_layer("block4_pool").output.shape[1:])
    x = inputs
    for name in LAST_BLOCK:
        x = whole.get_layer(name)(x)
    activation = "softmax" if config.exclusive else "sigmoid"
    head = layers.Dense(len(config.names), activation=activation)
    network = keras.Model(inputs, head(layers.GlobalAveragePooling2D()(x)))
    with np.load(folder / "head.npz") as arrays:
        head.set_weights([arrays["kernel"], arrays["bias"]])
    loss = "categorical_crossentropy" if config.exclusive else "binary_crossentropy"
    network.compile(keras.optimizers.SGD(RATE, momentum=0.9, clipnorm=1.0), loss)
    return network


def _of(data: Crops, split: str) -> NDArray[np.bool_]:
    return np.array([row.split == split for row in data.rows])


def _examples(
    data: Crops, below: NDArray[np.float32], truth: NDArray[np.int64], chosen: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return inputs, targets and weights; labels weigh the same, and the sources of a label nearly so."""
    rows = [data.rows[index] for index in chosen]
    weight = draw_weights([row.label for row in rows], [row.source for row in rows]) * len(rows)
    return below[chosen], truth[chosen].astype(np.float32), weight.astype(np.float32)
