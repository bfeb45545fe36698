"""The model card of an artefact, written from its metadata.json.

Source:
    Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from training.report import summary, tables
from training.report.render import Table, markdown_table, render
from training.report.tables import MeasuredHead
from xray import answers, head_figures
from xray.answers import Group
from xray.finding import of_label
from xray.prediction import in_words
from xray.registry import BACKBONE

Json = Mapping[str, Any]


def card(facts: Json) -> str:
    """Return the card of an artefact as Markdown; of a user's own head with nothing but what its run says."""
    if "data" in facts["training"]:
        return _tidy(render("own_card.md", facts=facts, **_head(facts), **_own(facts)))
    backbone = facts["name"] if facts["kind"] == "backbone" else facts.get("backbone", BACKBONE)
    values: dict[str, Any] = {
        "facts": facts, "served": BACKBONE, "backbone": backbone, "in_words": in_words, "siim": _knows_siim(facts),
    }  # fmt: skip
    match facts["kind"]:
        case "head":
            values |= _head(facts)
        case "backbone":
            metrics = facts["metrics"]
            values["areas"] = {
                name.removeprefix("val_").replace("_", " "): value
                for name, value in metrics.items()
                if name.startswith("val_") and not {"AP", "PA"} & set(name.split("_"))
            }
            values["beside"] = beside_table(metrics.get("beside", []), facts["name"])
            values["outside"] = [row["figure"] for row in metrics.get("beside", []) if row["inside"] is False]
        case "opacity":
            values["located"] = tables.opacity(facts["metrics"])
        case "screen":
            values["screened"] = tables.screen(facts["metrics"])
    return _tidy(render("card.md", **values))


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _own(facts: Json) -> dict[str, Any]:
    """Return what the card of a user's own head says besides its tables."""
    metrics, data = facts["metrics"], facts["training"]["data"]
    report = {**facts, "data": data}
    several = len(facts["training"]["config"]["sources"]) > 1
    known = {key for row in metrics["test"].values() for key in ("sexes", "ages", "views") if len(row[key]) > 1}
    decides = any(map(summary.decides, facts["points"]))
    doubtful = {
        label for label, point in zip(facts["labels"], facts["points"], strict=True) if not summary.decides(point)
    }
    named = not any("of one patient" in each for each in data["warnings"])
    return {
        "sentences": summary.sentences(report),
        "warnings": summary.warnings(report),
        "decides": decides,
        "doubtful": doubtful,
        "checklist": [
            (True, "what was taken and left, and why"),
            (named, "patients named, and kept on one side of every split"),
            (True, "near-copies found, and kept on one side of every split"),
            (False, "reference standard: who labelled the radiographs, and how; its owner's to add"),
            (True, "preprocessing, settings, seed, software versions, code"),
            (decides, "operating point chosen on validation patients"),
            (True, "intervals over patients; predictors that see no lungs beside every figure"),
            (len(known) == 3, "figures by view, sex and age"),
            (bool(metrics["left_out"]), "figures in a source that the head did not learn from"),
            (bool(metrics.get("audit")), "audit: erased lungs, harmless changes, heat (`python -m training audit`)"),
            (several, "more than one hospital"),
            (False, "readers' study, clinical benefit, harm"),
        ],
    }


def _knows_siim(facts: Json) -> bool:
    """Tell whether an artefact was made with siim's radiographs; those of version 3 were not."""
    return facts["kind"] == "opacity" or '"siim' in json.dumps([facts["training"], facts["metrics"]])


def _head(facts: Json) -> dict[str, Any]:
    """Return the tables of a head, in sections by title; sections without rows are left out."""
    measured, name = MeasuredHead.of(facts), facts["name"]
    labels, audit = head_figures.measured_labels(measured), head_figures.audit(measured)
    pair = head_figures.is_pair(measured)
    several = len({part.name for label in labels for part in head_figures.parts(measured, label, "sources")}) > 1
    kinds = ("all", *(["sources"] if several else []), "children", "baselines")
    figures = [tables.figures("Test radiographs", measured, labels, *kinds)]
    if not pair and not measured.exclusive:
        kinds = ("all", "baselines", "left_out", "inside")
        figures = [tables.figures(in_words(label, own=measured.is_own), measured, [label], *kinds) for label in labels]
    sections: dict[str, list[Table]] = {
        "Figures": [*figures, tables.figures("By view, sex and age", measured, labels, "views", "sexes", "ages")]
        if "data" in facts["training"]
        else figures,
        "Verdicts": [tables.called("Test radiographs", measured, "test")],
        "Another hospital": [
            tables.left_out(measured) if pair else tables.figures("Source left out", measured, labels, "left_out"),
            tables.called("Verdicts there", measured, "left_out"),
            tables.inside(measured) if audit else tables.figures("One source alone", measured, labels, "inside"),
        ],
    }
    if not measured.exclusive:
        del sections["Another hospital"]
        sections["Verdicts"] = [tables.verdicts(measured, label) for label in labels]
    own = of_label(measured.positive, own=measured.is_own)
    sections["How often an answer is right"] = _answers(answers.of_head(measured), own, own=measured.is_own)
    if audit:
        if audit["together"]:
            sections["Both models together"] = [tables.together(audit), *_answers(answers.of_both(measured), own)]
        sections |= {
            "Calibration and INCONCLUSIVE": [tables.calibration(audit)],
            "Does it look at the lungs?": [tables.erased(audit), tables.heat(audit), tables.sanity(audit)],
            "What harmless changes do": [tables.robustness(audit)],
        }
    sections["Held-out radiographs: the reference article's 48, and others of their patients"] = [
        tables.called("Verdicts", measured, "held_out")
    ]
    full = {title: [each for each in found if each.rows] for title, found in sections.items()}
    points = dict(zip(facts["labels"], facts["points"], strict=True))
    return {
        "name": name,
        "pair": pair,
        "negative": next(label for label in facts["labels"] if label != facts["positive"]),
        "points": points,
        "point": points[facts["positive"]],
        "sections": {title: found for title, found in full.items() if found},
    }


def _answers(groups: Sequence[Group], shown: str, *, own: bool = False) -> list[Table]:
    return [tables.got(groups, own=own), tables.worth_of(groups, shown, own=own)]


def beside_table(rows: Sequence[Json], name: str) -> str:
    """Return, in Markdown, how another backbone compares with the served one."""
    said = {True: "yes", False: "**no**", None: "–"}
    head = ["figure", "target", BACKBONE, name, f"inside the interval of {BACKBONE}"]
    cells = [[row["figure"], row["target"], row["whole"], row["slim"], said[row["inside"]]] for row in rows]
    return markdown_table(head, cells)
