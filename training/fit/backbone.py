"""Train the VGG16 backbone on radiographs: `python -m training backbone`.

It starts from ImageNet's weights. Two tasks share the convolutions: each radiograph is asked what its own source can
tell (`training.fit.questions`), so that to know the hospital helps nothing, and a 1×1 convolution on block5_conv3
learns where radiologists marked opacities.

Writes runs/backbone/: config.json, history.csv with figures of validation radiographs, last.keras (for resuming) and
vgg16.weights.h5, which `keras.applications.VGG16(include_top=False)` loads.
"""

import argparse
from functools import partial
from itertools import combinations
from pathlib import Path

import keras
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from training import run as runs
from training.config import RUNS, load
from training.data import opacities
from training.data.augment import Augmentation, changed, moved
from training.data.crops import crops
from training.data.manifest import hospital, root
from training.fit.backbone_data import BackboneConfig, Draws, Lessons, Stage, Workers
from training.fit.epochs import Average, callbacks, one_cycle
from training.fit.features import LEFT_OUT, is_served, vgg16_with
from training.fit.questions import Answers, Opacity, Questionnaire
from training.fit.views import AP, PA, estimated
from training.metrics.discrimination import roc_auc
from training.networks import devices
from training.networks.vgg16 import (
    IMAGENET_SPREAD,
    freeze,
    start_from,
    three_channels,
    vgg16,
    vgg16_radiographs,
)  # fmt: skip
from xray.errors import DatasetError
from xray.networks.preprocess import LUNG_BOX, Recipe

RANDOM = "random"
CLIP = 5.0  # of the gradient's norm


def lessons(config: BackboneConfig, manifest: Path, plain: keras.Model, spread: float) -> Lessons:
    """Read all that the backbone can learn from, views estimated where the configuration asks for it.

    Args:
        config: the choices. Of a source without a share nothing is used, not even its views or its boxes.
        manifest: of the radiographs.
        plain: the network to start from.
        spread: deviation of the inputs that it knows.
    """
    data = crops(manifest, Recipe(LUNG_BOX, config.crop_size))
    used = np.array([config.shares.get(row.source, 0.0) > 0 for row in data.rows])
    asked = used & [row.source in config.estimated_views for row in data.rows]
    views = estimated(data, np.flatnonzero(used), np.flatnonzero(asked), plain, spread)
    questionnaire = Questionnaire(config.questions)
    targets = questionnaire.targets(data.rows, config.label_smoothing)
    boxes = opacities.read(root(manifest))
    marked = used & opacities.known(data.rows, boxes)
    if not any(row.path in boxes for row, here in zip(data.rows, used, strict=True) if here):
        marked[:] = False  # with normal radiographs alone the map would learn to be empty
    return Lessons(data, views, questionnaire, targets, boxes, marked)


def without(config: BackboneConfig, source: str) -> BackboneConfig:
    """Return the configuration without any radiograph of a source's hospital.

    Raises:
        DatasetError: it draws no radiograph of the source.
    """
    if source not in config.shares:
        raise DatasetError(f"Expected --left-out as one of {', '.join(config.shares)}. Received: {source}.")
    gone = [each for each in config.shares if hospital(each) == hospital(source)]
    left = {each: share for each, share in config.shares.items() if each not in gone}
    whole = sum(left.values())
    asked = [
        replace(each, sources={name: weight for name, weight in each.sources.items() if name not in gone})
        for each in config.questions
    ]
    return replace(
        config,
        shares={each: share / whole for each, share in left.items()},
        estimated_views=tuple(each for each in config.estimated_views if each not in gone),
        questions=tuple(each for each in asked if each.sources),
    )


def train(config: BackboneConfig, manifest: Path, folder: Path, workers: int = 1) -> None:
    """Train, or go on with, the backbone; save it at the end.

    Every process of several reads the run's folder, and the first one writes it.

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
    with devices.alone():  # every process sees all of these radiographs
        plain, spread = _start(config)
        known = lessons(config, manifest, plain, spread)
    pool = Workers(known.data.images, known.data.lungs, workers)
    model = _model(config, known.questionnaire, folder, plain, spread)
    done, first = len(runs.history(folder)), 0
    for stage in config.stages:
        last, begun = first + stage.epochs, max(done, first)
        if begun < last:
            freeze(model, stage.frozen_blocks)
            compile_stage(model, config, stage, begun - first)
            draws = Draws(known, config, stage, begun, pool)
            then = [Average(config.average)]
            then += callbacks(folder, _measure(model, known, config, stage)) if writes else []
            verbose = 2 if writes else 0
            model.fit(draws, epochs=last, initial_epoch=begun, shuffle=False, verbose=verbose, callbacks=then)
        first = last
    pool.close()
    if writes:
        with devices.alone():
            three_channels(model).save_weights(folder / "vgg16.weights.h5")


def _start(config: BackboneConfig) -> tuple[keras.Model, float]:
    """Return the plain network to start from, and the deviation of the inputs that it knows."""
    if config.start == RANDOM:
        keras.utils.set_random_seed(config.seed)
        return vgg16(None), 1.0
    plain = vgg16_with(config.start, config.stages[0].size)
    return plain, 1.0 if is_served(config.start) else IMAGENET_SPREAD


def _model(
    config: BackboneConfig, questionnaire: Questionnaire, folder: Path, plain: keras.Model, spread: float
) -> keras.Model:
    """Return the model of the last finished epoch, or a new one that starts from a plain network."""
    keras.utils.set_random_seed(config.seed)
    model = vgg16_radiographs(questionnaire.size, config.dropout)
    if runs.history(folder):
        # Not load_model: the precision is the one that was asked for now.
        model.load_weights(folder / "last.keras")
    else:
        start_from(plain, model, spread)
    return model


def compile_stage(model: keras.Model, config: BackboneConfig, stage: Stage, done: int) -> None:
    """Set optimiser and losses; a stage starts without momentum, and so does one that goes on after `done` epochs."""
    steps = stage.pictures // stage.batch
    cycle = one_cycle(stage.peak_learning_rate, stage.epochs * steps)
    optimizer = keras.optimizers.AdamW(cycle, weight_decay=config.weight_decay, global_clipnorm=CLIP)
    optimizer.iterations.assign(done * steps)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    losses = {"answers": Answers([len(each.answers) for each in config.questions]), "opacity": Opacity()}
    weights = {"answers": 1.0, "opacity": config.opacity_weight}
    model.compile(optimizer, losses, loss_weights=weights, jit_compile=devices.uses_xla())


def _measure(model: keras.Model, known: Lessons, config: BackboneConfig, stage: Stage) -> partial[dict[str, float]]:
    return partial(measured, _on_one_device(model), model, known, config, stage.size)


def measured(
    judged: keras.Model, model: keras.Model, known: Lessons, config: BackboneConfig, size: int
) -> dict[str, float]:
    """Return figures of validation radiographs: ROC AUCs inside sources, AP and PA apart, and of the opacity map."""
    judged.set_weights(model.get_weights())
    asked = {source for each in config.questions for source in each.sources}
    rows = known.data.rows
    chosen = np.array(
        [i for i in known.data.where(split="val") if rows[i].source in asked and rows[i].label in config.labels]
    )
    with devices.alone():
        inputs = changed(known.data.images, chosen, size, Augmentation(), (0,))
        logits = judged.predict(inputs, batch_size=32, verbose=0)
    return {
        "size": size,
        **answered(logits["answers"], known, chosen),
        **located(logits["opacity"], known, chosen, size),
    }


def answered(logits: NDArray[np.float32], known: Lessons, chosen: NDArray[np.intp]) -> dict[str, float]:
    """Return the ROC AUC of each pair of answers of each question in each source, and in each of its views."""
    rows, found = [known.data.rows[i] for i in chosen], {}
    views, sources = known.views[chosen], np.array([row.source for row in rows])
    for question in known.questionnaire.questions:
        own = logits[:, known.questionnaire.columns(question.name)]
        allowed = np.array([question.allowed(row) for row in rows])
        for source in question.sources:
            for view in ("", AP, PA):
                here = (sources == source) & ((views == view) if view else True)
                for one, other in combinations(range(len(question.answers)), 2):
                    truth = allowed[here]
                    pair = (truth.sum(axis=1) == 1) & (truth[:, one] | truth[:, other])
                    positive = truth[pair, other]
                    if 0 < positive.sum() < len(positive):
                        name = f"val_{question.name}_{source}{view and f'_{view}'}"
                        name += f"_{question.answers[one]}_{question.answers[other]}"
                        found[name] = float(roc_auc(positive, (own[here][pair, other] - own[here][pair, one])))
    return found


def located(logits: NDArray[np.float32], known: Lessons, chosen: NDArray[np.intp], size: int) -> dict[str, float]:
    """Return the opacity map's ROC AUC over places, and how often its peak lies inside a box."""
    grid = size // opacities.STRIDE
    with_boxes = [place for place, i in enumerate(chosen) if known.data.rows[i].path in known.boxes]
    if not with_boxes:
        return {}
    masks = np.stack([opacities.mask(known.data, int(chosen[place]), known.boxes) for place in with_boxes])
    truth = np.stack([moved(mask, size, grid, Augmentation(), (0,)) for mask in masks]).reshape(len(masks), -1)
    scores = logits[with_boxes].reshape(len(masks), -1)
    peaks = truth[np.arange(len(truth)), scores.argmax(axis=1)]
    return {
        "val_opacity_auc": float(roc_auc((truth >= 0.5).ravel(), scores.ravel())),
        "val_opacity_peak": float((peaks >= 0.5).mean()),
    }


def _on_one_device(model: keras.Model) -> keras.Model:
    """Return a copy of the model that knows no other device, where several share it.

    Validation radiographs seldom divide evenly among them.
    """
    if devices.count() == 1:
        return model
    with devices.alone():
        return keras.models.clone_model(model)


def run(args: argparse.Namespace) -> None:
    """Train the backbone of a configuration."""
    devices.use(args.devices, args.precision)
    config = load(args.config, BackboneConfig)
    if args.weights:
        config = replace(config, start=args.weights)
    if args.left_out:
        config = without(config, args.left_out)
    folder = args.run or (LEFT_OUT / args.left_out if args.left_out else RUNS / "backbone")
    train(config, args.manifest, folder, devices.workers(args.workers))
