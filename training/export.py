"""Write the artefacts that are served: `python -m training.export lungs|backbone|screen|head NAME`.

Each artefact is a folder of model/: the network or head, metadata.json, and the card README.md. Its
parity check (Keras in float32 against what is served, on pictures of the test split) is in the metadata.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np

from training import run
from training.artefact import record_of, sha256, write_facts, write_file
from training.config import MODELS, RUNS
from training.data.crops import crops
from training.data.manifest import MANIFEST, read, root
from training.evaluate import audit_models, beside
from training.evaluate.parity import of_backbone, of_classes, of_head
from training.fit import features
from training.fit.segment import dice, mean_dice, read_pairs
from training.networks import litert
from training.networks.first_edition import load_weights
from training.networks.vgg16 import FEATURE_LAYER, feature_shape, unet
from training.networks.vgg16 import features as cut
from training.report import class_card, label_card
from xray.errors import DatasetError
from xray.networks import lungs, metadata
from xray.networks.heads import Head
from xray.networks.preprocess import LUNG_BOX, Recipe
from xray.networks.runtime import Network
from xray.registry import BACKBONE, made_for


def export_lungs(folder: Path, manifest: Path) -> None:
    """Write model/lung_unet from runs/lungs."""
    trained = keras.models.load_model(folder / "best.keras", compile=False)
    record = record_of(folder)
    # Rebuilt in float32: it was trained in mixed precision.
    model = unet(lungs.SIZE, tuple(record["config"]["filters"]))
    model.set_weights(trained.get_weights())
    path = write_file(MODELS / "lung_unet" / "network.tflite", litert.convert(model))
    rows = [row for row in read(manifest) if row.mask and row.split == "test"]
    pictures, masks = read_pairs(rows, root(manifest))
    served = Network(path)
    size = (lungs.SIZE, lungs.SIZE)
    found = [lungs.segment(picture, served) for picture in pictures]
    metrics = {"dice": float(np.mean([dice(m > 127, f) for m, f in zip(masks, found, strict=True)]))}
    parity = {
        "pictures": len(rows),
        "dice_keras": mean_dice(model, pictures, masks),
        "dice_served": metrics["dice"],
    }
    facts = {"input_shape": [*size, 1], "threshold": lungs.THRESHOLD}
    metrics |= {"pictures": len(rows), "patients": len({row.patient_id for row in rows}), "split": "test"}
    write_facts("lung_unet", "segmentation", "Lung segmentation", path, record, metrics, parity, facts)


def export_backbone(folder: Path, manifest: Path, recipe: Recipe, weights: str, name: str) -> None:
    """Write model/<name>, a VGG16 without its classifier, from its run or from other weights."""
    model = cut(features.vgg16_with(weights, recipe.size))
    path = write_file(features.served(name), litert.convert(model))
    parity = of_backbone(model, Network(path), crops(manifest, recipe), recipe)
    own = (folder / "history.csv").exists() and weights == str(trained_weights(folder))
    record = record_of(folder) if own else {"weights": weights}
    metrics: dict[str, Any] = run.history(folder)[-1] if own else {}
    title = "VGG16 pretrained on radiographs"
    if "teacher" in record.get("config", {}):
        title = "VGG16 with fewer channels, taught by the whole one"
        metrics = {key.replace("val_", "missed_"): value for key, value in metrics.items()}
        metrics |= {"beside": beside.rows(name)}
    side = recipe.size
    facts = {
        "recipe": asdict(recipe),
        "input_shape": [side, side, 3],
        "feature_shape": list(feature_shape(recipe)),
        "feature_layer": FEATURE_LAYER,
    }
    write_facts(name, "backbone", title, path, record, metrics, parity, facts)


def trained_weights(folder: Path) -> Path:
    """Return what the run of a backbone ended with, in float32."""
    slim = folder / "network.keras"
    return slim if slim.exists() else folder / "vgg16.weights.h5"


def _backbone_run(name: str) -> Path:
    return RUNS / "backbone" if name == BACKBONE else RUNS / name


def export_head(folder: Path, manifest: Path, backbone: str, float_weights: str) -> None:
    """Write model/<name>, or model/<backbone>/<name>, of a head's run; the run must have been evaluated."""
    record = record_of(folder)
    config: dict[str, Any] = record["config"]
    report = folder / "report.json"
    if not report.exists():
        raise DatasetError(
            f"Expected {report}. Received: no such file. Run `python -m training.evaluate.evaluate {folder}`."
        )
    if "classes" in config or "labels" in config:
        _export_classes(folder, manifest, backbone, float_weights, record)
        return
    recipe = Recipe(**config["recipe"])
    head = load_weights(folder / "head.npz", feature_shape(recipe))
    path = made_for(MODELS, backbone) / config["name"] / "head.npz"
    write_file(path, (folder / "head.npz").read_bytes())
    point = json.loads((folder / "operating_point.json").read_text(encoding="utf-8"))
    facts = {
        "backbone": backbone,
        "backbone_sha256": sha256(features.served(backbone)),
        "classes": [config["negative"], config["positive"]],
        "positive": config["positive"],
        "temperature": 1.0,
        "threshold": point["threshold"],
        "band": {"low": point["low"], "high": point["high"]},
    }
    data = crops(manifest, recipe)
    labels = (config["negative"], config["positive"])
    parity = of_head(head, data, recipe, labels, point, Network(features.served(backbone)), float_weights)
    metrics = _summary(json.loads(report.read_text(encoding="utf-8")))
    metrics |= _audited(config["name"], made_for(RUNS, backbone) / "audit" / "report.json", record["manifest_sha256"])
    write_facts(config["name"], "head", config["title"], path, record, metrics, parity, facts)


def _export_classes(folder: Path, manifest: Path, backbone: str, float_weights: str, record: dict[str, Any]) -> None:
    """Write the artefact of a head of several classes, as `export_head` does for two."""
    config, recipe = record["config"], Recipe(**record["config"]["recipe"])
    kind = "multiclass" if "classes" in config else "multilabel"
    names = [each["name"] for each in config["classes" if kind == "multiclass" else "labels"]]
    path = made_for(MODELS, backbone) / config["name"] / "head.npz"
    write_file(path, (folder / "head.npz").read_bytes())
    named = json.loads((folder / "points.json").read_text(encoding="utf-8"))
    points = [
        {"threshold": p["threshold"], "band": {"low": p["low"], "high": p["high"]}} for p in map(named.get, names)
    ]
    facts = {
        "backbone": backbone,
        "backbone_sha256": sha256(features.served(backbone)),
        "classes": names,
        "positive": config["positive"],
        "temperature": 1.0,
        "points": points,
    }
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    metrics = class_card.summary(report) if kind == "multiclass" else label_card.summary(report)
    write_facts(config["name"], kind, config["title"], path, record, metrics, {}, facts)
    # Written once without, so that what is compared is what is served.
    served = cast(metadata.HeadFacts, metadata.load(path.with_name(metadata.FILE_NAME)))
    head = Head.load(path, served, feature_shape(recipe)[2])
    parity = of_classes(head, crops(manifest, recipe), recipe, Network(features.served(backbone)), float_weights)
    write_facts(config["name"], kind, config["title"], path, record, metrics, parity, facts)


def export_screen(folder: Path, backbone: str) -> None:
    """Write model/screen, or the screen of another backbone into that one's folder, of its run."""
    record = record_of(folder)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    path = made_for(MODELS, backbone) / "screen" / "screen.npz"
    write_file(path, (folder / "screen.npz").read_bytes())
    facts = {
        "backbone": backbone,
        "backbone_sha256": sha256(features.served(backbone)),
        "checks": report["checks"],
    }
    write_facts("screen", "screen", "Screen of pictures", path, record, report["figures"], {}, facts)


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    """Keep of a report what the card and the pages show; the rest stays in the run."""
    kept = ("interval", "confounding", "test", "called_positive", "held_out", "baselines")
    kept += ("roc", "score_histograms", "verdicts")
    return {name: report[name] for name in kept}


def _audited(name: str, path: Path, manifest_sha256: str) -> dict[str, Any]:
    """Return what the audit found of one model; nothing for a model that it does not judge.

    Raises:
        DatasetError: no audit, or one of other data.
    """
    if name not in audit_models.MODELS:
        return {}
    if not path.exists():
        raise DatasetError(f"Expected {path}. Received: no such file. Run `python -m training.evaluate.audit`.")
    report = json.loads(path.read_text(encoding="utf-8"))
    if report["manifest_sha256"] != manifest_sha256:
        raise DatasetError(
            f"Expected {path} of the run's manifest. Received another's. Run `python -m training.evaluate.audit`."
        )
    own = {
        "erased": [row for row in report["erased"] if row["model"] == name],
        **{key: [row for row in report[key] if row["head"] == name] for key in ("heat", "robustness", "sanity")},
    }
    return {"audit": {"name": name, "model": report["models"][name], "together": report["together"], **own}}


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--run", type=Path, help="folder of the run (default: the artefact's own under runs/)")
    parser.add_argument(
        "--backbone", default=BACKBONE, help="the network of model/ to write, or that head and screen were trained on"
    )
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("lungs", help="runs/lungs to model/lung_unet")
    base = what.add_parser("backbone", help=f"runs/backbone to model/{BACKBONE}, or the run of another backbone")
    base.add_argument("--weights", help="imagenet or a file (default: those of the run)")
    base.add_argument("--recipe", default=LUNG_BOX, help="lung-box or whole-image")
    base.add_argument("--size", type=int, default=160, help="side of the input in pixels")
    head = what.add_parser("head", help="the run of a head to model/NAME")
    head.add_argument("name", help="for example covid_normal")
    head.add_argument("--float-weights", help="for the parity check (default: those of the backbone's run)")
    what.add_parser("screen", help="runs/screen to model/screen")
    args = parser.parse_args()
    if args.what == "lungs":
        export_lungs(args.run or RUNS / "lungs", args.manifest)
    elif args.what == "backbone":
        folder = args.run or _backbone_run(args.backbone)
        weights = args.weights or str(trained_weights(folder))
        export_backbone(folder, args.manifest, Recipe(args.recipe, args.size), weights, args.backbone)
    elif args.what == "screen":
        export_screen(args.run or features.run_folder("screen", args.backbone), args.backbone)
    else:
        folder = args.run or features.run_folder(args.name, args.backbone)
        weights = args.float_weights or str(trained_weights(_backbone_run(args.backbone)))
        export_head(folder, args.manifest, args.backbone, weights)


if __name__ == "__main__":
    main()
