"""Write the artefacts that are served: `python -m training export lungs|backbone|head NAME|screen|opacity`.

Each artefact is a folder of model/: the network or head, metadata.json, and the card README.md. Its parity check (Keras
in float32 against what is served, on radiographs of the test split) is in the metadata.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from training import run as runs
from training.config import MODELS, RUNS
from training.data.crops import Crops, crops
from training.data.manifest import read, root
from training.evaluate import artefact, targets
from training.evaluate.artefact import record_of
from training.fit import features
from training.fit.head_config import UNKNOWN, HeadConfig, shown
from training.fit.segment import dice, mean_dice, read_pairs
from training.networks import litert
from training.networks.vgg16 import FEATURE_LAYER, feature_shape, unet
from training.networks.vgg16 import features as cut
from training.progress import progress
from xray.errors import DatasetError
from xray.networks import lungs
from xray.networks.heads import Features, Head, average
from xray.networks.preprocess import Recipe, scale
from xray.networks.runtime import Network
from xray.registry import BACKBONE, made_for

Json = dict[str, Any]
# Radiographs of the parity checks.
BACKBONE_RADIOGRAPHS, HEAD_RADIOGRAPHS = 100, 300


def _export_lungs(folder: Path, manifest: Path) -> None:
    """Write model/lung_unet, with its Dice coefficient on the masks of the test split."""
    record = record_of(folder)
    trained = keras.models.load_model(_finished(folder / "best.keras", "segment"), compile=False)
    # Rebuilt in float32: it was trained in mixed precision.
    model = unet(lungs.SIZE, tuple(record["config"]["filters"]))
    model.set_weights(trained.get_weights())
    content = litert.convert(model)
    rows = [row for row in read(manifest) if row.mask and row.split == "test"]
    images, masks = read_pairs(rows, root(manifest))
    served = Network(_kept(folder, content))
    found = [lungs.segment(image, served) for image in images]
    reached = float(np.mean([dice(mask > 127, each) for mask, each in zip(masks, found, strict=True)]))
    artefact.write(
        MODELS / "lung_unet", "segmentation", "Lung segmentation", ("network.tflite", content),
        {"input_shape": [lungs.SIZE, lungs.SIZE, 1], "threshold": lungs.THRESHOLD},
        metrics={
            "dice": reached, "pictures": len(rows), "patients": len({row.patient_id for row in rows}), "split": "test",
        },
        training=record,
        parity={"pictures": len(rows), "dice_keras": mean_dice(model, images, masks), "dice_served": reached},
    )  # fmt: skip


def _export_backbone(folder: Path, manifest: Path, recipe: Recipe, weights: str, name: str) -> None:
    """Write a VGG16 without its classifier, from its run or from other weights (see `features.vgg16_with`)."""
    model = cut(features.vgg16_with(weights, recipe.size))
    content = litert.convert(model)
    own = (folder / "history.csv").exists() and weights == str(_trained_weights(folder))
    record = record_of(folder) if own else {"weights": weights}
    metrics: Json = runs.history(folder)[-1] if own else {}
    title = "VGG16 trained on radiographs"
    if "teacher" in record.get("config", {}):
        title = "VGG16 with fewer channels, taught by the whole one"
        metrics = {key.replace("val_", "missed_"): value for key, value in metrics.items()}
        metrics |= {"beside": targets.beside(name)}
    artefact.write(
        MODELS / name, "backbone", title, ("network.tflite", content),
        {
            "recipe": asdict(recipe), "input_shape": [recipe.size, recipe.size, 3],
            "feature_shape": list(feature_shape(recipe)), "feature_layer": FEATURE_LAYER,
        },
        metrics=metrics,
        training=record,
        parity=_backbone_parity(model, Network(_kept(folder, content)), crops(manifest, recipe), recipe),
    )  # fmt: skip


def export_head(folder: Path, manifest: Path, backbone: str, float_weights: str) -> None:
    """Write model/<name>, or model/<backbone>/<name>, of the run of a head, which must have been evaluated.

    `float_weights` are those of the same backbone in float32, for the parity check.

    Raises:
        DatasetError: the run was not evaluated, or models 1 and 2 were not audited.
    """
    record = record_of(folder)
    report = _finished(folder / "report.json", f"evaluate {record['config']['name']}")
    config = msgspec.convert(record["config"], HeadConfig)
    metrics: Json = json.loads(report.read_text(encoding="utf-8"))["metrics"]
    audit = artefact.audit_folder(folder, record, backbone) / "report.json"
    metrics["audit"] = audited(config.name, audit, record["manifest_sha256"])
    head = artefact.head_of(folder, backbone)
    served = Network(features.served(backbone))
    data = crops(manifest, config.recipe)
    artefact.write(
        made_for(MODELS, backbone) / config.name, "head", config.title,
        ("head.npz", (folder / "head.npz").read_bytes()), artefact.head_facts(folder, backbone),
        metrics=metrics,
        training=record,
        parity=head_parity(head, data, config, served, float_weights),
    )  # fmt: skip


def audited(name: str, path: Path, manifest_sha256: str) -> Json | None:
    """Return what the audit measured of one head; None where it was not audited.

    Raises:
        DatasetError: an audit of other data.
    """
    report: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"models": {}}
    found: Json | None = report["models"].get(name)
    if found and report["manifest_sha256"] != manifest_sha256:
        raise DatasetError(
            f"Expected {path} of the run's manifest. Received another's. Run `python -m training audit`."
        )
    return found


def _export_screen(folder: Path, backbone: str) -> None:
    """Write model/screen, or the screen of another backbone into that one's folder."""
    report = json.loads(_finished(folder / "report.json", "out-of-distribution").read_text(encoding="utf-8"))
    artefact.write(
        made_for(MODELS, backbone) / "screen", "screen", "Screen of pictures",
        ("screen.npz", (folder / "screen.npz").read_bytes()),
        {**artefact.backbone_facts(backbone), "checks": report["checks"]},
        metrics=report["figures"],
        training=record_of(folder),
        parity={},
    )  # fmt: skip


def _export_opacity(folder: Path, backbone: str) -> None:
    """Write model/opacity, or the opacity map of another backbone into that one's folder."""
    report = json.loads(_finished(folder / "report.json", "opacity").read_text(encoding="utf-8"))
    numbers = {name: report.pop(name) for name in ("threshold", "extent_slope", "extent_intercept")}
    artefact.write(
        made_for(MODELS, backbone) / "opacity", "opacity", artefact.OPACITY_TITLE,
        ("opacity.npz", (folder / "opacity.npz").read_bytes()), {**artefact.backbone_facts(backbone), **numbers},
        metrics=report,
        training=record_of(folder),
        parity={},
    )  # fmt: skip


def _backbone_parity(model: keras.Model, served: Network, data: Crops, recipe: Recipe) -> dict[str, float]:
    """Compare the averaged features of Keras and of the served 8 bits by their cosine similarity."""
    chosen = _sample(np.flatnonzero([row.split == "test" for row in data.rows]), BACKBONE_RADIOGRAPHS)
    inputs = [scale(data.images[i], recipe)[None] for i in progress(chosen, "parity", len(chosen))]
    cosine = [_cosine(average(np.asarray(model(x, training=False))[0]), average(served(x)[0])) for x in inputs]
    return {
        "pictures": len(cosine),
        "cosine_median": float(np.median(cosine)),
        "cosine_min": float(np.min(cosine)),
    }


def head_parity(head: Head, data: Crops, config: HeadConfig, served: Network, float_weights: str) -> dict[str, float]:
    """Compare scores and verdicts on the 8-bit backbone with those on the float32 one in Keras.

    `float_weights` are as `features.vgg16_with` takes them.
    """
    kept = cut(features.vgg16_with(float_weights, config.recipe.size))
    known = (shown(data.rows, config) != UNKNOWN).any(axis=1)
    chosen = _sample(np.flatnonzero(known & [row.split == "test" for row in data.rows]), HEAD_RADIOGRAPHS)
    pairs: list[tuple[Features, Features]] = []
    for i in progress(chosen, "parity", len(chosen)):
        x = scale(data.images[i], config.recipe)[None]
        pairs.append((np.asarray(kept(x, training=False))[0], served(x)[0]))
    own = head.facts.labels.index(head.facts.positive)
    exact, eight_bit = (np.array([head.scores(each) for each in side]) for side in zip(*pairs, strict=True))
    verdicts = [[tuple(each.verdict for each in head.judge(side)) for side in pair] for pair in pairs]
    difference = np.abs(exact - eight_bit).max(axis=1)
    above = [scores[:, own] >= head.facts.point.threshold for scores in (exact, eight_bit)]
    return {
        "pictures": len(chosen),
        "same_verdict": float(np.mean([one == other for one, other in verdicts])),
        "same_side_of_threshold": float(np.mean(above[0] == above[1])),
        "score_difference_median": float(np.median(difference)),
        "score_difference_max": float(difference.max()),
    }


def _sample(test: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return some positions of the test split, the same each time."""
    return np.random.default_rng(0).choice(test, min(count, len(test)), replace=False)


def _cosine(a: Features, b: Features) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))


def _finished(path: Path, step: str) -> Path:
    """Return a file that a step ends with.

    Raises:
        DatasetError: the step has not ended.
    """
    if not path.exists():
        raise DatasetError(f"Expected {path}. Received: no such file. Run `python -m training {step}`.")
    return path


def _trained_weights(folder: Path) -> Path:
    """Return what the run of a backbone ended with, in float32."""
    slim = folder / "network.keras"
    return slim if slim.exists() else folder / "vgg16.weights.h5"


def _float_weights(backbone: str) -> str:
    """Return what a head is compared on: its backbone in float32, or else the shipped one, dequantised."""
    trained = _trained_weights(_backbone_run(backbone))
    if trained.exists():
        return str(trained)
    return backbone


def _kept(folder: Path, content: bytes) -> Path:
    """Write a converted network beside its run, where it can be loaded for the parity check."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "network.tflite"
    path.write_bytes(content)
    return path


def _backbone_run(name: str) -> Path:
    return RUNS / "backbone" if name == BACKBONE else RUNS / name


def run(args: argparse.Namespace) -> None:
    """Write the artefact that the command line names."""
    folder = args.run or _default_run(args.what, args.name, args.backbone)
    if args.what == "opacity":
        _export_opacity(folder, args.backbone)
    elif args.what == "screen":
        _export_screen(folder, args.backbone)
    elif args.what == "backbone":
        weights = args.weights or str(_trained_weights(folder))
        known = json.loads(record.read_text("utf-8")) if (record := folder / "config.json").exists() else {}
        recipe = Recipe(args.recipe, args.size)
        _export_backbone(folder, runs.manifest_of(known, args.manifest), recipe, weights, args.backbone)
    else:
        manifest = runs.manifest_of(record_of(folder), args.manifest)
        if args.what == "lungs":
            _export_lungs(folder, manifest)
        else:
            export_head(folder, manifest, args.backbone, args.weights or _float_weights(args.backbone))


def _default_run(what: str, name: str | None, backbone: str) -> Path:
    """Return the run that an artefact comes from, where the command line names none.

    Raises:
        DatasetError: of which head it is to be, nobody said.
    """
    if what == "lungs":
        return RUNS / "lungs"
    if what == "backbone":
        return _backbone_run(backbone)
    if what == "head" and not name:
        known = sorted(path.parent.name for path in made_for(RUNS, backbone).glob("*/head.json"))
        raise DatasetError(f"Expected the name of a head: {', '.join(known) or 'there is none yet'}. Received: none.")
    return features.run_folder(name if what == "head" and name else what, backbone)
