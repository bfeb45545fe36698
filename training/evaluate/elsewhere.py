"""How the served models do on other radiographs: `python -m training test-elsewhere FOLDER_OR_CSV`.

FOLDER holds a folder for each label; a CSV has the columns path and label. Every radiograph is read as the app reads
it. What a model was trained on counts in none of its figures. Writes report.html, report.json and predictions.csv, with
the radiographs that each model got wrong: keep them where the radiographs may be kept.
"""

import argparse
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training import run as runs
from training.config import MODELS, RUNS
from training.data.labelled import Labelled, labelled
from training.data.own import is_absent
from training.evaluate.scored import VERDICTS, Scored
from training.evaluate.seen import seen
from training.fit.head_config import UNKNOWN
from training.metrics.discrimination import wilson
from training.metrics.figures import INTERVAL, Json
from training.progress import progress
from training.report import mistakes, plots
from training.report.mistakes import Explained
from training.report.render import FIGURES, Picture, Section, Table, figure_text, page
from xray import head_figures
from xray.analysis import Analyzer
from xray.errors import DatasetError, ImageError
from xray.head_figures import MEAN
from xray.networks.metadata import HeadFacts
from xray.prediction import in_words

FIGURES_TEXT = """Operating points are those of the models, as the app uses them; nothing was fitted to these
radiographs. The drop is the figure of the model's own test split less the one here: where its interval holds 0, no drop
was shown, which is not the same as none. Patients are drawn for the intervals where the table names them, else
radiographs."""
READ_TEXT = """What could not be read, or was refused, counts in no figure: look at the reasons first."""
# What else people call labels of the published heads, in lower case without spaces, dashes and underscores.
ALSO_CALLED = {"covid19": "covid", "coronavirus": "covid", "healthy": "normal", "nofinding": "normal"}
PUBLISHED = {"covid", "normal", "pneumonia"}


def predictions(analyzer: Analyzer, found: Sequence[Labelled]) -> pd.DataFrame:
    """Read every radiograph as the app does.

    Returns:
        A row a radiograph: path, sha256, label, labels (a tuple), patient_id, group, source, split, refusal, cautions,
        and the score of each model for each of its labels, in a column such as `covid_normal:covid`; NaN where the
        radiograph was refused.
    """
    rows = []
    for each in progress(found, "read", len(found)):
        patient = each.patient_id or str(each.path)
        row: dict[str, Any] = {
            "path": str(each.path), "sha256": "", "label": "|".join(each.labels), "labels": each.labels,
            "patient_id": patient, "group": patient, "source": "here", "split": "elsewhere", "refusal": "",
            "cautions": "",
        }  # fmt: skip
        try:
            data = each.path.read_bytes()
            row["sha256"] = hashlib.sha256(data).hexdigest()
            analysis = analyzer.analyse(data, analyzer.names)
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
    return pd.DataFrame(rows).reindex(columns=[*dict.fromkeys([*rows[0]][:10]), *columns])


def _plain(word: str) -> str:
    """Return a word in small letters and digits, and a published label by its own name."""
    plain = "".join(letter for letter in word.lower() if letter.isalnum())
    return ALSO_CALLED.get(plain, plain)


def label_of(given: str, facts: HeadFacts) -> str:
    """Return the label of a model that a word means, or nothing."""
    return {_plain(label): label for label in facts.labels}.get(_plain(given), "")


def _shows(given: Sequence[str], label: str, facts: HeadFacts) -> int:
    """Tell whether a radiograph of given labels shows a label of a model: 1, 0 or UNKNOWN."""
    meant = {label_of(each, facts) for each in given}
    if facts.exclusive:
        return UNKNOWN if meant == {""} else int(label in meant)
    if label in meant:
        return 1
    if facts.is_own:
        return UNKNOWN if meant == {""} and not any(map(is_absent, given)) else 0
    words = set(map(_plain, given))
    if label == "abnormal":
        return int("normal" not in words) if words & PUBLISHED else UNKNOWN
    return 0 if "normal" in words or (label in PUBLISHED and words & PUBLISHED) else UNKNOWN


def _scored(rows: pd.DataFrame, facts: HeadFacts) -> Scored:
    """Return a model's scores on the radiographs that were read, whose label it knows, and that it did not learn."""
    truth = np.array([[_shows(given, label, facts) for label in facts.labels] for given in rows.labels], np.int64)
    scores = rows[[f"{facts.name}:{label}" for label in facts.labels]].to_numpy(np.float64)
    found = Scored(facts.labels, facts.points, facts.exclusive, facts.positive, rows, truth, scores)
    return found.part(~np.isnan(scores).any(axis=1)).known


def _judged(found: Scored, facts: HeadFacts) -> Json:
    """Return a model's figures, beside those of its test split."""
    outside = {label: figures for label, figures in found.figures().items() if figures["n"]}
    tested = {label: head_figures.tested(facts, label) or {} for label in outside}
    inside = {label: {name: figures.get(name) for name in FIGURES} for label, figures in tested.items()}
    return {
        "title": facts.title,
        "version": facts.version,
        "is_own": facts.is_own,
        "external": outside,
        "internal": inside,
        "drop": {
            label: {name: drop(inside[label][name], outside[label][name]) for name in FIGURES} for label in outside
        },
        "verdicts": {label: found.verdicts(label) for label in outside if label != MEAN},
        "sentence": sentence(found, facts),
        "absent": [label for index, label in enumerate(facts.labels) if not (found.truth[:, index] == 1).any()],
    }


def sentence(found: Scored, facts: HeadFacts) -> str:
    """Say the commonest wrong verdict here, and how common it is where the model was made."""
    worst: tuple[float, str, str, int, int] | None = None
    for index, label in enumerate(facts.labels):
        here = found.part(found.truth[:, index] == 1)
        for said, count in _called(here, facts, label).items():
            share = count / len(here.table)
            if worst is None or share > worst[0]:
                worst = (share, label, said, count, len(here.table))
    if worst is None:
        return f"{facts.title}: no wrong verdict on {len(found.table)} radiographs here."
    share, label, said, count, n = worst
    low, high = wilson(count, n)
    words = (
        f"{facts.title}: at your hospital {count} of {n} {in_words(label, own=facts.is_own)} films were called {said} "
    )
    interval = f"({100 * share:.0f} % [{100 * low:.0f}, {100 * high:.0f}])"
    made = _where_made(facts, label, said)
    return f"{words}{interval}{made}."


def _called(here: Scored, facts: HeadFacts, label: str) -> Counter[str]:
    """Count the wrong verdicts on radiographs of one label."""
    if facts.exclusive:
        names = [in_words(each, own=facts.is_own) for each in facts.labels]
        said = (names[index] for index in here.judged if index < len(names))
        return Counter(each for each in said if each != in_words(label, own=facts.is_own))
    counts = here.verdicts(label)
    return (
        Counter({f"not {in_words(label, own=facts.is_own)}": counts[VERDICTS[0]]["positive"]})
        if len(here.table)
        else Counter()
    )


def _where_made(facts: HeadFacts, label: str, said: str) -> str:
    rows = [row for row in head_figures.called(facts, "test") if row["label"] == label]
    count = sum(
        row["called"][each] for row in rows for each in facts.labels if in_words(each, own=facts.is_own) == said
    )
    total = sum(row["n"] for row in rows)
    if not facts.exclusive:
        verdicts = head_figures.curves(facts, label).get("verdicts", {})
        count = verdicts.get(VERDICTS[0], {}).get("positive", 0)
        total = sum(each["positive"] for each in verdicts.values())
    return f"; where it was made {100 * count / total:.0f} %" if total else ""


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


def measure(rows: pd.DataFrame, analyzer: Analyzer, names: Sequence[str]) -> tuple[list[Section], Json]:
    """Return the sections of the report, and its figures.

    Raises:
        DatasetError: no model knows these labels, or all radiographs were trained on.
    """
    heads = {name: analyzer.registry.heads[name].facts for name in names}
    found: Json = {}
    known: dict[str, Scored] = {}
    for name, facts in heads.items():
        scored = _scored(rows, facts)
        if not len(scored.table):
            continue
        overlap = seen(rows, facts)
        known[name] = scored.part(~scored.table.path.isin(overlap.paths))
        if len(known[name].table):
            found[name] = {**_judged(known[name], facts), "overlap": overlap.line}
    if not found:
        raise DatasetError(_nothing(rows, heads, trained_on=list(known)))
    sections = [Section("Figures", FIGURES_TEXT, [_figures(found)]), Section("Radiographs", READ_TEXT, _read(rows))]
    for name, model in found.items():
        pictures = _pictures(known[name], heads[name], analyzer)
        sections.append(Section(model["title"], "\n\n".join(_remarks(model)), [_verdicts(model)], pictures))
    return sections, {"interval": INTERVAL, "models": found}


def _nothing(rows: pd.DataFrame, heads: Mapping[str, HeadFacts], trained_on: Sequence[str]) -> str:
    if trained_on:
        return f"Expected radiographs that were not trained on. Received: all are those of {', '.join(trained_on)}."
    labels = ", ".join(sorted({each for labels in rows.labels for each in labels}))
    known = "; ".join(f"{name}: {', '.join(facts.labels)}" for name, facts in heads.items())
    return f"Expected radiographs of a model's labels ({known}). Received: {labels}."


def _remarks(model: Json) -> list[str]:
    """Return what the figures of a model do not say."""
    absent = [
        f"No radiographs of {in_words(label, own=model['is_own'])} here: nothing is known of it."
        for label in model["absent"]
    ]
    return [each for each in (model["overlap"], *absent) if each]


def _figures(found: Json) -> Table:
    rows = [
        [
            model["title"], label if label == MEAN else in_words(label, own=model["is_own"]), words,
            model["external"][label]["n"],
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
        (f"{words} {in_words(label, own=model['is_own'])}", *(counts[side] for counts in verdicts.values()))
        for label, verdicts in model["verdicts"].items()
        for words, side in (("with", "positive"), ("without", "negative"))
    ]
    return Table("Verdicts", ("radiographs", *next(iter(model["verdicts"].values()))), rows)


def _pictures(found: Scored, facts: HeadFacts, analyzer: Analyzer) -> list[Picture]:
    own = found.of_label(facts.positive)
    words = partial(in_words, own=facts.is_own)
    shown = [Picture(plots.scores(own, facts.point, words), f"Scores for {words(facts.positive)}")]
    if own.y_true.nunique() == 2:
        threshold = facts.point.threshold if facts.point.decides else None
        shown.insert(0, Picture(plots.roc({"here": own}, threshold), "ROC curve"))

    def explain(row: pd.Series) -> Explained | None:
        analysis = analyzer.analyse(Path(row.path).read_bytes(), [facts.name])
        return Explained(analysis.image, analysis.lungs, analysis.predictions[0].heat)

    return shown + mistakes.pictures(own, explain)


def run(args: argparse.Namespace) -> None:
    """Measure the served models on the radiographs that the command line names."""
    found = labelled(args.source, args.patient_from or "")
    analyzer = Analyzer.load(MODELS)
    heads = analyzer.registry.heads
    if unknown := [name for name in args.model if name not in heads]:
        raise DatasetError(f"Expected --model out of {', '.join(heads)}. Received: {', '.join(unknown)}.")
    folder = args.output or RUNS / "elsewhere" / args.source.resolve().stem
    folder.mkdir(parents=True, exist_ok=True)
    rows = predictions(analyzer, found.radiographs)
    rows.drop(columns="labels").to_csv(folder / "predictions.csv", index=False)
    sections, figures = measure(rows, analyzer, args.model or list(heads))
    left = [f"{count} left: {reason}" for reason, count in sorted(found.left.items())]
    models = figures["models"].values()
    made = {"data": args.source.name, "command": args.command, **runs.now()}
    summary = [model["sentence"] for model in models]
    title = f"{args.source.name}: {len(rows)} radiographs of another hospital"
    text = page(title, sections, made=made, summary=summary, warnings=[model["overlap"] for model in models] + left)
    (folder / "report.html").write_text(text, encoding="utf-8")
    runs.write_json(folder / "report.json", {**figures, "made": made, "left": left})
    for model in models:
        print(model["sentence"], *_remarks(model), sep="\n  ")
    print(*left, f"{int((rows.refusal != '').sum())} refused by the app's checks", sep="\n")
    print(f"report: {folder / 'report.html'}")
