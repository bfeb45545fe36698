"""Train the lung segmentation U-Net on the masks of the manifest: `python -m training segment`.

Writes runs/lungs/: config.json, history.csv, last.keras (for resuming), best.keras (by validation
Dice) and test.json (Dice on patients kept apart).
"""

import argparse
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training import run as runs
from training.config import Choices, load
from training.data.augment import Augmentation, expose, transform, warp
from training.data.manifest import Row, read, root
from training.fit.epochs import Batch, Epoch, callbacks, one_cycle
from training.networks import devices
from training.networks.vgg16 import unet
from training.progress import progress
from xray.io import image
from xray.networks import lungs

Images = NDArray[np.uint8]


class SegmentConfig(Choices, frozen=True):
    """Choices of this step; see configs/lungs.toml."""

    epochs: int
    batch: int
    peak_learning_rate: float
    weight_decay: float
    seed: int
    filters: tuple[int, ...]
    augmentation: Augmentation


class Pairs(Epoch):
    """Epochs of augmented radiographs with their masks, each in a new order."""

    def __init__(self, images: Images, masks: Images, config: SegmentConfig, epoch: int) -> None:
        """Draw the first epoch; everything random follows from seed and epoch.

        Args:
            images: uint8, shape (n, 128, 128).
            masks: of the same shape, 255 inside the lungs.
            config: the choices.
            epoch: number of the first epoch.
        """
        self.images, self.masks, self.augmentation = images, masks, config.augmentation
        count = len(images)
        super().__init__(lambda seed: np.random.default_rng(seed).permutation(count), config.seed, epoch, config.batch)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch: inputs and masks, each (batch, 128, 128, 1)."""
        rng = np.random.default_rng((*self.seed, index))
        pairs = [self._augment(i, rng) for i in self.chosen(index)[0]]
        inputs, masks = zip(*pairs, strict=True)
        return np.stack(inputs), np.stack(masks)

    def _augment(self, i: np.intp, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        matrix = transform(lungs.SIZE, lungs.SIZE, self.augmentation, rng)
        image = expose(warp(self.images[i], matrix, lungs.SIZE), self.augmentation, rng)
        mask = warp(self.masks[i], matrix, lungs.SIZE) > 127
        return lungs.network_input(np.rint(image).astype(np.uint8)), mask[..., None].astype(np.float32)


def binary_cross_entropy_and_dice(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Return the mean of both losses; the soft Dice is taken over the batch."""
    cross_entropy = ops.mean(keras.losses.binary_crossentropy(y_true, y_pred))
    overlap = 2.0 * ops.sum(y_true * y_pred) + 1.0
    return cross_entropy + 1.0 - overlap / (ops.sum(y_true) + ops.sum(y_pred) + 1.0)


def dice(y_true: NDArray[np.bool_], y_pred: NDArray[np.bool_]) -> float:
    """Return the Dice coefficient of two masks, 0 to 1; 1 where both are empty."""
    total = int(y_true.sum()) + int(y_pred.sum())
    return 1.0 if total == 0 else 2.0 * float(np.logical_and(y_true, y_pred).sum()) / total


def read_pairs(rows: list[Row], folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read radiographs and masks, squashed to 128×128; each uint8 (n, 128, 128)."""
    size = (lungs.SIZE, lungs.SIZE)
    pictures, masks = [], []
    for row in progress(rows, "read", len(rows)):
        pictures.append(
            cv2.resize(image.load((folder / row.path).read_bytes()).image, size, interpolation=cv2.INTER_AREA)
        )
        masks.append(cv2.resize(image.load((folder / row.mask).read_bytes()).image, size, interpolation=cv2.INTER_AREA))
    return np.stack(pictures), np.stack(masks)


def mean_dice(model: keras.Model, pictures: NDArray[np.uint8], masks: NDArray[np.uint8]) -> float:
    """Return the mean Dice of the masks as served (two lungs, no holes) at 128×128."""
    inputs = np.stack([lungs.network_input(picture) for picture in pictures])
    outputs = model.predict(inputs, batch_size=64, verbose=0)[..., 0]
    size = (lungs.SIZE, lungs.SIZE)
    found = [lungs.mask_from_output(output, size) for output in outputs]
    return float(np.mean([dice(mask > 127, each) for mask, each in zip(masks, found, strict=True)]))


def train(config: SegmentConfig, manifest: Path, folder: Path) -> None:
    """Train, or go on with, the U-Net; keep the epoch with the best validation Dice."""
    runs.start(folder, config, manifest)
    rows = [row for row in read(manifest) if row.mask]
    train_split, val, test = (
        read_pairs([row for row in rows if row.split == split], root(manifest)) for split in ("train", "val", "test")
    )
    done = runs.history(folder)
    model = _model(config, len(train_split[0]), folder)
    best = keras.callbacks.ModelCheckpoint(
        folder / "best.keras", "val_dice", save_best_only=True, mode="max",
        initial_value_threshold=max((epoch["val_dice"] for epoch in done), default=0.0),
    )  # fmt: skip
    model.fit(
        Pairs(*train_split, config, len(done)), epochs=config.epochs, initial_epoch=len(done), shuffle=False, verbose=2,
        callbacks=[*callbacks(folder, lambda: {"val_dice": mean_dice(model, *val)}), best],
    )  # fmt: skip
    chosen = keras.models.load_model(folder / "best.keras", compile=False)
    result = {"dice": mean_dice(chosen, *test), "pictures": len(test[0])}
    runs.write_json(folder / "test.json", result)
    print(f"Dice on {result['pictures']} radiographs of patients kept apart: {result['dice']:.4f}")


def _model(config: SegmentConfig, radiographs: int, folder: Path) -> keras.Model:
    """Return the U-Net of the last finished epoch, or a new one for so many training radiographs."""
    if runs.history(folder):
        model = keras.models.load_model(
            folder / "last.keras", custom_objects={"binary_cross_entropy_and_dice": binary_cross_entropy_and_dice}
        )
        model.jit_compile = devices.uses_xla()
        return model
    keras.utils.set_random_seed(config.seed)
    model = unet(lungs.SIZE, config.filters)
    cycle = one_cycle(config.peak_learning_rate, config.epochs * (radiographs // config.batch))
    optimizer = keras.optimizers.AdamW(cycle, weight_decay=config.weight_decay)
    model.compile(optimizer, binary_cross_entropy_and_dice, jit_compile=devices.uses_xla())
    return model


def run(args: argparse.Namespace) -> None:
    """Train the U-Net of a configuration."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    train(load(args.config, SegmentConfig), args.manifest, args.run)
