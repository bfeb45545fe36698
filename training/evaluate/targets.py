"""What the owner asked the models to reach, beside what the audit measured, for the served backbone and for another.

`python -m training beside` prints how another backbone compares with the served one, target by target; `export
backbone` puts the table on its card.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from training.config import RUNS
from training.metrics.discrimination import wilson
from training.metrics.figures import Json
from training.report.card import beside_table
from training.report.render import figure_text
from xray.combined import MODELS
from xray.errors import DatasetError
from xray.head_figures import UNDECIDED
from xray.registry import BACKBONE, made_for

CHILDREN = "the children's published test part"
ELSEWHERE = "left out"
# Kinds of images of which most must be refused.
NOT_CHEST = ("ct", "brain_mri", "lateral")
# Of an interval's ends: Wilson's for none of n is not exactly 0.
ROUNDING = 1e-9
# Largest share of the normals of a source left out that may be POSITIVE, and of the ill that may be NEGATIVE.
WRONG, WRONG_OF = 0.08, {"nih": 0.12, "radiography-rsna": 0.04}


def reached(report: Json) -> list[Json]:
    """Return one entry a target: figure, target, reached (in words, with n and interval), met, value, low and high.

    `low` and `high` are the interval's ends, None where there is no interval.
    """
    first, second = (report["measured"][name] for name in MODELS)
    rows = {row["films"]: row for row in report["models"]["covid_normal"]["together"]}
    entries = [
        *_areas(first, "sources", {"siim": 0.93}, "model 1 in {}, AUC"),
        *_areas(second, "sources", {"siim": 0.83}, "model 2 in {}, AUC"),
        *_areas(first, "source_views", {"nih, AP": 0.88, "nih, PA": 0.83}, "model 1 in {}, AUC"),
        *_areas(first, "left_out", {"siim": 0.85, "kermany": 0.97, "nih": 0.75}, "model 1, {} left out, AUC"),
        *_areas(first, "left_out_views", {"nih, AP": 0.82, "nih, PA": 0.75}, "model 1, {} left out, AUC"),
        *_areas(second, "left_out", {"cohen": 0.80}, "model 2, {} left out, AUC"),
    ]
    covid = rows.get(f"covid, cohen, {ELSEWHERE}")
    if covid:
        for model, least in (("covid_normal", 0.92), ("covid_pneumo", 0.88), ("both", 0.85)):
            name = f"COVID found in cohen, left out, {TITLES[model]}"
            entries.append(_least(name, covid["share"][model], least, covid["n"]))
    entries += _wrong(first)
    for label, most in (("normal", 2), ("pneumonia", 3)):
        if row := rows.get(f"{label}, {CHILDREN}"):
            entries.append(_count(f"children: {label} POSITIVE by both", row, "both", most))
    for name in MODELS:
        model = report["models"][name]
        entries += [_erased(TITLES[name], row) for row in model["erased"] if row["erasure"] == "lungs_erased"]
        entries += [
            _below(f"calibration error, {TITLES[name]}, {row['left_out']} left out", error, 0.05)
            for row in model["left_out"]
            if (error := (row["calibration"] or {}).get("expected_calibration_error")) is not None
        ]
    return entries


TITLES = {"covid_normal": "model 1", "covid_pneumo": "model 2", "both": "both together"}


def _areas(measured: Json, kind: str, least: Mapping[str, float], words: str) -> list[Json]:
    """Return the AUC in some sources or views, as far as they hold both sides."""
    metrics, label = measured["metrics"], measured["positive"]
    parts = metrics["test"][label] if kind not in metrics else {}
    found = parts.get(kind) or {
        name: labels[label] for name, labels in metrics.get(kind, {}).items() if label in labels
    }
    return [
        _least(words.format(name), row["roc_auc"], most, row["n"])
        for name, most in least.items()
        if (row := found.get(name)) and row["roc_auc"]
    ]


def _wrong(measured: Json) -> list[Json]:
    """Return the shares of wrong verdicts of model 1 in each source left out, and of INCONCLUSIVE ones."""
    entries = []
    for row in measured["metrics"]["called"]:
        if row["part"] != "left_out":
            continue
        wrong = "covid" if row["label"] == "normal" else "normal"
        said = {"covid": "POSITIVE", "normal": "NEGATIVE"}[wrong]
        most = WRONG_OF.get(row["source"], WRONG)
        where = f"{row['label']}, {row['source']} left out, model 1"
        entries.append(_share(f"{where}: {said}", row["called"][wrong], row["n"], most))
        entries.append(_share(f"{where}: INCONCLUSIVE", row["called"][UNDECIDED], row["n"], 0.25))
    return entries


def _share(figure: str, count: int, n: int, most: float) -> Json:
    value, (low, high) = count / n, wilson(count, n)
    return _entry(figure, f"at most {most:.0%}", f"{count} of {n}, {value:.1%}", value <= most,
                  {"value": value, "low": low, "high": high})  # fmt: skip


def _count(figure: str, row: Json, model: str, most: int) -> Json:
    positive, n = row["positive"][model], row["n"]
    low, high = wilson(positive, n)
    return _entry(figure, f"at most {most}", f"{positive} of {n}", positive <= most,
                  {"value": positive / n, "low": low, "high": high})  # fmt: skip


def _least(figure: str, found: Json, least: float, n: int) -> Json:
    return _entry(figure, f"at least {least:.2f}", f"{figure_text(found)}, n {n}", found["value"] >= least, found)


def _below(figure: str, value: float, most: float) -> Json:
    return _entry(figure, f"at most {most}", f"{value:.3f}", value <= most, {"value": value})


def _erased(model: str, row: Json) -> Json:
    """Judge by how far from 0.5 the area is: below it the score would mean the contrary."""
    found = row["roc_auc"]
    words = f"{figure_text(found)}, n {row['n']}"
    met = 0.45 <= found["value"] <= 0.55
    return _entry(f"AUC of {model} with the lungs erased", "0.45 to 0.55", words, met, found)


def _entry(figure: str, target: str, words: str, met: bool, found: Json) -> Json:
    ends = {key: found.get(key) for key in ("value", "low", "high")}
    return {"figure": figure, "target": target, "reached": words, "met": bool(met), **ends}


def beside(name: str) -> list[Json]:
    """Compare another backbone with the served one.

    Returns:
        One entry a figure: figure, target, whole and slim (in words), inside (whether the other's value lies in the
        served one's interval; None without an interval). Nothing before both were audited.

    Raises:
        DatasetError: the audits are of other radiographs.
    """
    reports = [_read(made_for(RUNS, each) / "audit" / "report.json") for each in (BACKBONE, name)]
    if not all(reports):
        return []
    if len({report["manifest_sha256"] for report in reports}) > 1:
        raise DatasetError(
            "Expected audits of the same radiographs. Received other manifests. Run `python -m training audit` and "
            f"`python -m training audit --backbone {name}`."
        )
    slim = {row["figure"]: row for row in reports[1]["targets"]}
    found = [
        {
            "figure": whole["figure"],
            "target": whole["target"],
            "whole": whole["reached"],
            "slim": slim[whole["figure"]]["reached"],
            "inside": _inside(whole, slim[whole["figure"]]["value"]),
        }
        for whole in reports[0]["targets"]
        if whole["figure"] in slim
    ]
    return found + _screened(name)


def _inside(whole: Mapping[str, float | None], value: float) -> bool | None:
    """Tell whether a value lies in another figure's interval; None where that has none."""
    low, high = whole["low"], whole["high"]
    return None if low is None or high is None else low - ROUNDING <= value <= high + ROUNDING


def _screened(name: str) -> list[Json]:
    reports = [_read(made_for(RUNS, each) / "screen" / "report.json") for each in (BACKBONE, name)]
    if not all(reports):
        return []
    first, second = (report["figures"]["not_frontal"] for report in reports)
    parts = [("refused by the gate or the screen", f"{kind} refused by gate and screen", kind) for kind in NOT_CHEST]
    asked = "frontal test films refused"
    left_out = f"{asked}, their source left out of the training"
    parts += [(part, f"{part}: {source}", source) for part in (asked, left_out) for source in first[part]]
    return [
        {
            "figure": figure,
            "target": "at most 1 %" if part.startswith(asked) else f"at least {90 if kind == 'lateral' else 99} %",
            "whole": "{flagged} of {n}".format(**first[part][kind]),
            "slim": "{flagged} of {n}".format(**second[part][kind]),
            "inside": _inside(first[part][kind], second[part][kind]["flagged"] / second[part][kind]["n"]),
        }
        for part, figure, kind in parts
    ]


def _read(path: Path) -> Json:
    found: Json = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def run(args: argparse.Namespace) -> None:
    """Print the comparison."""
    found = beside(args.backbone)
    if not found:
        folders = [made_for(RUNS, each) / "audit" for each in (BACKBONE, args.backbone)]
        missing = next((each for each in folders if not (each / "report.json").exists()), folders[1])
        raise DatasetError(
            f"Expected the audits of {BACKBONE} and {args.backbone}. Received: none in {missing}. "
            "Run `python -m training audit`, and the same with --backbone."
        )
    print(beside_table(found, args.backbone))
