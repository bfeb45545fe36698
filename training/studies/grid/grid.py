"""All combinations of settings, one after the other.

Each cell trains a backbone in one way and is judged by the validation films; test films are scored for the best
alone. Goes on where it was stopped: a cell that is done is not done again. `--estimate` says how long the whole
takes, `--cells N` does so many more and reports. Writes runs/grid/NAME/report.html and report.json.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from training import run
from training.config import RUNS, load
from training.data.crops import crops
from training.data.manifest import MANIFEST
from training.evaluate import baselines
from training.metrics.figures import INTERVAL, Json
from training.metrics.folds import measured
from training.report.html import Picture, Section, Table, page
from training.report.markdown import figure_text
from training.studies.compare import folds
from training.studies.compare.architectures import CHOICES
from training.studies.compare.images import Sample, drawn_from, sample
from training.studies.compare.plots import settings
from training.studies.grid import cells as gridded
from training.studies.grid.cells import SETTINGS, GridConfig
from xray.networks.preprocess import Recipe

TITLE = "Settings, all combined"


def done(films: Sample, config: GridConfig, manifest: Path, folder: Path, most: int | None) -> list[Json]:
    """Return the cells that are done, doing at most so many more."""
    named = (
        drawn_from(films),
        folds.weights_hash(config.weights),
        config.size,
        config.recipe,
        config.batch,
    )
    found, fresh = [], 0

    @cache
    def pictures() -> np.ndarray:
        return np.asarray(crops(manifest, Recipe(config.recipe, config.size), films.rows).pictures)

    for cell in gridded.cells(config):
        key = hashlib.sha256(repr((named, cell)).encode()).hexdigest()[:12]
        path = folder / "cells" / f"{key}.json"
        if not path.exists():
            if most is not None and fresh >= most:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            run.write_json(path, gridded.learn(cell, films, config, pictures()))
            fresh += 1
            print(f"{len(found) + 1} of {len(gridded.cells(config))}: {cell}", flush=True)
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def tested(best: Json, films: Sample, manifest: Path) -> Json:
    """Return the test films' figures of the chosen cell, and beside it of the predictors that see no lung."""
    part = gridded.parts(films)
    test, small = part["test"], baselines.thumbnails(manifest)[1]
    scores = {"the best cell": gridded.test_scores(best)}
    for number, words in enumerate(baselines.BASELINES.values()):
        inputs = small[number][films.places].reshape(len(films.rows), -1).astype(np.float32) / 255
        seen = folds.head(films, inputs, part["train"], baselines.REGULARISATION)
        scores[words] = seen.logits(inputs[test])
    columns = films.column("group")[test], np.zeros(len(test), np.intp), films.column("source")[test]
    return {words: measured(films.y_true[test], logits, *columns) for words, logits in scores.items()}


def sections(films: Sample, config: GridConfig, report: Json) -> list[Section]:
    """Return the report's parts."""
    cells, best = report["cells"], report["best"]
    ranked = sorted(cells, key=lambda cell: -1.0 if cell["val"] is None else cell["val"], reverse=True)
    rows = [[*(str(cell[name]) for name in SETTINGS), _area(cell["val"]), f"{cell['seconds']:.0f}"] for cell in ranked]
    head = (*(name.replace("_", " ") for name in SETTINGS), "validation AUC", "seconds")
    sound = [cell for cell in cells if cell["val"] is not None]
    parts = [
        Section("What was tried", _tried(films, config, report)),
        Section(
            "Cells, the best first",
            CELLS,
            [Table("Cells", head, rows)],
            [Picture(settings(sound, SETTINGS), "Validation AUC by setting")] if sound else [],
        ),
    ]
    if best:
        chosen = ", ".join(f"{name.replace('_', ' ')} {best[name]}" for name in SETTINGS)
        rows = [(w, figure_text(e["roc_auc"]), figure_text(e["inside"])) for w, e in best["test"].items()]
        table = Table("Test films", ("what", "ROC AUC, all films", "ROC AUC inside a source"), rows)
        text = f"{chosen}: chosen by its validation AUC, then scored once. {CHOSEN}\n\nIntervals: {INTERVAL}."
        parts.append(Section("The best cell on the test films", text, [table]))
    if report["estimate"]:
        parts.append(Section("How long the whole takes", ESTIMATE, [_hours(report["estimate"])]))
    return parts


CELLS = """All cells saw the same films in the same order. A difference smaller than what other validation films would
have made of it is none: with few films, do not read the order of the cells as that of the settings."""
CHOSEN = """The later project kept what did best on its test part: then that figure is too good, as the best of many
cells is partly luck. Here other films choose."""
ESTIMATE = """From some steps of each backbone and share, timed on this machine with random weights, times films and
epochs; where layers below those that learn are computed once, that first pass is not in it. Hours are those of the
machine as busy as it was; processor hours those of all its cores together, which hardly depend on that."""


def _tried(films: Sample, config: GridConfig, report: Json) -> str:
    part = gridded.parts(films)
    lists = (config.backbones, config.shares, config.optimizers, config.learning_rates, config.decays, config.epochs)
    varied = "; ".join(
        f"{name.replace('_', ' ')} {', '.join(map(str, values))}" for name, values in zip(SETTINGS, lists, strict=True)
    )
    return (
        f"{varied}: {len(gridded.cells(config))} cells, of which {len(report['cells'])} are done, in "
        f"{sum(cell['seconds'] for cell in report['cells']) / 60:.0f} min.\n\n"
        f"{' or '.join(config.films.positive)} against {' or '.join(config.films.negative)}, {config.recipe} crops of "
        f"{config.size} px, weights {Path(config.weights).name}, batches of {config.batch}, no augmentation: "
        f"{len(part['train'])} films to learn from, {len(part['val'])} to choose by, {len(part['test'])} to test; "
        "patients and near-copies stand on one side. Head and backbone learn together, from the first step on; batch "
        f"norm learns only where the weights are random. The exponential decay ends at {gridded.LAST} of the rate."
    )


def _area(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.3f}"


def _hours(estimates: Sequence[Json]) -> Table:
    rows = [
        (e["backbone"], f"{e['share']:.0%}", e["cells"], f"{e['seconds_a_film'] * 1000:.0f}", f"{e['hours']:.1f}",
         f"{e['processor_hours']:.1f}")
        for e in estimates
    ]  # fmt: skip
    cells, hours, processor = (sum(each[name] for each in estimates) for name in ("cells", "hours", "processor_hours"))
    rows.append(("all", "–", cells, "–", f"{hours:.1f}", f"{processor:.1f}"))
    head = ("backbone", "share", "cells", "ms a film and epoch", "hours", "processor hours")
    return Table("Estimate", head, rows)


def main() -> None:
    """Read the command line, run the cells and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="grid.toml or grid_small.toml of training/configs, or your own")
    parser.add_argument("--weights", help=f"instead of the file's: {CHOICES}")
    parser.add_argument("--cells", type=int, metavar="N", help="do at most so many more, then report")
    parser.add_argument(
        "--estimate", action="store_true", help="say how long the whole takes, with --cells 0 only that"
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--output", type=Path, help="a folder (runs/grid/NAME)")
    args = parser.parse_args()
    config = load(args.config, GridConfig)
    config = replace(config, weights=args.weights or config.weights)
    folder = args.output or RUNS / "grid" / args.config.stem
    films = sample(args.manifest, config.films)
    estimate = gridded.estimate(config, len(gridded.parts(films)["train"])) if args.estimate else []
    if estimate:
        print(
            f"all {len(gridded.cells(config))} cells: {sum(each['hours'] for each in estimate):.1f} h on this machine"
        )
    cells = done(films, config, args.manifest, folder, args.cells)
    best = gridded.best(cells)
    report = {
        **run.describe(config, args.manifest),
        "cells": [{name: value for name, value in cell.items() if name != "test_logits"} for cell in cells],
        "best": best
        and {**{name: best[name] for name in (*SETTINGS, "val")}, "test": tested(best, films, args.manifest)},
        "estimate": estimate,
    }
    folder.mkdir(parents=True, exist_ok=True)
    run.write_json(folder / "report.json", report)
    (folder / "report.html").write_text(page(TITLE, sections(films, config, report)), encoding="utf-8")
    print(f"{folder / 'report.html'}: {len(cells)} of {len(gridded.cells(config))} cells")


if __name__ == "__main__":
    main()
