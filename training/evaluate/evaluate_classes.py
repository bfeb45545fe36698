"""Score a head of several classes.

Reads what `training.fit.classes` wrote and writes report.json (which `training.export` reads), report.html and plots
beside it. Beside the network's figures stand those of baselines that see no lung, of sources left out of the
training, and of heads that learn inside one source.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import run
from training.config import load
from training.data.crops import crops
from training.data.manifest import MANIFEST, Row
from training.evaluate import class_baselines, class_predictions
from training.evaluate.class_predictions import SCORE
from training.evaluate.evaluate import nulled
from training.fit.classes import ClassesConfig, classes_of, fit, learn
from training.fit.contrast import views
from training.fit.features import run_folder
from training.metrics import class_figures, figures
from training.metrics.class_figures import INCONCLUSIVE
from training.metrics.discrimination import Floats
from training.metrics.figures import Json
from training.report import class_plots, class_report
from training.report.html import page
from training.report.markdown import figure_text
from xray.errors import DatasetError, XrayError
from xray.registry import BACKBONE


def left_out(inputs: NDArray[np.float32], rows: Sequence[Row], config: ClassesConfig) -> Json:
    """Judge each source by a head that never saw it, on films new to the backbone, where one can be learned."""
    found = {}
    for name in sorted({row.source for row in rows}):
        try:
            head, points = fit(inputs, rows, config, name)
        except DatasetError:
            continue  # a class would have no source left
        here = [i for i, row in enumerate(rows) if row.source == name and row.split != "train"]
        table = _table(rows, classes_of(rows, config), head.scores(inputs[:, 0]), config.names).iloc[here]
        table = table[table.y_true >= 0]
        if len(table):
            found[name] = class_figures.measure(table, config.names, points)
    return found


def inside(inputs: NDArray[np.float32], rows: Sequence[Row], config: ClassesConfig) -> Json:
    """Judge the test films of each source by a head that learned there alone, of the classes that it holds."""
    found = {}
    for name in config.sources:
        own = [row for row in rows if row.source == name]
        held = tuple(each for each in config.classes if any(each.shown_by(row) for row in own if row.split == "train"))
        if len(held) < 2:
            continue
        alone = dataclasses.replace(config, sources=(name,), classes=held)
        y_true = classes_of(rows, alone)
        head = learn(inputs, y_true, rows, alone)
        here = [i for i, row in enumerate(rows) if row.source == name and row.split == "test" and y_true[i] >= 0]
        table = _table(rows, y_true, head.scores(inputs[:, 0]), alone.names).iloc[here]
        found[name] = class_figures.measure(table, alone.names, np.full(len(held), 1 / len(held)))
    return found


def evaluate(config: ClassesConfig, folder: Path, manifest: Path, weights: str) -> Json:
    """Return the whole report as it is written to report.json.

    Raises:
        DatasetError: not a finished run.
    """
    predictions = class_predictions.read(folder / "predictions.csv", config.names)
    facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    named = json.loads((folder / "points.json").read_text(encoding="utf-8"))
    points = np.array([named[name]["threshold"] for name in config.names])
    data = crops(manifest, config.recipe)
    inputs = views(data, config.recipe, weights)
    test, held_out = (predictions[predictions.split == split] for split in ("test", "held_out"))
    blank = _table(
        data.rows, classes_of(data.rows, config), np.zeros((len(data.rows), len(config.names))), config.names
    )
    beside = class_baselines.scored(blank, config.names, manifest)

    def measured(part: pd.DataFrame) -> Json:
        return class_figures.measure(part, config.names, points)

    report = {
        "model": config.name,
        "title": config.title,
        "classes": list(config.names),
        "points": dict(zip(config.names, points.tolist(), strict=True)),
        "error_rate": config.error_rate,
        "manifest_sha256": facts["manifest_sha256"],
        "commit": facts["commit"],
        "interval": figures.INTERVAL,
        "test": {"all": measured(test), "sources": {name: measured(part) for name, part in test.groupby("source")}},
        "held_out": measured(held_out) if len(held_out) else None,
        "baselines": {name: measured(part[part.split == "test"]) for name, part in beside.items()},
        "left_out": left_out(inputs, data.rows, config),
        "inside": inside(inputs, data.rows, config),
    }
    found: Json = nulled(report)
    return found


def _table(rows: Sequence[Row], y_true: NDArray[np.int64], scores: Floats, classes: Sequence[str]) -> pd.DataFrame:
    table = pd.DataFrame([asdict(row) for row in rows]).assign(y_true=y_true)
    return table.assign(**{SCORE + name: scores[:, index] for index, name in enumerate(classes)})


def draw(config: ClassesConfig, report: Json, folder: Path) -> None:
    """Write the plots beside the report."""
    predictions = class_predictions.read(folder / "predictions.csv", config.names)
    test = report["test"]["all"]
    class_plots.roc(predictions[predictions.split == "test"], config.names, folder / "roc.png")
    class_plots.matrix(test["confusion"], config.names, config.names, folder / "confusion.png")
    class_plots.matrix(test["verdicts"], config.names, (*config.names, INCONCLUSIVE), folder / "verdicts.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and evaluate."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("config", type=Path, help="the TOML file that the run was trained with")
    parser.add_argument("--backbone", default=BACKBONE)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--run", type=Path, help="folder of the run (default: as training.fit.classes)")
    args = parser.parse_args(arguments)
    try:
        config = load(args.config, ClassesConfig)
        folder = args.run or run_folder(config.name, args.backbone)
        report = evaluate(config, folder, args.manifest, args.backbone)
        draw(config, report, folder)
        run.write_json(folder / "report.json", report)
        (folder / "report.html").write_text(page(config.title, class_report.sections(report, folder)), encoding="utf-8")
        print(f"{folder}/report.html: mean ROC AUC {figure_text(report['test']['all']['macro']['roc_auc'])}")
    except XrayError as error:
        print(f"evaluate_classes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
