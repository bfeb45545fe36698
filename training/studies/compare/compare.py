"""Which backbone, on which crop, frozen or fine-tuned.

Counts and times eight architectures, judges the entries of a configuration on the same films and folds, patients
apart, and beside them what sees no lung. Goes on where it was stopped: a fold that is done is not done again.
Writes runs/compare/report.html, one page with its plots inside, and report.json with the same figures.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from training import run
from training.config import CONFIGS, RUNS, load
from training.data.manifest import MANIFEST
from training.metrics.figures import Json
from training.metrics.folds import gained, measured
from training.report.html import page
from training.studies.compare import folds, parameters
from training.studies.compare import page as compare_page
from training.studies.compare.architectures import ARCHITECTURES, CHOICES, IMAGENET
from training.studies.compare.folds import CompareConfig
from training.studies.compare.images import Sample, sample
from xray.errors import ModelError

TITLE = "Backbones on the same films"


def named_weights(given: Sequence[str]) -> dict[str, str]:
    """Read BACKBONE=WEIGHTS pairs of the command line.

    Raises:
        ModelError: no pair, or no such backbone.
    """
    pairs = [each.partition("=") for each in given]
    for name, _, weights in pairs:
        if name not in ARCHITECTURES or not weights:
            raise ModelError(f"Expected BACKBONE=WEIGHTS, with one of {', '.join(ARCHITECTURES)}. Received: {name!r}.")
    return {name: weights for name, _, weights in pairs}


def instead(config: CompareConfig, weights: dict[str, str]) -> CompareConfig:
    """Return the configuration with other weights where it wants those of ImageNet."""
    entries = [
        replace(each, weights=weights.get(each.backbone, IMAGENET)) if each.weights == IMAGENET else each
        for each in config.entries
    ]
    return replace(config, entries=tuple(entries))


def architectures(folder: Path) -> list[Json]:
    """Count and time all architectures; what is done is read."""
    found = []
    for name in ARCHITECTURES:
        path = folder / "architectures" / f"{name}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            run.write_json(path, parameters.measured(name))
        found.append(json.loads(path.read_text(encoding="utf-8")))
    return found


def scores(films: Sample, config: CompareConfig, manifest: Path, folder: Path) -> tuple[list[Json], list[Json]]:
    """Judge every entry, and the predictors that see no lung."""
    found = []
    for entry in config.entries:
        for recipe in entry.recipes:
            began = perf_counter()
            found += folds.scored(films, config, entry, recipe, manifest, folder)
            print(f"{entry.backbone}, {entry.weights}, {recipe}: {perf_counter() - began:.0f} s", flush=True)
    return found, folds.blind(films, config, manifest, folder)


def figures(films: Sample, judged: Sequence[Json]) -> list[Json]:
    """Replace each one's margins by their figures, and say what fine-tuning gained."""
    groups, sources = films.column("group"), films.column("source")
    found = []
    for each in judged:
        told = {name: value for name, value in each.items() if name not in ("margin", "folds")}
        told |= measured(films.y_true, each["margin"], groups, films.folds, sources)
        told["seconds"] = sum(fold["seconds"] for fold in each["folds"])
        if each.get("tuning") == folds.TUNED:
            told["kept_epochs"] = [fold["kept_epoch"] for fold in each["folds"]]
            before = next(b for b in judged if _pair(b) == _pair(each) and b["tuning"] == folds.FROZEN)
            both = [f"{fold} {source}" for fold, source in zip(films.folds, sources, strict=True)]
            for name, strata in (("gained", films.folds.tolist()), ("gained_inside", both)):
                told[name] = gained(films.y_true, each["margin"], before["margin"], groups, strata)
        found.append(told)
    return found


def _pair(each: Json) -> tuple[str, ...]:
    return each["backbone"], each["weights"], each["recipe"]


def main() -> None:
    """Read the command line and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, nargs="?", default=CONFIGS / "compare.toml")
    parser.add_argument(
        "--weights", metavar="BACKBONE=WEIGHTS", action="append", default=[], help=f"instead of ImageNet's: {CHOICES}"
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--output", type=Path, default=RUNS / "compare", help="a folder")
    args = parser.parse_args()
    config = instead(load(args.config, CompareConfig), named_weights(args.weights))
    films = sample(args.manifest, config.films)
    run.start(args.output, config, args.manifest)
    judged, blind = scores(films, config, args.manifest, args.output)
    report = {
        **run.describe(config, args.manifest),
        "films": len(films.rows),
        "patients": len(set(films.column("group"))),
        "entries": figures(films, judged),
        "baselines": figures(films, blind),
        "architectures": architectures(args.output),
    }
    run.write_json(args.output / "report.json", report)
    text = page(TITLE, compare_page.sections(films, config, report))
    (args.output / "report.html").write_text(text, encoding="utf-8")
    print(f"{args.output / 'report.html'}: {len(films.rows)} films")


if __name__ == "__main__":
    main()
