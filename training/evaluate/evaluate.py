"""Score the test part of a run: `python -m training.evaluate.evaluate runs/covid_normal [runs/covid_pneumo …]`.

Reads what `training.fit.contrast` or `training.fit.train` wrote and writes report.json (which `training.export` reads),
report.md and plots beside it. Beside the network's figures stand those of two baselines that see no lung.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report

from training import run
from training.config import RUNS
from training.data.manifest import MANIFEST, root
from training.evaluate import baselines
from training.evaluate.predictions import COLUMNS, FACTS
from training.metrics import curves, figures
from training.metrics.discrimination import Confusion
from training.metrics.figures import Json
from training.metrics.thresholds import OperatingPoint
from training.report import mistakes, plots
from training.report.markdown import confounding, figure_text, markdown
from xray.errors import DatasetError, XrayError


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        folder: where it lies.
        facts: its config.json.
        point: its threshold and band, chosen on the validation part.
        predictions: one row a radiograph of val, test and held_out; see training/evaluate/predictions.py.
    """

    folder: Path
    facts: Json
    point: OperatingPoint
    predictions: pd.DataFrame

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.facts["config"]["name"])

    @property
    def classes(self) -> tuple[str, str]:
        """The labels, the negative one first."""
        return self.facts["config"]["negative"], self.facts["config"]["positive"]

    @property
    def test(self) -> pd.DataFrame:
        """The radiographs that neither weights nor threshold have seen."""
        return self.predictions[self.predictions.split == "test"]


def load(folder: Path) -> Run:
    """Read a run.

    Raises:
        DatasetError: not a finished run, other columns, or no test radiographs.
    """
    try:
        facts = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        point = OperatingPoint(**json.loads((folder / "operating_point.json").read_text(encoding="utf-8")))
        kinds = dict.fromkeys(FACTS, str)
        predictions = pd.read_csv(folder / "predictions.csv", dtype=kinds, keep_default_na=False)
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(
            f"Expected a finished run in {folder}. Received: {error}. Run `python -m training.fit.contrast` first."
        ) from error
    if missing := [name for name in COLUMNS if name not in predictions]:
        raise DatasetError(f"{folder}/predictions.csv: expected the columns {COLUMNS}. Missing: {missing}.")
    found = Run(folder, facts, point, predictions)
    if found.test.empty:
        raise DatasetError(f"{folder}/predictions.csv: expected radiographs of split test. Received none.")
    return found


def evaluate(found: Run, beside: Mapping[str, pd.DataFrame]) -> Json:
    """Return the whole report as it is written to report.json.

    Args:
        found: the run.
        beside: scores of the baselines, by name; none leaves them out.
    """
    test, config = found.test, found.facts["config"]
    held_out = found.predictions[found.predictions.split == "held_out"]
    report = {
        "model": found.name,
        "title": config["title"],
        "negative": found.classes[0],
        "positive": found.classes[1],
        "operating_point": asdict(found.point),
        "manifest_sha256": found.facts["manifest_sha256"],
        "commit": found.facts["commit"],
        "interval": figures.INTERVAL,
        "test": figures.slices(test, found.point.threshold),
        "classification_report": classification_report(
            test.y_true, test.y_score >= found.point.threshold, labels=[0, 1], target_names=found.classes,
            output_dict=True, zero_division=np.nan,
        ),
        "called_positive": figures.called_positive(test, found.point, ["label", "source"]),
        "held_out": figures.called_positive(held_out, found.point, ["label"]),
        "roc": curves.roc(test),
        "score_histograms": curves.histograms(found.predictions),
        "verdicts": curves.verdicts(test, found.point),
        "baselines": {name: baselines.judge(rows) for name, rows in beside.items()},
    }  # fmt: skip
    return {**nulled(report), "confounding": confounding(report)}


def nulled(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(value, Mapping):
        return {key: nulled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [nulled(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _baselines(found: Run, manifest: Path) -> dict[str, pd.DataFrame]:
    """Return the baselines' scores of the very radiographs that the run was trained and tested on."""
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != found.facts["manifest_sha256"]:
        raise DatasetError(
            f"Expected the manifest that {found.folder} was trained on. Received another one, {manifest}: "
            "its splits may differ. Name the right one by --manifest, or run `python -m training.fit.contrast`."
        )
    return baselines.scored(found.classes, manifest)


def draw(found: Run, report: Json, manifest: Path) -> list[str]:
    """Write the plots beside the report and return their file names."""
    test, folder = found.test, found.folder
    drawn = ["confusion_matrix.png", "scores.png"]
    both = {name: rows for name, rows in test.groupby("source") if rows.y_true.nunique() == 2}
    counts = Confusion(**report["test"]["all"]["confusion"])
    if history := run.history(folder):
        plots.learning_curves(history, folder / "learning_curves.png")
        drawn.append("learning_curves.png")
    plots.confusion_matrix(counts, found.classes, folder / "confusion_matrix.png")
    plots.scores(test, found.point, folder / "scores.png")
    if test.y_true.nunique() == 2:
        plots.roc({"all": test, **both}, found.point, folder / "roc.png")
        drawn.append("roc.png")
    wrong = mistakes.worst(test, found.point.threshold)
    if wrong.empty or not manifest.is_file() or not root(manifest).is_dir():
        print(f"Grid of mistakes skipped: {'there are none' if wrong.empty else 'no pictures at hand'}.")
        return drawn
    explainer = mistakes.explainer(folder, found.facts)
    mistakes.draw(wrong, root(manifest), found.classes, explainer, folder / "mistakes.png")
    return [*drawn, "mistakes.png"]


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and evaluate."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    both = [RUNS / "covid_normal", RUNS / "covid_pneumo"]
    parser.add_argument("runs", type=Path, nargs="*", default=both, help="folders that training.fit.train wrote")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--no-baselines", action="store_true", help="without them no picture is needed")
    args = parser.parse_args(arguments)
    try:
        for folder in args.runs:
            found = load(folder)
            report = evaluate(found, {} if args.no_baselines else _baselines(found, args.manifest))
            run.write_json(folder / "report.json", report)
            text = markdown(report, draw(found, report, args.manifest))
            (folder / "report.md").write_text(text, encoding="utf-8")
            print(f"{folder}/report.md: ROC AUC {figure_text(report['test']['all']['roc_auc'])}")
    except XrayError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
