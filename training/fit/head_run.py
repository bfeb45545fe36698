"""Train a head on the frozen backbone: `python -m training head training/configs/covid_normal.toml`.

Writes runs/<name>/: config.json, head.npz (kernel and bias, calibrated), head.json (labels and operating points, chosen
for hospitals that it has not seen), predictions.csv (scores of all radiographs outside the train split) and
left_out.csv (scores of all radiographs by heads, and where they were trained by backbones, without their hospital).
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from training import run as runs
from training.config import CONFIGS, load
from training.data.crops import crops
from training.data.manifest import MANIFEST, Row, labels_of
from training.fit.features import run_folder, views, views_without
from training.fit.head import fit
from training.fit.head_config import UNKNOWN, HeadConfig, Truth, shown, taught
from training.metrics.discrimination import Floats
from xray.errors import DatasetError

# The columns of the manifest that predictions.csv repeats.
DESCRIBING = (
    "path", "sha256", "source", "label", "finding", "patient_id", "group", "split", "upstream_split", "view", "sex",
    "age_years", "population",
)  # fmt: skip
LEFT_OUT_FILE = "left_out.csv"


def counts(rows: Sequence[Row], config: HeadConfig) -> list[dict[str, object]]:
    """Return how many radiographs and patients of each split, source and label the head learns from or is judged on.

    A radiograph that is taught under another label than it shows counts under the manifest's.
    """
    cells: dict[tuple[str, str, str], list[str]] = {}
    for row, shows, teaches in zip(rows, shown(rows, config), taught(rows, config), strict=True):
        if row.split == "train" and row.source not in config.sources:
            continue
        names = [name for name, value in zip(config.names, shows, strict=True) if value == 1]
        for name in names or ([row.label] if (teaches == 1).any() else []):
            cells.setdefault((row.split, row.source, name), []).append(row.patient_id)
    return [
        {"split": split, "source": source, "label": label, "films": len(of), "patients": len(set(of))}
        for (split, source, label), of in sorted(cells.items())
    ]


def train(
    config: HeadConfig, manifest: Path, weights: str, folder: Path, about: Mapping[str, object] | None = None
) -> None:
    """Train one head and write its run.

    Raises:
        DatasetError: the manifest does not have the head's labels, or too few radiographs of them.
    """
    config.check(labels_of(manifest))
    data = crops(manifest, config.recipe)
    inputs = views(data, config.recipe, weights)
    without = views_without(data, config.recipe, weights)
    fitted = fit(inputs, data.rows, config, without)
    head, points = fitted.head, fitted.points
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        **runs.describe(config, manifest), "weights": weights, "films": counts(data.rows, config),
        "backbones_left_out": sorted(without), **(about or {}),
    }  # fmt: skip
    runs.write_json(folder / "config.json", facts)
    runs.write_arrays(folder / "head.npz", head.arrays())
    record = {
        "labels": config.names, "exclusive": config.exclusive, "positive": config.positive, "temperature": 1.0,
        "points": [msgspec.to_builtins(point) for point in points],
    }  # fmt: skip
    runs.write_json(folder / "head.json", record)
    write_scores(
        folder, data.rows, config, {"predictions.csv": head.scores(inputs[:, 0]), LEFT_OUT_FILE: fitted.unseen}
    )
    edges = [
        f"{name} {p.negative_below:g} / {p.threshold:g} / {p.positive_from:g}" if p.decides else f"{name} no point"
        for name, p in zip(config.names, points, strict=True)
    ]
    print(f"{folder}:", *edges)


def write_scores(folder: Path, rows: Sequence[Row], config: HeadConfig, scores: Mapping[str, Floats]) -> None:
    """Write predictions.csv and left_out.csv of a run.

    Args:
        folder: of the run.
        rows: all radiographs.
        config: of the head.
        scores: by the name of the file, shape (n, labels).
    """
    for name, found in scores.items():
        # Of a hospital left out all radiographs are unseen, and judged by what they teach.
        elsewhere = name == LEFT_OUT_FILE
        truth = taught(rows, config) if elsewhere else shown(rows, config)
        truth[np.isnan(found)] = UNKNOWN
        kept = [i for i, row in enumerate(rows) if (elsewhere or row.split != "train") and (truth[i] != UNKNOWN).any()]
        write_predictions(folder / name, [rows[i] for i in kept], truth[kept], found[kept], config.names)


def write_predictions(path: Path, rows: Sequence[Row], truth: Truth, scores: Floats, names: Sequence[str]) -> None:
    """Write predictions.csv: a row a radiograph, with y_<label> (blank where unknown) and score_<label> of each label.

    Args:
        path: of the file.
        rows: the radiographs.
        truth: shape (n, labels), 1, 0 or UNKNOWN.
        scores: shape (n, labels); written with 6 decimals, blank where NaN.
        names: of the labels.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*DESCRIBING, *(f"y_{name}" for name in names), *(f"score_{name}" for name in names)])
        for row, values, score in zip(rows, truth, scores, strict=True):
            known = ["" if value == UNKNOWN else value for value in values]
            writer.writerow(
                [
                    *(getattr(row, name) for name in DESCRIBING),
                    *known,
                    *("" if np.isnan(each) else f"{each:.6f}" for each in score),
                ]
            )


def run(args: argparse.Namespace) -> None:
    """Train the head of a configuration."""
    path = args.config if args.config.suffix else CONFIGS / f"{args.config}.toml"
    if not path.is_file():
        known = ", ".join(
            sorted(each.stem for each in CONFIGS.glob("*.toml") if "[[labels]]" in each.read_text("utf-8"))
        )
        raise DatasetError(f"Expected a configuration of a head: {known}, or a TOML file. Received: {args.config}.")
    config = load(path, HeadConfig)
    folder = args.run or run_folder(config.name, args.backbone)
    train(config, args.manifest or MANIFEST, args.backbone, folder, {"command": args.command})
