"""Pretrain the VGG16 backbone on radiographs: `python -m training backbone`.

Nobody needs ImageNet weights. Two tasks share the convolutions. `logits` tells covid, normal and pneumonia
apart in all radiographs; `within` tells findings apart among those that the radiograph's own source has, so that
to know the hospital helps nothing, and a source with a single class teaches nothing.

Writes runs/backbone/: config.json, history.csv with the accuracy of each class and source, last.keras (for
resuming) and vgg16.weights.h5, which `keras.applications.VGG16(include_top=False)` loads.
"""

import argparse
from pathlib import Path

import keras
import msgspec
import numpy as np
from keras import ops

from training import run as runs
from training.config import REPOSITORY, load
from training.data.augment import Augmentation, changed
from training.data.crops import Crops, crops
from training.fit.backbone_data import Draws, Findings, PretrainConfig, Stage, Workers
from training.fit.epochs import callbacks, one_cycle
from training.networks import devices
from training.networks.litert import vgg16_from
from training.networks.vgg16 import fold, freeze, unfold, vgg16_batch_norm
from xray.errors import DatasetError
from xray.networks.preprocess import LUNG_BOX, Recipe

VAL_PICTURES = 60  # of each class and source, after every epoch
START_PICTURES = 192  # that measure the batch norm's statistics where training goes on from a plain network


@keras.saving.register_keras_serializable("training")
class WithinSource(keras.losses.Loss):
    """Cross-entropy among the findings that a radiograph's own source has.

    Expects targets of shape (batch, 2 x findings): the finding one-hot, then 1 for each possible one.
    """

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        """Return the loss of each radiograph, shape (batch,); 0 where there is but one possibility."""
        finding, possible = ops.split(y_true, 2, axis=-1)
        return -ops.sum(finding * ops.log_softmax(y_pred - 1e9 * (1.0 - possible), axis=-1), axis=-1)


def validate(
    model: keras.Model, data: Crops, findings: Findings, config: PretrainConfig, size: int
) -> dict[str, float]:
    """Return the accuracies on at most VAL_PICTURES validation radiographs of each class and source.

    `val_balanced_accuracy` is over classes; `val_within` over the sources that have several findings.
    """
    cells: dict[str, list[int]] = {}
    for i in data.where(split="val"):
        cells.setdefault(f"{data.rows[i].label}_{data.rows[i].source}", []).append(int(i))
    chosen = np.concatenate([of[:VAL_PICTURES] for _, of in sorted(cells.items())])
    inputs = changed(data.images, chosen, size, Augmentation(), (0,))
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


def train(config: PretrainConfig, manifest: Path, folder: Path, workers: int = 1) -> None:
    """Train, or go on with, the backbone; fold and save it at the end.

    Every process of several reads the run's folder, and the first one writes it.

    Args:
        config: the choices.
        manifest: of the radiographs.
        folder: of the run.
        workers: processes that change the radiographs; 1 for this one.

    Raises:
        DatasetError: the devices cannot share a batch evenly, or a process died.
    """
    for stage in config.stages:
        if stage.batch % devices.count():
            raise DatasetError(
                f"Expected batches that {devices.count()} devices can share evenly. Received: {stage.batch} in the "
                f"stage with {stage.size} px. Change --devices, or `batch` in a configuration with a --run of its own."
            )
    writes = devices.share()[0] == 0
    if writes:
        runs.start(folder, config, manifest)
    data = crops(manifest, Recipe(LUNG_BOX, config.crop_size))
    findings, pool = Findings.of(data.rows), Workers(data.images, workers)
    model = _model(config, data, findings, folder)
    done, first = len(runs.history(folder)), 0
    for stage in config.stages:
        last, begun = first + stage.epochs, max(done, first)
        if begun < last:
            freeze(model, stage.frozen_blocks)
            compile_stage(model, config, stage, begun - first)
            draws = Draws(data, findings, config, stage, begun, pool)
            then = _callbacks(model, data, findings, config, stage, folder) if writes else []
            verbose = 2 if writes else 0
            model.fit(draws, epochs=last, initial_epoch=begun, shuffle=False, verbose=verbose, callbacks=then)
        first = last
    pool.close()
    if writes:
        with devices.alone():
            fold(model).save_weights(folder / "vgg16.weights.h5")


def _callbacks(
    model: keras.Model, data: Crops, findings: Findings, config: PretrainConfig, stage: Stage, folder: Path
) -> list[keras.callbacks.Callback]:
    judged = _on_one_device(model)

    def measure() -> dict[str, float]:
        judged.set_weights(model.get_weights())
        with devices.alone():
            return {"size": stage.size, **validate(judged, data, findings, config, stage.size)}

    return callbacks(folder, measure)


def _on_one_device(model: keras.Model) -> keras.Model:
    """Return a copy of the model that knows no other device, where several share it.

    Validation radiographs seldom divide evenly among them.
    """
    if devices.count() == 1:
        return model
    with devices.alone():
        return keras.models.clone_model(model)


def _model(config: PretrainConfig, data: Crops, findings: Findings, folder: Path) -> keras.Model:
    """Return the model of the last finished epoch, or a new one."""
    keras.utils.set_random_seed(config.seed)
    model = vgg16_batch_norm({"logits": len(config.classes), "within": len(findings.names)}, config.dropout)
    if runs.history(folder):
        # Not load_model: the precision is the one that was asked for now.
        model.load_weights(folder / "last.keras")
    elif config.start:
        with devices.alone():  # every process sees all of these radiographs
            first = msgspec.structs.replace(config.stages[0], batch=START_PICTURES)
            inputs, _ = Draws(data, findings, config, first, 0, Workers(data.images))[0]
            unfold(vgg16_from(REPOSITORY / config.start), model, inputs)
    return model


def compile_stage(model: keras.Model, config: PretrainConfig, stage: Stage, done: int) -> None:
    """Set optimiser and losses; a stage starts without momentum, and so does one that goes on after `done` epochs."""
    steps = stage.pictures // stage.batch
    cycle = one_cycle(stage.peak_learning_rate, stage.epochs * steps)
    optimizer = keras.optimizers.SGD(cycle, momentum=0.9, nesterov=True, weight_decay=config.weight_decay)
    optimizer.iterations.assign(done * steps)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    losses = {
        "logits": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing),
        "within": WithinSource(),
    }
    weights = {"logits": 1.0, "within": config.within_source_weight}
    model.compile(optimizer, losses, loss_weights=weights, jit_compile=devices.uses_xla())


def run(args: argparse.Namespace) -> None:
    """Pretrain the backbone of a configuration."""
    devices.use(args.devices, args.precision)
    train(load(args.config, PretrainConfig), args.manifest, args.run, devices.workers(args.workers))
