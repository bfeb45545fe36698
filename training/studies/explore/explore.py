"""Look at the pictures before any network does: `python -m training.studies.explore.explore`.

Writes runs/explore/report.html, one page with every plot inside, and report.json with the same figures.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from training import run
from training.config import RUNS
from training.data.coverage import Left, left_of
from training.data.manifest import MANIFEST, Row, read, root
from training.data.thumbnails import Gallery, gallery
from training.metrics.figures import Json
from training.report.html import Picture, Section, Table, page
from training.studies.explore import measures, plots
from training.studies.explore.measures import Components
from xray.errors import DatasetError

TITLE = "What the pictures show before any network sees them"
COUNTED = (("label", "source"), ("label", "finding"), ("label", "view"), ("label", "sex"), ("label", "age"))
TOLD = ("source", "label", "sex", "age", "view")
SHOWN, PAIRS = 24, 36
RARE = 5  # films: a row of fewer is left to report.json, or findings would fill the page


def sections(found: Gallery, left: Left) -> tuple[list[Section], Json]:
    """Return the report's parts, and its figures for machines.

    Args:
        found: the films.
        left: what is not among them; see `coverage.left_of`.
    """
    labels, sources = found.values("label"), found.values("source")
    whole, lungs = measures.components(found.whole), measures.components(found.masked)
    spread = {
        "whole picture": whole,
        "whole picture, exposure evened out": measures.components(found.whole, evened=True),
        "lungs alone": lungs,
    }
    copies = measures.copies(found)
    told = [each for each in (measures.told_from_border(found, name) for name in TOLD) if each]
    counts = {" and ".join(names): measures.counts(found.rows, *names) for names in COUNTED}
    measured = {
        "whole picture": measures.brightness(found, masked=False),
        "lungs alone": measures.brightness(found, masked=True),
    }
    parts = [
        Section(
            "How many", COUNTS, [*(_counted(name, rows) for name, rows in counts.items()), _modalities(found, left)]
        ),
        Section("What they look like", LOOKS, [], _grids(found)),
        Section(
            "Mean films",
            MEANS,
            [],
            [
                Picture(plots.mean_films(_groups(found, labels)), "Mean and deviation of each class"),
                Picture(plots.mean_films(_groups(found, sources)), "The same of each source"),
            ],
        ),
        Section(
            "Greys",
            GREYS,
            [_greys(found, measured)],
            [
                Picture(plots.greys(measured, labels), "How greys are spread, by class"),
                Picture(plots.greys(measured, sources), "The same by source"),
            ],
        ),
        Section("Principal components", COMPONENTS, [_components(spread)], _component_plots(found, spread)),
        Section("What the border tells", BORDER, [_told(told)]),
        Section("Near-copies", COPIES, [_copied(found, copies)], _pairs(found, copies)),
    ]
    figures = {
        "films": len(found.rows),
        "counts": counts,
        "modalities": measures.modalities(found.rows, left),
        "greys": _grey_figures(found, measured),
        "components_for_half": {name: each.for_half for name, each in spread.items()},
        "variance": {name: each.shares.tolist() for name, each in spread.items()},
        "told_from_border": told,
        "near_copies": len(copies),
    }
    return parts, figures


COUNTS = """Frontal radiographs only: the last table says what of other views and modalities was left out. A blank in
the publisher's table is counted as not stated."""
LOOKS = """Random films of each class, squashed to squares as the tutorials do. Letters, cables and
the shape of the border differ between the rows more than the lungs do: keep that in mind for what follows."""
MEANS = """Where the mean of a class is sharp, its films were all taken the same way. Compare the sources: they differ
more than the classes."""
GREYS = """A network that only saw how bright a film is could tell these classes apart as far as the curves do not
overlap. Inside the lungs less of that is left, and what is left is still exposure as well as disease."""
COMPONENTS = """The directions in which the pictures differ most, at 64 by 64 pixels. The later of the reference
projects needed 20 for half of its variance: the number hangs on the films, their size and on whether exposure counts,
so compare the rows here with each other rather than with it.

The first components are exposure, size and position. Where the scatter parts by source as well as by class, whatever
tells the class may tell the source instead."""
BORDER = """A logistic regression on the outer frame of the film (an eighth of each side), its centre unseen; folds part
patients. Little of it is lung: what it tells beyond chance is the hospital, the age or the machine."""
COPIES = (
    """Films that are published twice: re-encoded, windowed anew or annotated. They stand on one side of every split."""
)


def _counted(name: str, rows: Sequence[Json]) -> Table:
    shown = [row for row in rows if row["films"] >= RARE] or rows
    left = len(rows) - len(shown)
    caption = f"By {name}" + (f"; {left} rows of fewer than {RARE} films stand in report.json" if left else "")
    return Table(caption, list(rows[0]), [list(row.values()) for row in shown])


def _groups(found: Gallery, values: np.ndarray) -> dict[str, np.ndarray]:
    return {str(name): found.whole[values == name] for name in np.unique(values)}


def _grids(found: Gallery) -> list[Picture]:
    rng, pictures = np.random.default_rng(measures.SEED), []
    labels = found.values("label")
    for label in np.unique(labels):
        chosen = rng.permutation(np.flatnonzero(labels == label))[:SHOWN]
        names = [found.rows[i].source for i in chosen]
        pictures.append(Picture(plots.grid([found.whole[i] for i in chosen], names), f"{label}, random films"))
    return pictures


def _grey_figures(found: Gallery, measured: dict[str, measures.Brightness]) -> list[Json]:
    labels, sources = found.values("label"), found.values("source")
    return [
        {
            "measured": what, "label": str(label), "source": str(source), "films": int(chosen.sum()),
            "mean": float(np.nanmean(each.mean[chosen])), "deviation": float(np.nanmean(each.deviation[chosen])),
        }
        for what, each in measured.items()
        for label, source in sorted(set(zip(labels, sources, strict=True)))
        for chosen in [(labels == label) & (sources == source)]
    ]  # fmt: skip


def _greys(found: Gallery, measured: dict[str, measures.Brightness]) -> Table:
    rows = [
        (row["measured"], row["label"], row["source"], row["films"], f"{row['mean']:.0f}", f"{row['deviation']:.0f}")
        for row in _grey_figures(found, measured)
    ]
    return Table(
        "Mean of the pictures' means and deviations, greys 0 to 255",
        ("measured", "class", "source", "films", "mean", "deviation"),
        rows,
    )


def _modalities(found: Gallery, left: Left) -> Table:
    records = measures.modalities(found.rows, left)
    sums: dict[tuple[str, ...], int] = {}
    for record in records:
        why = record["left out because"]
        key = record["modality"], f"{record['class']}: {why}" if why else "used"
        sums[key] = sums.get(key, 0) + record["films"]
    return Table("By modality", ("modality", "used, or why not", "films"), [(*key, sums[key]) for key in sorted(sums)])


def _components(spread: Mapping[str, Components]) -> Table:
    rows = [
        (name, each.for_half or f"more than {measures.COMPONENTS}", f"{each.shares[:10].sum():.3f}")
        for name, each in spread.items()
    ]
    return Table("How many components hold half of the variance", ("of", "components", "share of the first 10"), rows)


def _component_plots(found: Gallery, spread: Mapping[str, Components]) -> list[Picture]:
    whole, lungs = spread["whole picture"], spread["lungs alone"]
    by = {"class": found.values("label"), "source": found.values("source")}
    return [
        Picture(plots.variance(spread), "Explained variance"),
        Picture(plots.component_pictures(whole), "The first components of the whole pictures, with their shares"),
        Picture(plots.scatter(whole, by), "Whole pictures along the first two components"),
        Picture(plots.component_pictures(lungs), "The first components of the lungs alone"),
        Picture(plots.scatter(lungs, by), "Lungs alone along the first two components"),
    ]


def _told(told: Sequence[Json]) -> Table:
    rows = [
        (each["of"], each["n"], ", ".join(each["classes"]), f"{each['balanced_accuracy']:.3f}", f"{each['chance']:.3f}")
        for each in told
    ]
    return Table("Told from the border", ("what", "films", "classes", "balanced accuracy", "chance"), rows)


def _copied(found: Gallery, copies: Sequence[tuple[int, int]]) -> Table:
    between: dict[tuple[str, ...], int] = {}
    for pair in copies:
        key = tuple(sorted(found.rows[i].source for i in pair))
        between[key] = between.get(key, 0) + 1
    rows = [(" and ".join(sorted(set(key))), number) for key, number in sorted(between.items())]
    return Table("Pairs of near-copies", ("sources", "pairs"), rows or [("none", 0)])


def _pairs(found: Gallery, copies: Sequence[tuple[int, int]]) -> list[Picture]:
    shown = [i for pair in copies[:PAIRS] for i in pair]
    if not shown:
        return []
    names = [f"{place // 2 + 1}: {found.rows[i].source}" for place, i in enumerate(shown)]
    picture = plots.grid([found.whole[i] for i in shown], names)
    first = f"the first {PAIRS} of {len(copies)} " if len(copies) > PAIRS else ""
    return [Picture(picture, f"Pairs by number, {first}side by side, those of different sources first")]


def sample(rows: Sequence[Row], most: int | None) -> list[Row]:
    """Return at most so many rows of each class and source, drawn at random; all of them without a limit."""
    if most is None:
        return list(rows)
    rng, taken = np.random.default_rng(measures.SEED), set()
    for key in sorted({(row.label, row.source) for row in rows}):  # a set has another order in every process
        places = [i for i, row in enumerate(rows) if (row.label, row.source) == key]
        taken.update(rng.permutation(places)[:most].tolist())
    return [row for i, row in enumerate(rows) if i in taken]


def main() -> None:
    """Read the command line and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--at-most", type=int, metavar="N", help="films of each class and source, at random")
    parser.add_argument("--output", type=Path, default=RUNS / "explore", help="a folder")
    args = parser.parse_args()
    rows = sample(read(args.manifest), args.at_most)
    if len(rows) < 2 * measures.FOLDS:
        raise DatasetError(f"Expected at least {2 * measures.FOLDS} radiographs to explore. Received: {len(rows)}.")
    parts, figures = sections(gallery(args.manifest, rows), left_of(root(args.manifest)))
    args.output.mkdir(parents=True, exist_ok=True)
    run.write_json(args.output / "report.json", figures)
    (args.output / "report.html").write_text(page(TITLE, parts), encoding="utf-8")
    print(f"{args.output / 'report.html'}: {len(rows)} films; told from the border of the film:")
    for each in figures["told_from_border"]:
        print(f"  {each['of']}: balanced accuracy {each['balanced_accuracy']:.3f}, chance {each['chance']:.3f}")


if __name__ == "__main__":
    main()
