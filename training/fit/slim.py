"""Make a slimmer backbone of the served one: `python -m training slim`.

Channels that weigh least in the next layer are removed (`training.networks.prune`), then what is left learns to give
the whole network's block5_conv3 features of augmented train radiographs. No label is used.

Writes runs/vgg16_slim/: config.json, history.csv, last.keras (for resuming) and network.keras, which
`export --backbone vgg16_slim backbone` serves.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from training import run as runs
from training.config import REPOSITORY, Choices, load
from training.data.augment import Augmentation, changed
from training.data.crops import Crops, crops
from training.fit.epochs import Batch, Epoch, callbacks, one_cycle
from training.networks import devices, litert
from training.networks.prune import prune
from training.networks.vgg16 import Plan, convolutions, features, vgg16
from xray.networks.heads import average
from xray.networks.preprocess import LUNG_BOX, Recipe
from xray.networks.runtime import Network

VAL_STEP = 4  # every so many validation radiographs are judged after an epoch
# Seed of the radiographs by which channels are chosen; no epoch has it.
START = 1_000_000

Array = NDArray[np.float32]


class Stage(Choices, frozen=True):
    """A part of the training with one image size in pixels."""

    size: int
    epochs: int
    pictures: int  # an epoch
    batch: int


class SlimConfig(Choices, frozen=True):
    """Choices of this step; see configs/slim.toml."""

    name: str
    teacher: str  # network.tflite of a backbone, relative to the repository
    plan: Plan
    crop_size: int
    start_pictures: int
    peak_learning_rate: float
    map_weight: float
    seed: int
    stages: tuple[Stage, ...]
    augmentation: Augmentation


@dataclass(frozen=True)
class Units:
    """What features are measured in: one unit for all channels, as their own size says which of them count.

    Of the served backbone's averaged features, five directions hold 88 % of the variance and all that heads rank by.

    Attributes:
        scale: the averaged features' deviation over radiographs, root mean square over channels.
        place: variance of the features over radiographs and places, in units of `scale`.
    """

    scale: float
    place: float

    @classmethod
    def of(cls, maps: Array) -> "Units":
        """Measure them in features of shape (n, height, width, channels)."""
        scale = float(np.sqrt(averages(maps).var(axis=0).mean()))
        return cls(scale, float((maps / scale).var(axis=(0, 1, 2)).mean()))


@keras.saving.register_keras_serializable("training")
class Unexplained(keras.losses.Loss):
    """How much of the teacher's averaged features is missed, and, weighted, of its features at each place."""

    def __init__(self, map_weight: float, place: float, name: str = "unexplained", **more: object) -> None:
        """Remember the weight and `Units.place`."""
        super().__init__(name=name, **more)
        self.map_weight, self.place = map_weight, place

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each radiograph, shape (batch,)."""
        y_pred = ops.cast(y_pred, "float32")
        theirs, ours = (ops.mean(ops.max_pool(each, 2, 2), axis=(1, 2)) for each in (y_true, y_pred))
        averaged = ops.mean(ops.square(theirs - ours), axis=-1)
        everywhere = ops.mean(ops.square(y_true - y_pred), axis=(1, 2, 3))
        # The features of some radiographs, half erased, are missed by far more: the logarithm lets the others count.
        return ops.log1p(averaged + self.map_weight / self.place * everywhere)

    def get_config(self) -> dict[str, object]:
        """Return what `last.keras` keeps."""
        return {**super().get_config(), "map_weight": self.map_weight, "place": self.place}


class Lessons(Epoch):
    """Epochs of augmented crops with what the teacher makes of each."""

    def __init__(
        self, data: Crops, config: SlimConfig, stage: Stage, epoch: int, teacher: Network, units: Units
    ) -> None:
        """Draw the first epoch; everything random follows from seed and epoch.

        Args:
            data: the crops.
            config: the choices.
            stage: the part of the training.
            epoch: number of the first epoch.
            teacher: for inputs of the stage's size.
            units: of the features.
        """
        self.data, self.config, self.stage, self.teacher, self.units = data, config, stage, teacher, units
        super().__init__(lambda seed: data.draw(stage.pictures, seed), config.seed, epoch, stage.batch)

    def __getitem__(self, index: int) -> Batch:
        """Return one batch: inputs (batch, size, size, 3) and features (batch, size/16, size/16, channels)."""
        chosen, first = self.chosen(index)
        inputs = _inputs(self.data, chosen, self.stage.size, self.config.augmentation, self.seed, first)
        return inputs, taught(self.teacher, inputs) / self.units.scale


def _inputs(
    data: Crops, chosen: NDArray[np.intp], size: int, how: Augmentation, seed: tuple[int, ...], first: int = 0
) -> Array:
    return np.repeat(changed(data.images, chosen, size, how, seed, first), 3, axis=-1)


def taught(teacher: Network, inputs: Array) -> Array:
    """Return the teacher's features of some inputs, shape (n, size/16, size/16, channels)."""
    with ThreadPoolExecutor(2) as threads:
        return np.concatenate(list(threads.map(lambda x: teacher(x[None]), inputs)))


def judge(student: keras.Model, teacher: Network, data: Crops, size: int, units: Units) -> dict[str, float]:
    """Return which share of the teacher's features of validation radiographs the student misses; 0 is a perfect copy.

    `val_averaged` of what heads see, `val_map` of the features at each place.
    """
    chosen = data.where(split="val")[::VAL_STEP]
    inputs = _inputs(data, chosen, size, Augmentation(), (0,))
    theirs = taught(teacher, inputs) / units.scale
    ours = np.asarray(student.predict(inputs, batch_size=32, verbose=0), np.float32)
    wanted, given = averages(theirs), averages(ours)
    return {
        "size": size,
        "val_averaged": float(np.square(wanted - given).mean() / wanted.var(axis=0).mean()),
        "val_map": float(np.square(theirs - ours).mean() / theirs.var(axis=(0, 1, 2)).mean()),
    }


def averages(maps: Array) -> Array:
    """Return what heads see of features: shape (n, channels) of (n, height, width, channels)."""
    return np.stack([average(each) for each in maps])


def train(config: SlimConfig, manifest: Path, folder: Path) -> None:
    """Prune and train, or go on with, the slim backbone; save it at the end."""
    runs.start(folder, config, manifest)
    data = crops(manifest, Recipe(LUNG_BOX, config.crop_size))
    units, student = _start(config, data, folder)
    done, first = len(runs.history(folder)), 0
    for stage in config.stages:
        last, begun = first + stage.epochs, max(done, first)
        if begun < last:
            teacher = _teacher(config, stage.size, folder)
            lessons = Lessons(data, config, stage, begun, teacher, units)
            measure = partial(judge, student, teacher, data, stage.size, units)
            then = callbacks(folder, measure)
            student.fit(lessons, epochs=last, initial_epoch=begun, shuffle=False, verbose=2, callbacks=then)
        first = last
    _in_units(student, units.scale)
    runs.save_model(student, folder / "network.keras")


def _start(config: SlimConfig, data: Crops, folder: Path) -> tuple[Units, keras.Model]:
    """Return the units of the features, and the network of the last finished epoch or the pruned one."""
    size = config.stages[0].size
    chosen = data.draw(config.start_pictures, (config.seed, START))
    inputs = _inputs(data, chosen, size, config.augmentation, (config.seed, START))
    units = Units.of(taught(_teacher(config, size, folder), inputs))
    if runs.history(folder):
        student = keras.models.load_model(folder / "last.keras")
        student.jit_compile = devices.uses_xla()
        return units, student
    keras.utils.set_random_seed(config.seed)
    pruned = prune(litert.vgg16_from(REPOSITORY / config.teacher), config.plan, inputs, config.seed)
    _in_units(pruned, 1 / units.scale)
    student = _in_mixed_precision(config.plan)
    student.set_weights(pruned.get_weights())
    steps = sum(stage.epochs * (stage.pictures // stage.batch) for stage in config.stages)
    cycle = one_cycle(config.peak_learning_rate, steps)
    optimizer = keras.optimizers.SGD(cycle, momentum=0.9, nesterov=True, global_clipnorm=1.0)
    student.compile(optimizer, Unexplained(config.map_weight, units.place), jit_compile=devices.uses_xla())
    return units, student


def _teacher(config: SlimConfig, size: int, folder: Path) -> Network:
    """Return the teacher as it is served, in 8 bits, for another input size: three times faster than Keras."""
    path = folder / f"teacher_{size}.tflite"
    if not path.exists():
        path.write_bytes(litert.convert(features(litert.vgg16_from(REPOSITORY / config.teacher, size))))
    return Network(path, pool_size=2, threads=1)


def _in_mixed_precision(plan: Plan) -> keras.Model:
    """Build the network to train; the teacher stays in float32, which its conversion needs."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return features(vgg16(None, plan))
    finally:
        keras.config.set_dtype_policy(before)


def _in_units(model: keras.Model, factor: float) -> None:
    """Multiply the features of a network."""
    layer = convolutions(model)[-1]
    layer.set_weights([np.asarray(weights) * factor for weights in layer.get_weights()])


def run(args: argparse.Namespace) -> None:
    """Distil the backbone of a configuration."""
    train(load(args.config, SlimConfig), args.manifest, args.run)
