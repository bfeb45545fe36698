"""The two-model tutorial again, step by step: `python -m training.studies.tutorial_2020.articles`, or `make articles`.

Lays its films out, trains both models with both sets of hyper-parameters, reads the films that it reads, and prints
every number of the article beside ours, with an interval and with what is wrong with it. Writes
runs/articles/report.html, one page with every plot inside, and report.json with the same figures.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

from training import run
from training.config import CONFIGS, RUNS, load
from training.data.collection import child, records
from training.data.manifest import MANIFEST
from training.fit.features import is_served
from training.report.html import page
from training.studies.tutorial_2020 import flaws, images
from training.studies.tutorial_2020 import page as articles_page
from training.studies.tutorial_2020.numbers import plain
from training.studies.tutorial_2020.plan import Tutorial
from training.studies.tutorial_2020.rerun import rerun
from xray.registry import BACKBONE


def main() -> None:
    """Read the command line, run the tutorial, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, help="holds 10_Covid_Images/ and 20_Chest_Xray/ (else XRAY_DATA)")
    parser.add_argument("--weights", default="ours", help="ours (default), imagenet (Keras downloads it), or a file")
    parser.add_argument("--config", type=Path, default=CONFIGS / "articles.toml")
    parser.add_argument("--manifest", type=Path, default=MANIFEST, help="says what our backbone learned from")
    parser.add_argument("--output", type=Path, default=RUNS / "articles", help="a folder")
    args = parser.parse_args()
    weights = BACKBONE if args.weights == "ours" else args.weights
    tutorial = load(args.config, Tutorial)
    home = images.laid_out(args.input)
    films = images.read(home, tutorial.seed, images.validation_names())
    heads, more = rerun(films, tutorial, weights)
    learned = flaws.learned_from(args.manifest) if is_served(weights) else None
    learned = frozenset() if weights == "imagenet" else learned
    table = list(records(child(home, "10_covid_images") / "metadata.csv", {"finding", "view", "modality"}))
    more["collection"] = flaws.collection(table)
    args.output.mkdir(parents=True, exist_ok=True)
    sections, found = articles_page.sections(films, heads, tutorial, more, (weights, learned))
    run.write_json(args.output / "report.json", {**found, "config": asdict(tutorial), "weights": weights})
    (args.output / "report.html").write_text(page(articles_page.TITLE, sections), encoding="utf-8")
    print(plain(found["numbers"]))
    print(args.output / "report.html")


if __name__ == "__main__":
    main()
