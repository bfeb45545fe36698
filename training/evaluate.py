"""Score the test part of a run: `python -m training.evaluate runs/covid_normal [runs/covid_pneumo …]`.

Reads what `training.train` wrote and writes report.json (which `training.export` reads), report.md and plots
beside it. Beside the network's figures stand those of two baselines that see no lung.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from training import plots, run
from training.config import RUNS
from training.dataset import LUNG_NETWORK, draw_weights
from training.manifest import MANIFEST, Row, read, root
from training.metrics import (
    Confusion,
    Metric,
    OperatingPoint,
    bootstrap,
    confusion,
    operating_point,
    roc_auc,
    sensitivity,
    specificity,
    wilson,
)
from xray import image, lungs
from xray.analysis import Analyzer, in_words
from xray.classifier import Verdict, verdict
from xray.errors import DatasetError, ModelError, XrayError
from xray.metadata import Band
from xray.registry import Registry
from xray.runtime import Network

COLUMNS = (
    *("path", "sha256", "source", "patient_id", "group", "view", "label", "split", "upstream_split"),
    *("y_true", "y_score"),
)
FIGURES = {"roc_auc": "ROC AUC", "sensitivity": "sensitivity", "specificity": "specificity"}
VERDICTS = (Verdict.POSITIVE, Verdict.INCONCLUSIVE, Verdict.NEGATIVE)
REPEATS, SEED = 1000, 0
MOST_MISTAKES = 12  # of each class, in the grid

# The picture and the frame of the measurement in the data's README: 48 px, its centre of 36 px blacked out.
THUMBNAIL, CENTRE = 48, slice(6, 42)
# Two pixels: the lungs' edge, and the error of the mask, are erased with them.
DILATION = np.ones((5, 5), np.uint8)
# Of 0.001, 0.01 and 0.1 the best for the border of validation radiographs, COVID-19 against normal.
REGULARISATION = 0.01
BASELINES = {
    "lungs_erased": "whole picture, lungs erased",
    "border_only": "border of the picture, centre erased",
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A finished training run.

    Attributes:
        folder: where it lies.
        facts: its config.json.
        point: its threshold and band, chosen on the validation part.
        predictions: one row a radiograph of val, test and held_out; see COLUMNS.
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
        kinds = {name: str for name in COLUMNS[:-2]}
        predictions = pd.read_csv(folder / "predictions.csv", dtype=kinds, keep_default_na=False)
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(
            f"Expected a finished run in {folder}. Received: {error}. Run `python -m training.train` first."
        ) from error
    if missing := [name for name in COLUMNS if name not in predictions]:
        raise DatasetError(f"{folder}/predictions.csv: expected the columns {COLUMNS}. Missing: {missing}.")
    found = Run(folder, facts, point, predictions)
    if found.test.empty:
        raise DatasetError(f"{folder}/predictions.csv: expected radiographs of split test. Received none.")
    return found


def figures(part: pd.DataFrame, threshold: float) -> Json:
    """Return how many radiographs there are, and every figure that their classes define.

    Args:
        part: rows with patient_id, group, y_true and y_score.
        threshold: at or above it a score counts as positive.

    Returns:
        Counts (a group is a patient with near-copies), and `roc_auc`, `sensitivity` and `specificity`, each
        {value, low, high} or None where its classes are missing; low and high are None where no draw of
        patients could differ.
    """
    positives, negatives = part[part.y_true == 1], part[part.y_true == 0]
    found, spared = partial(sensitivity, threshold=threshold), partial(specificity, threshold=threshold)
    return {
        "n": len(part),
        "patients": part.patient_id.nunique(),
        "groups": part.group.nunique(),
        "positives": len(positives),
        "negatives": len(negatives),
        "confusion": confusion(part.y_true, part.y_score, threshold=threshold)._asdict(),
        "roc_auc": _figure(part, roc_auc) if len(positives) and len(negatives) else None,
        "sensitivity": _share(positives, found) if len(positives) else None,
        "specificity": _share(negatives, spared) if len(negatives) else None,
    }


def _figure(part: pd.DataFrame, metric: Metric) -> Json:
    """Return a figure with its interval; every draw of patients gives the same where the figure is 1."""
    interval: tuple[float | None, float | None] = (None, None)
    if part.group.nunique() > 1:
        interval = bootstrap(part.y_true, part.y_score, part.group, metric, repeats=REPEATS, seed=SEED)
    if interval[0] == interval[1]:
        interval = (None, None)
    return {"value": metric(part.y_true, part.y_score), "low": interval[0], "high": interval[1]}


def _share(part: pd.DataFrame, metric: Metric) -> Json:
    """Return a proportion with its interval: Wilson's over the groups where the bootstrap has no width."""
    figure = _figure(part, metric)
    if figure["low"] is None:
        groups = part.group.nunique()
        figure |= wilson(figure["value"] * groups, groups)._asdict()
    return figure


def slices(part: pd.DataFrame, threshold: float) -> Json:
    """Return the figures of all radiographs, of each source and view, and of the children's test part."""
    children = part[(part.source == "kermany") & (part.upstream_split == "test")]
    return {
        "all": figures(part, threshold),
        "sources": {name: figures(rows, threshold) for name, rows in part.groupby("source")},
        "views": {name or "not stated": figures(rows, threshold) for name, rows in part.groupby("view")},
        "children": figures(children, threshold) if len(children) else None,
    }


def verdicts(part: pd.DataFrame, point: OperatingPoint) -> dict[str, int]:
    """Count the verdicts, as serving gives them: on the score rounded to 4 decimals."""
    band = Band(point.low, point.high)
    given = [verdict(round(score, 4), band) for score in part.y_score]
    return {each.value: given.count(each) for each in VERDICTS}


def called_positive(part: pd.DataFrame, point: OperatingPoint, by: list[str]) -> list[Json]:
    """Return, for each class and whatever else, the share called positive and the verdicts.

    Args:
        part: rows of the predictions.
        point: threshold and band.
        by: columns; one entry for each combination of their values.
    """
    above = partial(sensitivity, threshold=point.threshold)
    return [
        {
            **dict(zip(by, names, strict=True)),
            "n": len(rows),
            "patients": rows.patient_id.nunique(),
            "called_positive": _share(rows.assign(y_true=1), above),
            **verdicts(rows, point),
        }
        for names, rows in part.groupby(by)
    ]


def thumbnails(manifest: Path, cache: Path = RUNS / "baselines") -> tuple[Path, NDArray[np.uint8]]:
    """Return small pictures of the manifest without their lungs, from the cache where it holds them.

    Args:
        manifest: written by `training.prepare`.
        cache: folder; a file's name holds the hash of all it depends on.

    Returns:
        The cached file and uint8, shape (baselines, radiographs, 48, 48), in the order of BASELINES.
    """
    key = hashlib.sha256(manifest.read_bytes() + LUNG_NETWORK.read_bytes()).hexdigest()[:12]
    path = cache / f"thumbnails-{key}.npy"
    if not path.exists():
        rows, folder = read(manifest), root(manifest)
        network = Network(LUNG_NETWORK, pool_size=2, threads=1)

        def one(row: Row) -> NDArray[np.uint8]:
            picture = image.read((folder / row.path).read_bytes())
            return without_lungs(picture, lungs.segment(picture, network))

        cache.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            shown = tqdm(pool.map(one, rows), total=len(rows), desc="erase lungs", disable=None)
            pictures = np.stack(list(shown), axis=1)
        part = path.with_suffix(".part.npy")
        np.save(part, pictures)
        part.replace(path)
    return path, np.load(path)


def without_lungs(picture: image.GreyImage, mask: lungs.LungMask) -> NDArray[np.uint8]:
    """Return the whole picture at 48 px with the dilated lungs blacked out, and with its centre blacked out.

    The first still shows the outline of the lungs; the second not even that.

    Args:
        picture: grey, uint8, shape (height, width).
        mask: bool, same shape, True inside the lungs; where it is empty the centre is taken for the lungs.

    Returns:
        uint8, shape (2, 48, 48), in the order of BASELINES.
    """
    size = (THUMBNAIL, THUMBNAIL)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    touched = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    erased, border = small.copy(), small.copy()
    border[CENTRE, CENTRE] = 0
    erased[cv2.dilate(touched.astype(np.uint8), DILATION) > 0] = 0
    return np.stack([erased if mask.any() else border, border])


def baseline(pictures: NDArray[np.uint8], rows: pd.DataFrame) -> NDArray[np.float64]:
    """Fit a logistic regression on the train rows, balanced as the network's training is, and score all rows.

    Args:
        pictures: uint8, shape (n, height, width).
        rows: n rows with split, label, source and y_true.

    Returns:
        Scores, shape (n,), in [0, 1].
    """
    train = (rows.split == "train").to_numpy()
    inputs = pictures.reshape(len(pictures), -1).astype(np.float32) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=2000))
    weight = draw_weights(list(rows.label[train]), list(rows.source[train])) * train.sum()
    model.fit(inputs[train], rows.y_true[train], logisticregression__sample_weight=weight)
    return np.asarray(model.predict_proba(inputs)[:, 1])


def baselines(found: Run, manifest: Path, cache: Path = RUNS / "baselines") -> dict[str, pd.DataFrame]:
    """Return, for each baseline, the rows of the run's two classes with its scores, cached.

    Raises:
        DatasetError: the manifest is not the one that the run was trained on.
    """
    if hashlib.sha256(manifest.read_bytes()).hexdigest() != found.facts["manifest_sha256"]:
        raise DatasetError(
            f"Expected the manifest that {found.folder} was trained on. Received another one, {manifest}: "
            "its splits may differ. Name the right one by --manifest, or run `python -m training.train`."
        )
    origin, pictures = thumbnails(manifest, cache)
    table = pd.DataFrame([asdict(row) for row in read(manifest)])
    chosen = table.label.isin(found.classes)
    rows = table[chosen].assign(y_true=(table.label == found.classes[1]).astype(int))
    scored = {}
    for index, name in enumerate(BASELINES):
        key = hashlib.sha256(repr((origin.name, found.classes, REGULARISATION)).encode()).hexdigest()[:12]
        path = cache / f"{name}-{key}.npy"
        if not path.exists():
            np.save(path, baseline(pictures[index][chosen.to_numpy()], rows))
        scored[name] = rows.assign(y_score=np.load(path))
    return scored


def judge_baseline(rows: pd.DataFrame) -> Json:
    """Choose a baseline's threshold as the network's was chosen, and score its test rows."""
    val, test = rows[rows.split == "val"], rows[rows.split == "test"]
    point = operating_point(val.y_true, val.y_score, draw_weights(list(val.label), list(val.source)))
    return {"threshold": point.threshold, **slices(test, point.threshold)}


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
        "interval": f"95 %, percentile bootstrap over patients and near-copies, {REPEATS} draws, seed {SEED}",
        "test": slices(test, found.point.threshold),
        "classification_report": classification_report(
            test.y_true, test.y_score >= found.point.threshold, labels=[0, 1], target_names=found.classes,
            output_dict=True, zero_division=np.nan,
        ),
        "called_positive": called_positive(test, found.point, ["label", "source"]),
        "held_out": called_positive(held_out, found.point, ["label"]),
        "baselines": {name: judge_baseline(rows) for name, rows in beside.items()},
    }  # fmt: skip
    return {**_nulled(report), "confounding": confounding(report)}


def confounding(report: Json) -> str:
    """Say in words how far the figures can be believed, given where the classes come from."""
    positive, negative = in_words(report["positive"]), in_words(report["negative"])
    sources = report["test"]["sources"]
    single = [name for name, row in sources.items() if row["roc_auc"] is None]
    both = [
        f"{name} ({row['positives']} {positive}, {row['negatives']} {negative}, {row['patients']} patients)"
        for name, row in sources.items() if row["roc_auc"]
    ]  # fmt: skip
    words = [
        f"{len(single)} of the {len(sources)} sources hold one class only ({', '.join(single) or 'none'}): "
        "there, to know the hospital is to know the answer, so the figures over all sources measure hospital "
        "and disease together."
    ]
    for name, row in report["baselines"].items():
        area = row["all"]["roc_auc"]
        if area:
            words.append(
                f"A logistic regression on the {BASELINES[name]} reaches ROC AUC {area['value']:.3f} on the "
                "same radiographs without seeing a lung."
            )
    words.append(
        f"{positive} against {negative} under one roof: {', '.join(both) or 'no source'}. Only such rows "
        "compare the classes alone; where they are small their intervals are wide. None of these figures "
        "promises the same in a hospital that is not among the sources."
    )
    return " ".join(words)


def _nulled(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Replace NaN, which JSON does not have, by None."""
    if isinstance(value, Mapping):
        return {key: _nulled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nulled(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def markdown(report: Json, pictures: list[str]) -> str:
    """Return the report for people, with the plots of these file names."""
    point, negative, positive = report["operating_point"], report["negative"], report["positive"]
    tables = {"network": report["test"]} | {BASELINES[name]: row for name, row in report["baselines"].items()}
    network = _figure_rows(report["test"])
    beside = [
        [name, *row[:2], *row[4:]]
        for name, table in tables.items()
        for row in _figure_rows({**table, "views": {}})
    ]  # fmt: skip
    lines = [
        f"# {report['title']}: figures of the test part\n",
        f"At or above {point['threshold']:.4f} a score counts as {in_words(positive)}; from "
        f"{point['low']:.4f} to below {point['high']:.4f} it is INCONCLUSIVE; both were chosen on the "
        f"validation part. Intervals: {report['interval']}; Wilson's, over patients, for shares of 0 and 1. "
        f"Commit {report['commit']}, manifest {report['manifest_sha256'][:12]}.\n",
        f"**How far to believe them.** {report['confounding']}\n",
        "## Figures\n",
        *_table(["radiographs", "n (patients)", positive, negative, *FIGURES.values()], network),
        "## Beside them: logistic regressions that see no lung\n",
        *_table(["predictor", "radiographs", "n (patients)", *FIGURES.values()], beside),
        "## Called positive, by class and source\n",
        *_called_table(report["called_positive"], ["label", "source"]),
        "## The reference article's held-out pictures\n",
        *_called_table(report["held_out"], ["label"]),
        "## Classification report\n",
        *_table(["class", "precision", "recall", "F1", "n"], _classification_rows(report)),
        *(f"![{Path(name).stem.replace('_', ' ')}]({name})\n" for name in pictures),
    ]
    return "\n".join(lines)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    if not rows:
        return ["None.\n"]
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)] + [""]


def _figure_rows(table: Json) -> list[list[str]]:
    named = {"all": table["all"]}
    named |= {f"source {name}": row for name, row in table["sources"].items()}
    named |= {f"view {name}": row for name, row in table["views"].items()}
    if table["children"]:
        named["kermany's published test part (children)"] = table["children"]
    return [
        [name, _size(row), f"{row['positives']}", f"{row['negatives']}", *(_text(row[of]) for of in FIGURES)]
        for name, row in named.items()
    ]


def _called_table(entries: list[Json], by: list[str]) -> list[str]:
    head = [*by, "n (patients)", "at or above the threshold", *VERDICTS]
    rows = [[*(row[name] for name in by), _size(row), _text(row["called_positive"])] for row in entries]
    counts = [[str(row[name]) for name in VERDICTS] for row in entries]
    return _table(head, [[*row, *count] for row, count in zip(rows, counts, strict=True)])


def _classification_rows(report: Json) -> list[list[str]]:
    classes = {name: row for name, row in report["classification_report"].items() if isinstance(row, dict)}
    shares = ("precision", "recall", "f1-score")
    return [
        [name, *("–" if row[key] is None else f"{row[key]:.3f}" for key in shares), f"{row['support']:.0f}"]
        for name, row in classes.items()
    ]


def _size(row: Json) -> str:
    return f"{row['n']} ({row['patients']})"


def _text(figure: Json | None) -> str:
    if figure is None:
        return "–"
    interval = "no interval" if figure["low"] is None else f"{figure['low']:.3f}, {figure['high']:.3f}"
    return f"{figure['value']:.3f} [{interval}]"


def draw(found: Run, report: Json, manifest: Path) -> list[str]:
    """Write the plots beside the report and return their file names."""
    test, folder = found.test, found.folder
    drawn = ["confusion_matrix.png", "scores.png", "learning_curves.png"]
    both = {name: rows for name, rows in test.groupby("source") if rows.y_true.nunique() == 2}
    counts = Confusion(**report["test"]["all"]["confusion"])
    plots.learning_curves(run.history(folder), folder / "learning_curves.png")
    plots.confusion_matrix(counts, found.classes, folder / "confusion_matrix.png")
    plots.scores(test, found.point, folder / "scores.png")
    if test.y_true.nunique() == 2:
        plots.roc({"all": test, **both}, found.point, folder / "roc.png")
        drawn.append("roc.png")
    wrong = mistakes(test, found.point.threshold)
    if wrong.empty or not manifest.is_file() or not root(manifest).is_dir():
        print(f"Grid of mistakes skipped: {'there are none' if wrong.empty else 'no pictures at hand'}.")
        return drawn
    plots.mistakes(wrong, root(manifest), found.name, analyzer(found), folder / "mistakes.png")
    return [*drawn, "mistakes.png"]


def mistakes(test: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the radiographs on the wrong side of the threshold, the worst of each class first."""
    wrong = test[(test.y_score >= threshold) != (test.y_true == 1)]
    missed = wrong[wrong.y_true == 1].nsmallest(MOST_MISTAKES, "y_score")
    return pd.concat([missed, wrong[wrong.y_true == 0].nlargest(MOST_MISTAKES, "y_score")])


def analyzer(found: Run) -> Analyzer | None:
    """Return what draws heat maps, if the artefacts under model/ are there and are this run's."""
    try:
        registry = Registry.load()
        facts = registry.heads[found.name].facts
    except (ModelError, KeyError) as error:
        print(f"Heat maps skipped, run `python -m training.export` first: {error}")
        return None
    served = (facts.threshold, facts.band.low, facts.band.high)
    ours = (found.point.threshold, found.point.low, found.point.high)
    if not np.allclose(served, ours, rtol=0, atol=1e-4):
        print(f"Heat maps skipped: model/{found.name} is of another run; run `python -m training.export`.")
        return None
    return Analyzer(registry)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and evaluate."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    both = [RUNS / "covid_normal", RUNS / "covid_pneumo"]
    parser.add_argument("runs", type=Path, nargs="*", default=both, help="folders that training.train wrote")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--no-baselines", action="store_true", help="without them no picture is needed")
    args = parser.parse_args(arguments)
    try:
        for folder in args.runs:
            found = load(folder)
            report = evaluate(found, {} if args.no_baselines else baselines(found, args.manifest))
            run.write_json(folder / "report.json", report)
            text = markdown(report, draw(found, report, args.manifest))
            (folder / "report.md").write_text(text, encoding="utf-8")
            print(f"{folder}/report.md: ROC AUC {_text(report['test']['all']['roc_auc'])}")
    except XrayError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
