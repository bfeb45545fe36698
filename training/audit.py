"""Would the figures survive another hospital? `python -m training.audit`.

Reads runs/covid_normal and runs/covid_pneumo (of `training.contrast`) and writes runs/audit/: report.json, which
`training.export` puts on the cards, and report.html with all tables and plots. Heads are trained again without a
source and judged on it; films are shown without their lungs; harmless changes are made to films; and the heat is
asked whether it lies in the lungs.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training import audit_page, calibrate, evaluate, features, figures, left_out, lung_audit, run, targets
from training.audited import AuditedHead, Served
from training.config import CONFIGS, RUNS, load
from training.contrast import ContrastConfig, contrast, fit, fit_split, views
from training.dataset import LUNG_NETWORK, crops
from training.figures import Json
from training.left_out import Films
from training.linear import Linear
from training.manifest import MANIFEST, Row, root
from training.metrics import OperatingPoint, expit, roc_auc
from xray.classifier import LinearHead
from xray.metadata import Band
from xray.registry import BACKBONE, made_for
from xray.runtime import Network

MODELS = ("covid_normal", "covid_pneumo")
# Films of the test split on which networks are run again: of each class and source, at most.
SHOWN = 30
# Heads trained on shuffled labels, for the sanity check of the heat.
SHUFFLES = 5


@dataclass(frozen=True, eq=False)
class Model:
    """One of the two models under audit: its contrast, its head, its operating point."""

    config: ContrastConfig
    head: Linear
    point: OperatingPoint


def audited(films: Films) -> dict[str, Model]:
    """Train both heads again, which gives the very ones of their runs."""
    found = {}
    for name in MODELS:
        config = load(CONFIGS / f"{name}.toml", ContrastConfig)
        found[name] = Model(config, *fit_split(films.inputs, films.rows, config))
    return found


def judged(films: Films, model: Model) -> Json:
    """Return everything that features alone can tell of one model."""
    truth = left_out.two_labels(films.rows, model.config)
    table = left_out.scored(films, model.head, truth)
    test = table[table.split == "test"]
    taught = left_out.scored(films, model.head, contrast(films.rows, model.config))
    whole = figures.measure(test, model.point.threshold)
    return {
        "title": model.config.title,
        "threshold": model.point.threshold,
        "band": [model.point.low, model.point.high],
        "contrast": f"{' or '.join(model.config.taught_positive)} against {' or '.join(model.config.taught_negative)}",
        "sources": list(model.config.sources),
        "leave_one_source_out": left_out.leave_one_source_out(films, model.config),
        "cross_validation": left_out.cross_validation(films, model.config),
        "inside": left_out.inside(films, model.config),
        "test": figures.slices(test, model.point.threshold),
        "taught_test": figures.slices(taught[taught.split == "test"], model.point.threshold),
        "calibration": left_out.worth(taught[taught.split == "test"], model.point),
        "calibration_of_labels": left_out.worth(test, model.point),
        "predictive_values": calibrate.predictive_values(whole["sensitivity"]["value"], whole["specificity"]["value"]),
    }


def together(films: Films, models: Mapping[str, Model]) -> list[Json]:
    """Return how many test films of each class and source each model, and both together, put at COVID."""
    table = films.table
    scores = {name: expit(model.head.logits(films.inputs[:, 0])) for name, model in models.items()}
    above = _and_both({name: scores[name] >= model.point.threshold for name, model in models.items()})
    positive = _and_both({name: scores[name] >= model.point.high for name, model in models.items()})
    test = (table.split == "test").to_numpy()
    children = test & (table.upstream_split == "test").to_numpy()
    found = []
    for (label, source), rows in table[test].groupby(["label", "source"]):
        found.append(_counted(f"{label}, {source}", rows.index.to_numpy(), above, table, positive))
    for label in ("normal", "pneumonia"):
        chosen = np.flatnonzero(children & (table.label == label).to_numpy())
        if len(chosen):
            found.append(_counted(f"{label}, the children's published test part", chosen, above, table, positive))
    return found


def _and_both(flags: Mapping[str, NDArray[np.bool_]]) -> dict[str, NDArray[np.bool_]]:
    return {**flags, "both": np.logical_and(*(flags[name] for name in MODELS))}


def _counted(
    name: str,
    chosen: NDArray[np.intp],
    above: Mapping[str, NDArray[np.bool_]],
    table: pd.DataFrame,
    positive: Mapping[str, NDArray[np.bool_]],
) -> Json:
    """Count the films at or above the threshold, and those of them that get the verdict POSITIVE."""
    part = table.iloc[chosen]
    shares = {
        model: figures.share_positive(part.assign(y_true=1, y_score=flags[chosen].astype(float)), 0.5)
        for model, flags in above.items()
    }
    counts = {model: int(flags[chosen].sum()) for model, flags in above.items()}
    return {
        "films": name,
        "n": len(chosen),
        "patients": part.patient_id.nunique(),
        "called": counts,
        "share": shares,
        "positive": {model: int(flags[chosen].sum()) for model, flags in positive.items()},
    }


def without_nih(films: Films, models: Mapping[str, Model]) -> Json:
    """Judge adults of nih by heads, thresholds and calibration that never saw a film of nih."""
    found = {}
    for name, label in zip(MODELS, ("normal", "pneumonia"), strict=True):
        config = models[name].config
        head, point = fit_split(films.inputs, films.rows, config, "nih")
        scores, table = expit(head.logits(films.inputs[:, 0])), films.table
        above, positive = {"share": scores >= point.threshold}, {"share": scores >= point.high}
        unseen = ((table.source == "nih") & (table.label == label) & (table.split != "train")).to_numpy()
        covid = ((table.source == "cohen") & (table.label == "covid") & (table.split == "test")).to_numpy()
        found[name] = {
            "threshold": point.threshold,
            f"nih {label} called COVID": _counted(label, np.flatnonzero(unseen), above, table, positive),
            "cohen COVID found": _counted("covid", np.flatnonzero(covid), above, table, positive),
        }
    return found


def sample(rows: list[Row], labels: tuple[str, ...] = ("covid", "normal", "pneumonia")) -> list[Row]:
    """Return at most SHOWN test films of each class and source, the same each time."""
    cells: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.split == "test" and row.label in labels:
            cells.setdefault((row.label, row.source), []).append(row)
    return [row for cell in sorted(cells) for row in cells[cell][:SHOWN]]


def served(models: Mapping[str, Model], weights: str = BACKBONE) -> Served:
    """Return the networks as they are served."""
    recipe = models[MODELS[0]].config.recipe
    backbone, _ = features.backbone(weights, recipe)
    heads = {
        name: AuditedHead(LinearHead(**model.head.arrays()), 1, 1.0, Band(model.point.low, model.point.high))
        for name, model in models.items()
    }
    return Served(Network(LUNG_NETWORK, pool_size=2, threads=1), backbone, recipe, heads)


def erased(table: pd.DataFrame, models: Mapping[str, Model]) -> list[Json]:
    """Return, for each model and erasure, how well its scores still tell its two labels apart."""
    found = []
    for (name, erasure), part in table.groupby(["head", "erasure"], sort=False):
        config = models[str(name)].config
        part = part[part.label.isin((config.negative, config.positive))]
        y_true = (part.label == config.positive).astype(int)
        whole = part.assign(y_true=y_true)
        inside = {
            source: roc_auc(rows.y_true, rows.y_score)
            for source, rows in whole.groupby("source")
            if rows.y_true.nunique() == 2
        }
        found.append(
            {"model": name, "erasure": erasure, "n": len(part), "roc_auc": figures.area(whole), "inside": inside}
        )
    return found


def shuffled(films: Films, model: Model) -> list[LinearHead]:
    """Return heads trained on shuffled labels."""
    side = contrast(films.rows, model.config)
    train = np.flatnonzero((side >= 0) & np.array([row.split == "train" for row in films.rows]))
    rows = [films.rows[i] for i in train]
    found = []
    for seed in range(SHUFFLES):
        labels = np.random.default_rng(seed).permutation(side[train])
        found.append(LinearHead(**fit(films.inputs[train], labels, rows, model.config).arrays()))
    return found


def heat_by_class(table: pd.DataFrame) -> list[Json]:
    """Return the median share of the heat inside the lungs, for each model, class and source."""
    return [
        {"head": head, "label": label, "source": source, "n": len(part)}
        | {name: float(part[name].median()) for name in ("in_lungs", "area")}
        for (head, label, source), part in table.groupby(["head", "label", "source"])
    ]


def audit(manifest: Path, folder: Path, weights: str = BACKBONE) -> Json:
    """Write all of the report but its page, and return it."""
    config = load(CONFIGS / f"{MODELS[0]}.toml", ContrastConfig)
    data = crops(manifest, config.recipe)
    films = Films(data.rows, views(data, config.recipe, weights))
    models = audited(films)
    pictures = root(manifest)
    networks, shown = served(models, weights), sample(films.rows)
    report: Json = {
        "manifest_sha256": run.describe(config, manifest)["manifest_sha256"],
        "commit": run.describe(config, manifest)["commit"],
        "interval": figures.INTERVAL,
        "models": {name: judged(films, model) for name, model in models.items()},
        "together": together(films, models),
        "without_nih": without_nih(films, models),
        "probe": {
            "features of the backbone": left_out.probe(films.inputs[:, 0], films.rows),
            **{
                f"score of {name}": left_out.probe(model.head.logits(films.inputs[:, 0])[:, None], films.rows)
                for name, model in models.items()
            },
        },
    }
    erasures = lung_audit.erased_scores(networks, shown, pictures)
    heat = lung_audit.heat_in_lungs(networks, shown, pictures)
    shuffles = {name: shuffled(films, model) for name, model in models.items()}
    report["erased"] = erased(erasures, models)
    report["heat"] = heat_by_class(heat)
    report["robustness"] = lung_audit.robustness(networks, shown, pictures).to_dict("records")
    report["sanity"] = lung_audit.sanity(networks, shown, pictures, shuffles).to_dict("records")
    report["targets"] = targets.reached(report)
    folder.mkdir(parents=True, exist_ok=True)
    positive = pd.Series({name: model.config.positive for name, model in models.items()})
    truth = (erasures.label == erasures["head"].map(positive)).astype(int)
    erasures.assign(y_true=truth).to_csv(folder / "erased.csv", index=False)
    found: Json = evaluate.nulled(report)
    run.write_json(folder / "report.json", found)
    return found


def main() -> None:
    """Read the command line and audit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--backbone", default=BACKBONE, help="the network of model/ that the heads stand on")
    parser.add_argument("--run", type=Path, help="folder to write (default: runs/audit, or runs/<backbone>/audit)")
    args = parser.parse_args()
    folder = args.run or made_for(RUNS, args.backbone) / "audit"
    report = audit(args.manifest, folder, args.backbone)
    page = audit_page.render(report, pd.read_csv(folder / "erased.csv"), folder)
    (folder / "report.html").write_text(page, encoding="utf-8")
    for row in report["targets"]:
        print(f"{'met   ' if row['met'] else 'MISSED'} {row['figure']}: {row['reached']} (target {row['target']})")
    print(folder / "report.html")


if __name__ == "__main__":
    main()
