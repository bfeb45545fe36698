"""Measure heads on the test split: `python -m training evaluate covid_normal covid_pneumo three_classes findings`.

Reads the runs that `head` wrote. Writes report.json (the metrics that `export` puts into metadata.json) and report.html
beside each. The head's figures are listed by source, view, sex and age, beside two baselines that see no lungs, heads
trained without a source's hospital and judged there, and heads trained and judged inside one source.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from training import run as runs
from training.data.crops import crops, prepared
from training.data.manifest import hospital, root
from training.evaluate import baselines
from training.evaluate.artefact import head_of, record_of
from training.evaluate.leave_one_out import Radiographs, each_inside
from training.evaluate.scored import Scored
from training.fit.features import backbone, is_served, run_folder, views
from training.fit.head_config import UNKNOWN, HeadConfig, shown
from training.fit.head_run import DESCRIBING, LEFT_OUT_FILE
from training.metrics.figures import INTERVAL, Json
from training.report import mistakes, pages, summary
from training.report.mistakes import Explained
from xray.errors import DatasetError
from xray.head_figures import MEAN
from xray.networks.grad_cam import grad_cam, to_picture
from xray.networks.metadata import OperatingPoint
from xray.networks.preprocess import scale

# Features are cached in 16 bits, predictions written with 6 decimals: a larger difference is another network.
SAME_SCORE = 0.02
FINE_TUNED = "fine_tuned.json"
# What the top of a report says of a run.
MADE = ("started", "command", "commit", "manifest_sha256", "machine", "licence")


@dataclass(frozen=True)
class Run:
    """A finished run of a head.

    Attributes:
        folder: where it lies.
        record: its config.json.
        config: the choices of the head.
        scored: scores of the validation, test and held-out radiographs.
        left_out: scores of radiographs by heads that learned nothing of their hospital, and that no head, point or
            calibration was chosen on; judged by what they teach.
    """

    folder: Path
    record: Json
    config: HeadConfig
    scored: Scored
    left_out: Scored


def load(folder: Path) -> Run:
    """Read the run of a head.

    Raises:
        DatasetError: not a finished run of a head, or one without test radiographs.
    """
    try:
        record = record_of(folder)
        config = msgspec.convert(record["config"], HeadConfig)
        points = json.loads((folder / "head.json").read_text(encoding="utf-8"))["points"]
        edges = msgspec.convert(points, list[OperatingPoint])
        scored, elsewhere = (_scored(folder / name, config, edges) for name in ("predictions.csv", LEFT_OUT_FILE))
    except (OSError, ValueError, KeyError, msgspec.ValidationError) as error:
        raise DatasetError(
            f"Expected the finished run of a head in {folder}. Received: {error}. Run `python -m training head` first."
        ) from error
    if not (scored.table.split == "test").any():
        raise DatasetError(f"{folder}/predictions.csv: expected radiographs of the test split. Received none.")
    # The shared backbone has seen the train split; one that never saw the hospital has not.
    apart = elsewhere.table.source.map(hospital).isin(record["backbones_left_out"])
    fresh = (elsewhere.table.split == "test") | (apart & (elsewhere.table.split != "val"))
    return Run(folder, record, config, scored, elsewhere.part(fresh))


def _scored(path: Path, config: HeadConfig, points: Sequence[OperatingPoint]) -> Scored:
    table = pd.read_csv(path, dtype=dict.fromkeys(DESCRIBING, str), keep_default_na=False)
    truth = np.array([table[f"y_{name}"].replace("", UNKNOWN) for name in config.names], np.int64).T
    scores = np.array([table[f"score_{name}"].replace("", np.nan) for name in config.names], np.float64).T
    return Scored.of(config, points, table[list(DESCRIBING)], truth, np.nan_to_num(scores))


def measure(run: Run) -> Json:
    """Return the metrics that follow from the scores alone; the rest needs the radiographs, see `_beyond`."""
    of = run.scored.table.split
    test, held_out = run.scored.part(of == "test"), run.scored.part(of == "held_out")
    return {
        "interval": INTERVAL,
        "error_rate": run.config.error_rate,
        "confounding": "",
        "test": test.slices(),
        "baselines": {},
        "held_out": held_out.figures() if len(held_out.table) else {},
        **_left_out(run),
        "inside": {},
        "called": [
            *test.called("test", ["source"]),
            *held_out.called("held_out", []),
            *run.left_out.called("left_out", ["source"]),
        ],
        "confusion": test.confusion(),
        "curves": run.scored.curves(),
        "audit": None,
    }


def _beyond(run: Run, manifest: Path) -> Json:
    """Return the metrics that need the radiographs: baselines, sources left out, and heads of one source."""
    radiographs = radiographs_of(run, manifest)
    return {
        "baselines": _baselines(run, radiographs, manifest),
        "inside": {
            name: _merged(part.figures() for part in parts) for name, parts in each_inside(radiographs, run.config)
        },
    }


def _left_out(run: Run) -> Json:
    """Return the figures of each source left out, and of its views, at the points that are served."""
    return {"left_out": run.left_out.by("sources"), "left_out_views": run.left_out.by("source_views")}


def radiographs_of(run: Run, manifest: Path) -> Radiographs:
    """Return all radiographs with their features on the backbone of a run.

    Raises:
        DatasetError: another manifest than the run's.
    """
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != run.record["manifest_sha256"]:
        raise DatasetError(
            f"Expected the manifest that {run.folder} was trained on. Received another one, {manifest}: its splits may "
            "differ. Name the right one by --manifest, or train the head again."
        )
    data = crops(manifest, run.config.recipe)
    return Radiographs(data.rows, views(data, run.config.recipe, run.record["weights"]))


def _baselines(run: Run, radiographs: Radiographs, manifest: Path) -> Json:
    """Return the figures of predictors that see no lungs, on the test split."""
    table, truth = radiographs.table, shown(radiographs.rows, run.config)
    found: Json = {}
    for name, (scores, points) in baselines.scored(radiographs.rows, truth, run.config, manifest).items():
        test = Scored.of(run.config, points, table, truth, scores).part(table.split == "test").known
        sources = {
            str(source): test.part(test.table.source == source).figures()
            for source in sorted(test.table.source.unique())
        }
        found[name] = {
            label: {"all": figures, "sources": {source: of[label] for source, of in sources.items()}}
            for label, figures in test.figures().items()
        }
    return found


def _merged(found: Iterable[Json]) -> Json:
    return {label: figures for each in found for label, figures in each.items()}


def evaluate(run: Run, manifest: Path | None) -> Json:
    """Measure a run and write report.json and report.html beside it.

    Without a manifest only what follows from the scores is measured.

    Returns:
        The report.
    """
    metrics = measure(run)
    if manifest:
        metrics |= _beyond(run, manifest)
    report = {
        "model": run.config.name,
        "title": run.config.title,
        "manifest_sha256": run.record["manifest_sha256"],
        "made": {key: run.record[key] for key in MADE if key in run.record},
        "data": run.record.get("data", {}),
        "fine_tuned": _fine_tuned(run.folder / FINE_TUNED),
        "commit": run.record["commit"],
        "labels": run.config.names,
        "exclusive": run.config.exclusive,
        "positive": run.config.positive,
        "points": [msgspec.to_builtins(point) for point in run.scored.points],
        "metrics": metrics,
    }
    metrics["confounding"] = pages.confounding(report)
    rounded: Json = as_json(report)
    runs.write_json(run.folder / "report.json", rounded)
    return rounded


def _fine_tuned(path: Path) -> Json | None:
    """Return what training the backbone's last block reached, where `retrain --fine-tune` did."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def as_json(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace NaN, which JSON does not have, by None, and round to 6 decimals."""
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value


def page(run: Run, report: Json, manifest: Path | None) -> str:
    """Return the report as one HTML page.

    Without a manifest, the radiographs that the head got wrong are left out.
    """
    test = run.scored.part(run.scored.table.split == "test")
    rows = {label: test.of_label(label) for label in run.scored.measured if label != MEAN}
    wrong = []
    if manifest and manifest.is_file() and is_served(run.record["weights"]):
        wrong = mistakes.pictures(rows[run.config.positive], _explainer(run, root(manifest)))
    return pages.run_page(report, rows, wrong)


def _explainer(run: Run, folder: Path) -> Callable[[pd.Series], Explained | None]:
    """Return what explains the scores of a run, on a served backbone, for its positive label."""
    weights, recipe = run.record["weights"], run.config.recipe
    network, head = backbone(weights, recipe)[0], head_of(run.folder, weights)
    labels, positive = head.facts.labels, head.facts.labels.index(head.facts.positive)

    def explain(row: pd.Series) -> Explained | None:
        ready = prepared(folder / row.path, recipe)
        if ready is None:
            return None
        features = network(scale(ready.crop, recipe)[None])[0]
        scores = head.scores(features)
        if abs(scores[positive] - row.y_score) > SAME_SCORE:
            return Explained(ready.image, ready.lungs, None)
        others = [index for index in range(len(labels)) if index != positive]
        label = positive if row.called or not others else max(others, key=lambda index: float(scores[index]))
        cam = grad_cam(features, head.kernel, label, exclusive=head.facts.exclusive)
        shape = (ready.image.shape[0], ready.image.shape[1])
        return Explained(ready.image, ready.lungs, to_picture(cam, ready.box, shape))

    return explain


def write(folder: Path, manifest: Path | None) -> Json:
    """Measure the run in a folder, and write report.json and report.html there.

    Returns:
        The report.
    """
    found = load(folder)
    report = evaluate(found, manifest)
    (folder / "report.html").write_text(page(found, report, manifest), encoding="utf-8")
    return report


def run(args: argparse.Namespace) -> None:
    """Measure the runs that the command line names."""
    for name in args.runs:
        folder = Path(name) if Path(name).is_dir() else run_folder(name, args.backbone)
        record = record_of(folder)
        report = write(folder, None if args.scores_only else runs.manifest_of(record, args.manifest))
        print(f"{folder}/report.html", *summary.sentences(report), sep="\n  ")
