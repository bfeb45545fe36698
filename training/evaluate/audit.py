"""Would the figures survive another hospital? `python -m training audit`.

Reads the runs of heads that were evaluated, and writes runs/audit/, or runs/NAME/audit/ of a user's own head:
report.json, which `export` puts on the cards, and report.html with all tables and plots. Heads are trained again
without a source and judged on it; radiographs are shown without their lungs; harmless changes are made to them; and
it is measured whether the heat lies in the lungs.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import run as runs
from training.config import RUNS
from training.data.crops import LUNG_NETWORK
from training.data.manifest import Row, root
from training.evaluate import artefact, heat_maps, leave_one_out, readings, targets
from training.evaluate.artefact import head_of
from training.evaluate.evaluate import Run, as_json, load, radiographs_of
from training.evaluate.heat_maps import Networks
from training.evaluate.leave_one_out import Radiographs
from training.evaluate.scored import Scored
from training.fit import features
from training.fit import head as heads
from training.fit.head import FittedHead
from training.fit.head_config import UNKNOWN, HeadConfig, shown, taught
from training.metrics import figures
from training.metrics.discrimination import roc_auc
from training.metrics.figures import Json
from training.report import pages
from xray.combined import MODELS, NAME
from xray.errors import DatasetError
from xray.finding import of_label, of_model, together
from xray.networks.heads import Head
from xray.networks.runtime import Network
from xray.registry import BACKBONE, made_for

# The served heads.
HEADS = (*MODELS, "three_classes", "findings")
# Radiographs of the test split on which networks are run again: of each label and source, at most.
SHOWN = 30
ELSEWHERE = "left out"
# Heads trained on shuffled labels, for the sanity check of the heat.
SHUFFLES = 5


@dataclass(frozen=True, eq=False)
class Audited:
    """A head under audit.

    Attributes:
        run: of the head.
        measured: its report.json.
        head: as it is served.
        fitted: the same as it was trained.
        scored: its scores of all radiographs, judged by what they show.
    """

    run: Run
    measured: Json
    head: Head
    fitted: FittedHead
    scored: Scored


def audit(found: Sequence[Run], manifest: Path, weights: str = BACKBONE) -> tuple[Json, pd.DataFrame]:
    """Measure all of the report.

    Returns:
        The report, and the scores of radiographs with parts erased.
    """
    labels = list(dict.fromkeys(label for run in found for label in run.config.manifest_labels))
    radiographs = radiographs_of(found[0], manifest)
    audited = {run.config.name: _audited(run, radiographs, weights) for run in found}
    recipe = found[0].config.recipe
    networks = Networks(
        Network(LUNG_NETWORK, pool_size=2, threads=1), features.backbone(weights, recipe)[0], recipe,
        {name: each.head for name, each in audited.items()}, root(manifest),
    )  # fmt: skip
    rows = sample(radiographs.rows, labels)
    erasures = heat_maps.erased_scores(networks, rows)
    place = {row.path: index for index, row in enumerate(radiographs.rows)}
    truth = {name: each.scored.truth[:, each.scored.own] for name, each in audited.items()}
    erasures = erasures.assign(
        y_true=[truth[head][place[path]] for head, path in zip(erasures["head"], erasures.path, strict=True)]
    )
    heat = heat_maps.heat_in_lungs(networks, rows)
    tables = {
        "robustness": heat_maps.robustness(networks, rows),
        "sanity": heat_maps.sanity(
            networks, rows, {name: _shuffled(radiographs, each) for name, each in audited.items()}
        ),
    }
    pair = all(name in audited for name in MODELS)
    both = _together(audited) + _together_elsewhere(audited) if pair else []
    answers = _answers(audited) if pair else []
    report: Json = {
        "manifest_sha256": found[0].record["manifest_sha256"],
        "commit": found[0].record["commit"],
        "interval": figures.INTERVAL,
        "models": {
            name: {
                **_judged(radiographs, each),
                "erased": _erased(erasures[erasures["head"] == name]),
                "heat": _heat_by_label(heat[heat["head"] == name]),
                **{
                    key: table[table["head"] == name].drop(columns="head").to_dict("records")
                    for key, table in tables.items()
                },
                "together": both if name in MODELS else [],
                "answers": answers if name in MODELS else [],
            }
            for name, each in audited.items()
        },
        "probe": {}
        if radiographs.table.source.nunique() == 1
        else {
            "features of the backbone": leave_one_out.probe(radiographs.inputs[:, 0], radiographs.rows),
            **{
                f"score of {name}": leave_one_out.probe(_logits(each.scored), radiographs.rows)
                for name, each in audited.items()
            },
        },
    }
    scored = {name: each.scored for name, each in audited.items()}
    report["readings"], report["repeated"] = readings.scores_by_reading(scored), readings.repeated(scored)
    report["measured"] = {name: each.measured for name, each in audited.items()}
    report["targets"] = targets.reached(report) if pair else []
    plain: Json = as_json(report)
    return plain, erasures


def _audited(run: Run, radiographs: Radiographs, weights: str) -> Audited:
    path = run.folder / "report.json"
    if not path.exists():
        raise DatasetError(f"Expected {path}. Received: no such file. Run `python -m training evaluate {run.folder}`.")
    head, config = head_of(run.folder, weights), run.config
    fitted = FittedHead(head.kernel.astype(np.float64), head.bias.astype(np.float64), config.exclusive)
    truth, scores = shown(radiographs.rows, config), fitted.scores(radiographs.inputs[:, 0])
    scored = Scored.of(config, head.facts.points, radiographs.table, truth, scores)
    return Audited(run, json.loads(path.read_text(encoding="utf-8")), head, fitted, scored)


def sample(rows: Sequence[Row], labels: Sequence[str]) -> list[Row]:
    """Return at most SHOWN test radiographs of each label and source, the same each time."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.split == "test" and row.label in labels:
            cells.setdefault((row.label, row.source), []).append(row)
    return [row for cell in sorted(cells) for row in cells[cell][:SHOWN]]


def _judged(radiographs: Radiographs, each: Audited) -> Json:
    """Return everything that features alone can tell of one head, for its positive label."""
    config = each.run.config
    all_taught = radiographs.scored(each.fitted, each.scored.points, config)
    learned = all_taught.part((all_taught.table.split == "test") & all_taught.table.source.isin(config.sources))
    test = each.scored.part(radiographs.table.split == "test").known
    return {
        "contrast": _contrast(config),
        "left_out": _left_out(each.run),
        "cross_validation": leave_one_out.cross_validation(radiographs, config),
        "calibration": leave_one_out.worth(learned),
        "calibration_of_labels": leave_one_out.worth(test),
    }


def _contrast(config: HeadConfig) -> str:
    """Say what a head's positive label is taught against, in the manifest's labels."""
    sides: dict[bool, list[str]] = {True: [], False: []}
    for label in config.labels:
        sides[label.name == config.positive] += [name for each in label.taught or label.present for name in each.labels]
    positive = list(dict.fromkeys(sides[True]))
    others = [name for name in dict.fromkeys(sides[False]) if name not in positive]
    return f"{' or '.join(positive)} against {' or '.join(others) or 'the others'}"


def _left_out(run: Run) -> list[Json]:
    """Return for each source how far scores of heads that never saw its hospital are probabilities."""
    return [
        {
            "left_out": str(name),
            "calibration": leave_one_out.worth(run.left_out.part(run.left_out.table.source == name)),
        }
        for name in sorted(run.left_out.table.source.unique())
    ]


def _erased(table: pd.DataFrame) -> list[Json]:
    """Return, for each erasure, how well a head's score still tells its positive label."""
    found = []
    for erasure, part in table[table.y_true >= 0].groupby("erasure", sort=False):
        inside = {
            source: roc_auc(rows.y_true, rows.y_score)
            for source, rows in part.groupby("source")
            if rows.y_true.nunique() == 2
        }
        found.append({"erasure": erasure, "n": len(part), "roc_auc": figures.area(part), "inside": inside})
    return found


def _heat_by_label(table: pd.DataFrame) -> list[Json]:
    """Return the median share of the heat inside the lungs, for each label and source."""
    return [
        {"label": label, "source": source, "n": len(part)}
        | {name: float(part[name].median()) for name in ("in_lungs", "area")}
        for (label, source), part in table.groupby(["label", "source"])
    ]


def _shuffled(radiographs: Radiographs, each: Audited) -> list[Head]:
    """Return heads trained on shuffled labels."""
    config, table = each.run.config, radiographs.table
    known = (taught(radiographs.rows, config) != UNKNOWN).any(axis=1)
    train = np.flatnonzero(known & ((table.split == "train") & table.source.isin(config.sources)).to_numpy())
    rows = [radiographs.rows[i] for i in train]
    found = []
    for seed in range(SHUFFLES):
        order = np.random.default_rng(seed).permutation(len(train))
        fitted = heads.fit_rows(radiographs.inputs[train[order]], rows, config)
        found.append(Head(each.head.facts, **fitted.arrays()))
    return found


def _together(audited: Mapping[str, Audited]) -> list[Json]:
    """Return how many test radiographs of each label and source models 1 and 2, and both together, put at COVID-19."""
    pair = {name: audited[name].scored for name in MODELS}
    table = next(iter(pair.values())).table
    test = (table.split == "test").to_numpy()
    children = test & ((table.upstream_split == "test") & (table.source == "kermany")).to_numpy()
    above, positive = _and_both(pair, "threshold"), _and_both(pair, "positive_from")
    chosen = {
        f"{label}, {source}": rows.index.to_numpy()
        for (label, source), rows in table.reset_index(drop=True)[test].groupby(["label", "source"])
    }
    chosen |= {
        f"{label}, {targets.CHILDREN}": np.flatnonzero(children & (table.label == label).to_numpy())
        for label in ("normal", "pneumonia")
    }
    return [_counted(name, where, above, table, positive) for name, where in chosen.items() if len(where)]


def _answers(audited: Mapping[str, Audited]) -> list[Json]:
    """Count the test radiographs of each kind and source by the findings of model 1, model 2, and both together.

    What a radiograph shows is said by the model that knows it: of other pneumonias only model 2 does.
    """
    scored = [audited[name].scored.part(audited[name].scored.table.split == "test") for name in MODELS]
    got = {name: _findings(name, each) for name, each in zip(MODELS, scored, strict=True)}
    got[NAME] = [together(*pair) for pair in zip(*got.values(), strict=True)]
    table = pd.DataFrame({"source": scored[0].table.source.to_numpy(), "shown": [
        next((of_label(label) for label in labels if label), None)
        for labels in zip(*(each.shown for each in scored), strict=True)
    ], **got})  # fmt: skip
    return [
        {
            "shown": shown, "source": source, "n": len(rows),
            "got": {name: rows[name].value_counts().to_dict() for name in got},
        }
        for (shown, source), rows in table.groupby(["shown", "source"])
    ]  # fmt: skip


def _findings(name: str, scored: Scored) -> list[str]:
    labels = [*scored.labels, None]
    return [of_model(name, scored.positive, labels[index]) for index in scored.judged]


def _and_both(pair: Mapping[str, Scored], edge: str) -> dict[str, NDArray[np.bool_]]:
    flags = {
        name: scored.scores[:, scored.own] >= getattr(scored.points[scored.own], edge) for name, scored in pair.items()
    }
    return {**flags, "both": np.logical_and(*flags.values())}


def _counted(
    name: str,
    chosen: NDArray[np.intp],
    above: Mapping[str, NDArray[np.bool_]],
    table: pd.DataFrame,
    positive: Mapping[str, NDArray[np.bool_]],
) -> Json:
    """Count the radiographs at or above the threshold, and those of them that get the verdict POSITIVE."""
    part = table.iloc[chosen]
    return {
        "films": name,
        "n": len(chosen),
        "patients": part.patient_id.nunique(),
        "called": {model: int(flags[chosen].sum()) for model, flags in above.items()},
        "share": {
            model: figures.share_positive(part.assign(y_score=flags[chosen].astype(float)), 0.5)
            for model, flags in above.items()
        },
        "positive": {model: int(flags[chosen].sum()) for model, flags in positive.items()},
    }


def _together_elsewhere(audited: Mapping[str, Audited]) -> list[Json]:
    """Return the same of each source left out, by heads that learned nothing of its hospital."""
    pair = {name: audited[name].run.left_out for name in MODELS}
    shared = sorted(set.intersection(*(set(each.table.path) for each in pair.values())))
    pair = {name: each.at(shared) for name, each in pair.items()}
    table = next(iter(pair.values())).table
    above, positive = _and_both(pair, "threshold"), _and_both(pair, "positive_from")
    return [
        _counted(f"{label}, {source}, {ELSEWHERE}", rows.index.to_numpy(), above, table, positive)
        for (label, source), rows in table.groupby(["label", "source"])
    ]


def _logits(scored: Scored) -> NDArray[np.float32]:
    clipped = np.clip(scored.scores[:, [scored.own]], 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)), np.float32)


def _is_published(folder: Path) -> bool:
    return (folder / "head.json").exists() and not artefact.is_own(artefact.record_of(folder))


def run(args: argparse.Namespace) -> None:
    """Audit the heads that the command line names."""
    evaluated = {each.parent.name for each in made_for(RUNS, args.backbone).glob("*/report.json")}
    known = [name for name in HEADS if name in evaluated]
    others = sorted(name for name in evaluated - set(HEADS) if _is_published(features.run_folder(name, args.backbone)))
    found = [load(features.run_folder(name, args.backbone)) for name in args.runs or [*known, *others]]
    if not found:
        raise DatasetError("Expected the runs of heads. Received: none. Run `python -m training evaluate` first.")
    if len({run.record["manifest_sha256"] for run in found}) > 1:
        names = ", ".join(run.config.name for run in found)
        raise DatasetError(f"Expected heads of the same radiographs. Received: {names}. Name those of one manifest.")
    manifest = runs.manifest_of(found[0].record, args.manifest)
    report, erasures = audit(found, manifest, args.backbone)
    folder = args.run or artefact.audit_folder(found[0].folder, found[0].record, args.backbone)
    folder.mkdir(parents=True, exist_ok=True)
    runs.write_json(folder / "report.json", report)
    (folder / "report.html").write_text(pages.audit_page(report, erasures), encoding="utf-8")
    print(folder / "report.html")
