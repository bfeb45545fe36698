"""How the served models do in another hospital: `python -m training.evaluate.external FOLDER_OR_CSV`.

FOLDER holds a folder for each class; a CSV has the columns path and label. Every picture goes the way that it
would go in the app. Writes report.html, report.json and predictions.csv, with the pictures that each model got
wrong: keep them where the pictures may be kept.
"""

import argparse
from collections.abc import Sequence
from math import hypot
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from training import run
from training.config import RUNS
from training.data.labelled import Labelled, labelled
from training.metrics.discrimination import Confusion
from training.metrics.figures import INTERVAL, Json, measure, verdicts
from training.metrics.thresholds import OperatingPoint
from training.report import plots
from training.report.html import Picture, Section, Table, page
from training.report.markdown import FIGURES, figure_text
from training.report.plots import grid
from xray import head_figures
from xray.analysis import Analyzer
from xray.annotate.panels import overlay
from xray.errors import ImageError
from xray.networks.metadata import HeadFacts
from xray.prediction import in_words

SIDE = 256  # of a picture in the report, pixels
SHOWN = 8  # of each kind of mistake
LONGEST_NAME = 24


def predictions(analyzer: Analyzer, pictures: Sequence[Labelled]) -> pd.DataFrame:
    """Read every picture as the app does.

    Returns:
        A row for each picture and model: path, label, patient_id, group, source, model, y_score, y_true, refusal
        and cautions; a refused picture has NaN as its score, and the reason.
    """
    rows = []
    for each in tqdm(pictures, desc="read", disable=None):
        said, refusal, cautions = {}, "", ()
        try:
            analysis = analyzer.analyse(each.path.read_bytes(), list(analyzer.registry.heads))
            said = {prediction.model: prediction.score for prediction in analysis.predictions}
            cautions = analysis.cautions
        except ImageError as error:
            refusal = str(error)
        except OSError as error:
            refusal = f"Expected a file that can be read. Received: {error.strerror}."
        rows += [
            {
                "path": str(each.path), "label": each.label, "patient_id": each.patient_id, "group": each.patient_id,
                "source": "external", "model": name, "y_score": said.get(name, np.nan),
                "y_true": int(each.label == analyzer.registry.heads[name].facts.positive),
                "refusal": refusal, "cautions": " ".join(cautions),
            }
            for name in analyzer.registry.heads
        ]  # fmt: skip
    return pd.DataFrame(rows)


def judged(rows: pd.DataFrame, facts: HeadFacts) -> Json:
    """Return a model's figures on the pictures of its own classes, beside those of its test split.

    Args:
        rows: of `predictions`, for this model.
        facts: of the model.
    """
    own = rows[rows.label.isin(facts.labels)]
    read = own[own.y_score.notna()]
    outside = measure(read, facts.point.threshold)
    inside = head_figures.tested(facts) or {}
    point = OperatingPoint(facts.point.threshold, facts.point.negative_below, facts.point.positive_from)
    return {
        "title": facts.title,
        "version": facts.version,
        "pictures": len(own),
        "refused": int(own.y_score.isna().sum()),
        "external": outside,
        "internal": {name: inside.get(name) for name in FIGURES},
        "drop": {name: drop(inside.get(name), outside[name]) for name in FIGURES},
        "verdicts": {str(label): verdicts(part, point) for label, part in read.groupby("label")},
    }


def drop(inside: Json | None, outside: Json | None) -> Json | None:
    """Return by how much a figure is lower outside, with its 95 % interval; None where one of them is missing.

    Source:
        Intervals of a difference of independent figures from theirs: Newcombe 1998,
        doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10.
    """
    if not inside or not outside:
        return None
    value = inside["value"] - outside["value"]
    if None in (inside["low"], outside["low"]):
        return {"value": value, "low": None, "high": None}
    low = value - hypot(inside["value"] - inside["low"], outside["high"] - outside["value"])
    high = value + hypot(inside["high"] - inside["value"], outside["value"] - outside["low"])
    return {"value": value, "low": low, "high": high}


def sections(rows: pd.DataFrame, analyzer: Analyzer, folder: Path) -> tuple[list[Section], Json]:
    """Return the report's parts, and its figures for machines."""
    heads = {name: head.facts for name, head in analyzer.registry.heads.items()}
    found = {name: judged(rows[rows.model == name], facts) for name, facts in heads.items()}
    parts = [Section("Figures", FIGURES_TEXT, [_figures(found)]), Section("Pictures", PICTURES_TEXT, _pictures(rows))]
    for name, facts in heads.items():
        own = rows[(rows.model == name) & rows.label.isin(facts.labels) & rows.y_score.notna()]
        if len(own):
            parts.append(Section(facts.title, "", [_verdicts(found[name])], _plots(own, facts, analyzer, folder)))
    return parts, {"interval": INTERVAL, "models": found}


FIGURES_TEXT = """Thresholds and bands are those of the models, as the app uses them; nothing was fitted to these films.
The drop is the figure of the model's own test split less the one here: where its interval holds 0, no drop was shown,
which is not the same as none. Patients are drawn for the intervals where the table names them, else pictures."""
PICTURES_TEXT = """What could not be read, or was refused, counts in no figure: look at the reasons first."""


def _figures(found: dict[str, Json]) -> Table:
    rows = [
        [
            model["title"], words, figure_text(model["external"][name]), figure_text(model["internal"][name]),
            figure_text(model["drop"][name]),
        ]
        for model in found.values()
        for name, words in FIGURES.items()
    ]  # fmt: skip
    return Table(f"Here beside the test split. {INTERVAL}", ("model", "figure", "here", "test split", "drop"), rows)


def _pictures(rows: pd.DataFrame) -> list[Table]:
    one = rows[rows.model == rows.model.iloc[0]]
    cells = [
        (label, len(part), part.patient_id.nunique(), int(part.y_score.isna().sum()), int((part.cautions != "").sum()))
        for label, part in one.groupby("label")
    ]
    came = Table("What came", ("class", "pictures", "patients", "refused", "with a caution"), cells)
    reasons = one[one.refusal != ""].refusal.value_counts()
    refused = Table("Why pictures were not read", ("reason", "pictures"), list(reasons.items()))
    return [came, refused] if len(reasons) else [came]


def _verdicts(model: Json) -> Table:
    rows = [(in_words(label), *counts.values()) for label, counts in model["verdicts"].items()]
    names = next(iter(model["verdicts"].values()))
    return Table("Verdicts by class", ("class", *names), rows)


def _plots(own: pd.DataFrame, facts: HeadFacts, analyzer: Analyzer, folder: Path) -> list[Picture]:
    point = OperatingPoint(facts.point.threshold, facts.point.negative_below, facts.point.positive_from)
    negative = facts.negative
    counts = Confusion(**measure(own, facts.point.threshold)["confusion"])
    paths = {kind: folder / f"{kind}_{facts.name}.png" for kind in ("roc", "scores", "confusion")}
    plots.scores(own, point, paths["scores"])
    plots.confusion_matrix(counts, (negative, facts.positive), paths["confusion"])
    shown = [
        Picture(paths["scores"], "Scores by class"),
        Picture(paths["confusion"], "At the model's threshold"),
    ]
    if own.y_true.nunique() == 2:
        plots.roc({"here": own}, point, paths["roc"])
        shown.insert(0, Picture(paths["roc"], "ROC curve"))
    wrong = own[(own.y_score >= facts.point.threshold) != (own.y_true == 1)]
    missed, called = wrong[wrong.y_true == 1].nsmallest(SHOWN, "y_score"), wrong[wrong.y_true == 0]
    for words, part in (
        (f"{in_words(facts.positive)} below the threshold", missed),
        (f"{in_words(negative)} at or above it", called.nlargest(SHOWN, "y_score")),
    ):
        if len(part):
            shown.append(Picture(_cases(part, facts.name, analyzer), f"{words}, the worst first, with their heat"))
    return shown


def _cases(part: pd.DataFrame, model: str, analyzer: Analyzer) -> bytes:
    """Draw films under the heat that misled the model."""
    tiles = []
    for path in part.path:
        analysis = analyzer.analyse(Path(path).read_bytes(), [model])
        picture = overlay(analysis.image, analysis.predictions[0].heat)
        tiles.append(cv2.cvtColor(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB))
    names = [f"{score:.3f}  {_short(Path(path).name)}" for path, score in zip(part.path, part.y_score, strict=True)]
    return grid(tiles, names, a_row=4, inches=2.2)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 8]}…{name[-7:]}"


def main() -> None:
    """Read the command line and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FOLDER_OR_CSV")
    parser.add_argument("--output", type=Path, help="a folder (runs/external/NAME)")
    args = parser.parse_args()
    pictures = labelled(args.source)
    folder = args.output or RUNS / "external" / args.source.resolve().stem
    folder.mkdir(parents=True, exist_ok=True)
    analyzer = Analyzer.load()
    rows = predictions(analyzer, pictures)
    rows.to_csv(folder / "predictions.csv", index=False)
    parts, figures = sections(rows, analyzer, folder)
    run.write_json(folder / "report.json", figures)
    title = f"{args.source.name}: {len(pictures)} pictures of another hospital"
    (folder / "report.html").write_text(page(title, parts), encoding="utf-8")
    refused = int((rows[rows.model == analyzer.names[0]].refusal != "").sum())
    print(f"{folder / 'report.html'}: {len(pictures)} pictures, {refused} refused")
    for model in figures["models"].values():
        print(
            f"  {model['title']}: ROC AUC {figure_text(model['external']['roc_auc'])}, "
            f"on its test split {figure_text(model['internal']['roc_auc'])}"
        )


if __name__ == "__main__":
    main()
