"""How the served models do in another hospital: `python -m training test-elsewhere FOLDER_OR_CSV`.

FOLDER holds a folder for each label; a CSV has the columns path and label. Every radiograph is read as the app reads
it. Writes report.html, report.json and predictions.csv, with the radiographs that each model got wrong: keep them where
the radiographs may be kept.
"""

import argparse
from collections.abc import Sequence
from math import hypot
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from training import run as runs
from training.config import RUNS
from training.data.labelled import Labelled, labelled
from training.data.manifest import LABELS
from training.evaluate.scored import Scored
from training.fit.head_config import UNKNOWN
from training.metrics.figures import INTERVAL, Json
from training.report import mistakes, plots
from training.report.mistakes import Explained
from training.report.render import FIGURES, Picture, Section, Table, figure_text, page
from xray import head_figures
from xray.analysis import Analyzer
from xray.errors import ImageError
from xray.head_figures import MEAN
from xray.networks.metadata import HeadFacts
from xray.prediction import in_words

FIGURES_TEXT = """Operating points are those of the models, as the app uses them; nothing was fitted to these
radiographs. The drop is the figure of the model's own test split less the one here: where its interval holds 0, no drop
was shown, which is not the same as none. Patients are drawn for the intervals where the table names them, else
radiographs."""
READ_TEXT = """What could not be read, or was refused, counts in no figure: look at the reasons first."""


def predictions(analyzer: Analyzer, found: Sequence[Labelled]) -> pd.DataFrame:
    """Read every radiograph as the app does.

    Args:
        analyzer: the served models.
        found: the radiographs.

    Returns:
        A row a radiograph: path, label, patient_id, group, source, split, refusal, cautions, and the score of each
        model for each of its labels, in a column such as `covid_normal:covid`; NaN where the radiograph was refused.
    """
    rows = []
    for each in tqdm(found, desc="read", disable=None):
        row = {
            "path": str(each.path), "label": each.label, "patient_id": each.patient_id, "group": each.patient_id,
            "source": "external", "split": "external", "refusal": "", "cautions": "",
        }  # fmt: skip
        try:
            analysis = analyzer.analyse(each.path.read_bytes(), analyzer.names)
            row["cautions"] = " ".join(analysis.cautions)
            row |= {
                f"{said.model}:{label.label}": label.score for said in analysis.predictions for label in said.labels
            }
        except ImageError as error:
            row["refusal"] = str(error)
        except OSError as error:
            row["refusal"] = f"Expected a file that can be read. Received: {error.strerror}."
        rows.append(row)
    columns = [f"{name}:{label}" for name, head in analyzer.registry.heads.items() for label in head.facts.labels]
    table = pd.DataFrame(rows)
    return table.reindex(columns=[*dict.fromkeys([*rows[0]][:8]), *columns])


def _scored(rows: pd.DataFrame, facts: HeadFacts) -> Scored:
    """Return a model's scores on the radiographs that were read and whose label it knows."""
    truth = np.array([[_shows(given, label, facts) for label in facts.labels] for given in rows.label], np.int64)
    scores = rows[[f"{facts.name}:{label}" for label in facts.labels]].to_numpy(np.float64)
    found = Scored(facts.labels, facts.points, facts.exclusive, facts.positive, rows, truth, scores)
    return found.part(~np.isnan(scores).any(axis=1)).known


def _shows(given: str, label: str, facts: HeadFacts) -> int:
    """Tell whether a radiograph of a given label shows a label of a model: 1, 0 or UNKNOWN."""
    if facts.exclusive and given not in facts.labels:
        return UNKNOWN
    if label == "abnormal":
        return int(given != "normal")
    return int(given == label) if label in LABELS or given == "normal" else UNKNOWN


def _judged(found: Scored, facts: HeadFacts) -> Json:
    """Return a model's figures, beside those of its test split."""
    outside = {label: figures for label, figures in found.figures().items() if figures["n"]}
    tested = {label: head_figures.tested(facts, label) or {} for label in outside}
    inside = {label: {name: figures.get(name) for name in FIGURES} for label, figures in tested.items()}
    return {
        "title": facts.title,
        "version": facts.version,
        "external": outside,
        "internal": inside,
        "drop": {
            label: {name: drop(inside[label][name], outside[label][name]) for name in FIGURES} for label in outside
        },
        "verdicts": {label: found.verdicts(label) for label in outside if label != MEAN},
    }


def drop(inside: Json | None, outside: Json | None) -> Json | None:
    """Return by how much a figure is lower outside, with its 95 % interval; None where one of them is missing.

    Args:
        inside: the figure of the test split.
        outside: the figure here.

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


def _report(rows: pd.DataFrame, analyzer: Analyzer) -> tuple[list[Section], Json]:
    """Return the sections of the report, and its figures."""
    heads = {name: head.facts for name, head in analyzer.registry.heads.items()}
    known = {name: _scored(rows, facts) for name, facts in heads.items()}
    found = {name: _judged(known[name], facts) for name, facts in heads.items() if len(known[name].table)}
    sections = [Section("Figures", FIGURES_TEXT, [_figures(found)]), Section("Radiographs", READ_TEXT, _read(rows))]
    for name, model in found.items():
        sections.append(Section(model["title"], "", [_verdicts(model)], _pictures(known[name], heads[name], analyzer)))
    return sections, {"interval": INTERVAL, "models": found}


def _figures(found: Json) -> Table:
    rows = [
        [
            model["title"], label if label == MEAN else in_words(label), words, model["external"][label]["n"],
            *(figure_text(model[key][label][name]) for key in ("external", "internal", "drop")),
        ]
        for model in found.values()
        for label in model["external"]
        for name, words in FIGURES.items()
    ]  # fmt: skip
    head = ("model", "label", "figure", "n", "here", "test split", "drop")
    return Table(f"Here beside the test split. {INTERVAL}", head, rows)


def _read(rows: pd.DataFrame) -> list[Table]:
    cells = [
        (
            label, len(part), part.patient_id.nunique(), int((part.refusal != "").sum()),
            int((part.cautions != "").sum()),
        )
        for label, part in rows.groupby("label")
    ]  # fmt: skip
    read = Table("Radiographs", ("label", "radiographs", "patients", "refused", "with a caution"), cells)
    reasons = rows[rows.refusal != ""].refusal.value_counts()
    refused = Table("Why radiographs were not read", ("reason", "radiographs"), list(reasons.items()))
    return [read, refused] if len(reasons) else [read]


def _verdicts(model: Json) -> Table:
    rows = [
        (f"{words} {in_words(label)}", *(counts[side] for counts in verdicts.values()))
        for label, verdicts in model["verdicts"].items()
        for words, side in (("with", "positive"), ("without", "negative"))
    ]
    return Table("Verdicts", ("radiographs", *next(iter(model["verdicts"].values()))), rows)


def _pictures(found: Scored, facts: HeadFacts, analyzer: Analyzer) -> list[Picture]:
    own = found.of_label(facts.positive)
    shown = [Picture(plots.scores(own, facts.point), f"Scores for {in_words(facts.positive)}")]
    if own.y_true.nunique() == 2:
        shown.insert(0, Picture(plots.roc({"here": own}, facts.point.threshold), "ROC curve"))

    def explain(row: pd.Series) -> Explained | None:
        analysis = analyzer.analyse(Path(row.path).read_bytes(), [facts.name])
        return Explained(analysis.image, analysis.lungs, analysis.predictions[0].heat)

    return shown + mistakes.pictures(own, explain)


def run(args: argparse.Namespace) -> None:
    """Measure the served models on the radiographs that the command line names."""
    found = labelled(args.source)
    folder = args.output or RUNS / "external" / args.source.resolve().stem
    folder.mkdir(parents=True, exist_ok=True)
    analyzer = Analyzer.load()
    rows = predictions(analyzer, found)
    rows.to_csv(folder / "predictions.csv", index=False)
    sections, figures = _report(rows, analyzer)
    runs.write_json(folder / "report.json", figures)
    title = f"{args.source.name}: {len(found)} radiographs of another hospital"
    (folder / "report.html").write_text(page(title, sections), encoding="utf-8")
    print(f"{folder / 'report.html'}: {len(found)} radiographs, {int((rows.refusal != '').sum())} refused")
    for model in figures["models"].values():
        for label, external in model["external"].items():
            here, test = (figure_text(each["roc_auc"]) for each in (external, model["internal"][label]))
            print(f"  {model['title']}, {in_words(label)}: ROC AUC {here}, on its test split {test}")
