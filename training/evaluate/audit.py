"""Would the figures survive another hospital? `python -m training.evaluate.audit`.

Reads runs/covid_normal and runs/covid_pneumo (of `training.fit.contrast`) and writes runs/audit/: report.json, which
`training.export` puts on the cards, and report.html with all tables and plots. Heads are trained again without a
source and judged on it; films are shown without their lungs; harmless changes are made to films; and the heat is
asked whether it lies in the lungs.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from training import run
from training.config import CONFIGS, RUNS, load
from training.data.crops import LUNG_NETWORK, crops
from training.data.manifest import MANIFEST, Row, root
from training.evaluate import leave_one_out, lung_audit, targets
from training.evaluate.audit_models import MODELS, Model, audited, judged, together, without_nih
from training.evaluate.audited import AuditedHead, Served
from training.evaluate.evaluate import evaluate
from training.evaluate.leave_one_out import Films
from training.fit import features
from training.fit.contrast import ContrastConfig, contrast, fit, views
from training.metrics import figures
from training.metrics.discrimination import roc_auc
from training.metrics.figures import Json
from training.networks.first_edition import Band, LinearHead
from training.report import audit_page
from xray.networks.runtime import Network
from xray.registry import BACKBONE, made_for

# Films of the test split on which networks are run again: of each class and source, at most.
SHOWN = 30
# Heads trained on shuffled labels, for the sanity check of the heat.
SHUFFLES = 5


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
            "features of the backbone": leave_one_out.probe(films.inputs[:, 0], films.rows),
            **{
                f"score of {name}": leave_one_out.probe(model.head.logits(films.inputs[:, 0])[:, None], films.rows)
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
