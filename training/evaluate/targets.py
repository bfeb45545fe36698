"""What the owner asked the models to reach, beside what the audit measured, for the served backbone and for another.

`python -m training beside` prints how another backbone compares with the served one, target by target; `export
backbone` puts the table on its card.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from training.config import RUNS
from training.metrics.figures import Json
from training.report.card import beside_table
from training.report.render import figure_text
from xray.combined import MODELS
from xray.errors import DatasetError
from xray.registry import BACKBONE, made_for

CHILDREN = "the children's published test part"
# Kinds of images of which most must be refused.
NOT_CHEST = ("ct", "brain_mri", "lateral")


def reached(report: Json) -> list[Json]:
    """Return one entry a target: figure, target, reached (in words, with n and interval), met, value, low and high.

    `low` and `high` are the interval's ends, None where there is no interval.

    Args:
        report: of the audit of models 1 and 2.
    """
    first, second = (report["models"][name] for name in MODELS)
    rows = {row["films"]: row for row in first["together"]}
    normal, pneumonia, covid = (
        rows[name] for name in (f"normal, {CHILDREN}", f"pneumonia, {CHILDREN}", "covid, cohen")
    )
    found = report["without_nih"]["covid_pneumo"]["cohen COVID found"]
    titles = [report["measured"][name]["title"] for name in MODELS]
    return [
        _count("children, model 1: normals called COVID", normal, "covid_normal", 5),
        _count("children, model 2: pneumonias called COVID", pneumonia, "covid_pneumo", 1),
        _count("children, both together: normals called COVID", normal, "both", 2),
        _count("children, both together: pneumonias called COVID", pneumonia, "both", 3),
        _least("COVID found in cohen, model 1", covid["share"]["covid_normal"], 0.90, covid["n"]),
        _least("COVID found in cohen, model 2", covid["share"]["covid_pneumo"], 0.90, covid["n"]),
        _least("COVID found in cohen, both together", covid["share"]["both"], 0.85, covid["n"]),
        *_left_out(report["measured"]["covid_normal"]),
        _most("adult pneumonia of nih called COVID by model 2, nih left out", _nih(report, "covid_pneumo"), 0.20),
        _most("adult normals of nih called COVID by model 1, nih left out", _nih(report, "covid_normal"), 0.05),
        _least("COVID found in cohen by model 2, nih left out", found["share"]["share"], 0.80, found["n"]),
        _told(
            "COVID against other pneumonia inside cohen, AUC",
            report["measured"]["covid_pneumo"]["metrics"]["inside"]["cohen"]["covid"]["roc_auc"],
        ),
        *[
            _erased(name, row)
            for name in MODELS
            for row in report["models"][name]["erased"]
            if row["erasure"] == "lungs_erased"
        ],
        *[
            _below(f"calibration error, {title}", model["calibration"]["expected_calibration_error"], 0.03)
            for title, model in zip(titles, (first, second), strict=True)
        ],
    ]


def _left_out(measured: Json) -> list[Json]:
    """Return the AUC in each source that the head was trained without and that has both sides."""
    rows = {name: labels[measured["positive"]] for name, labels in measured["metrics"]["left_out"].items()}
    return [
        _least(f"model 1, {name} left out, AUC", row["roc_auc"], 0.85 if name == "nih" else 0.93, row["n"])
        for name, row in rows.items()
        if row["roc_auc"]
    ]


def _nih(report: Json, model: str) -> Json:
    return next(value for name, value in report["without_nih"][model].items() if name.startswith("nih"))


def _count(figure: str, row: Json, model: str, most: int) -> Json:
    called = row["called"][model]
    words = f"{called} of {row['n']} ({row['positive'][model]} POSITIVE)"
    return _entry(figure, f"at most {most}", words, called <= most, row["share"][model])


def _least(figure: str, found: Json, least: float, n: int) -> Json:
    return _entry(figure, f"at least {least:.2f}", f"{figure_text(found)}, n {n}", found["value"] >= least, found)


def _most(figure: str, row: Json, most: float) -> Json:
    share = row["share"]["share"]
    words = f"{figure_text(share)}, n {row['n']} ({row['positive']['share']} POSITIVE)"
    return _entry(figure, f"at most {most:.0%}", words, share["value"] <= most, share)


def _below(figure: str, value: float, most: float) -> Json:
    return _entry(figure, f"at most {most}", f"{value:.3f}", value <= most, {"value": value})


def _told(figure: str, found: Json) -> Json:
    return _entry(figure, "said", figure_text(found), True, found)


def _erased(model: str, row: Json) -> Json:
    """Judge by how far from 0.5 the area is: below it the score would mean the contrary."""
    found = row["roc_auc"]
    value = found["value"]
    words = f"{figure_text(found)}, n {row['n']}"
    return _entry(f"AUC of {model} with the lungs erased", "at most 0.55", words, value <= 0.55, found)


def _entry(figure: str, target: str, words: str, met: bool, found: Json) -> Json:
    ends = {key: found.get(key) for key in ("value", "low", "high")}
    return {"figure": figure, "target": target, "reached": words, "met": bool(met), **ends}


def beside(name: str) -> list[Json]:
    """Compare another backbone with the served one.

    Args:
        name: of the other backbone.

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
    pairs = zip(*(report["targets"] for report in reports), strict=True)
    found = [
        {
            "figure": whole["figure"],
            "target": whole["target"],
            "whole": whole["reached"],
            "slim": slim["reached"],
            "inside": _inside(whole, slim["value"]),
        }
        for whole, slim in pairs
    ]
    return found + _screened(name)


def _inside(whole: Mapping[str, float | None], value: float) -> bool | None:
    """Tell whether a value lies in another figure's interval; None where that has none."""
    low, high = whole["low"], whole["high"]
    return None if low is None or high is None else low <= value <= high


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
