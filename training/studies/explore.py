"""Report of the radiographs before any network sees them.

Writes runs/explore/report.html, one page with every plot inside, and report.json with the same figures.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from training import run as runs
from training.data.manifest import read
from training.data.splits import sample
from training.data.thumbnails import Gallery, gallery
from training.metrics.figures import Json
from training.report.plots import grid
from training.report.render import Picture, Section, Table, page
from training.studies import image_statistics as statistics
from training.studies.image_statistics import Brightness, Components
from xray.errors import DatasetError

TITLE = "What the radiographs show before any network sees them"
COUNTED = (("label", "source"), ("label", "finding"), ("label", "view"), ("label", "sex"), ("label", "age"))
TOLD = ("source", "label", "sex", "age", "view")
SHOWN, PAIRS = 24, 36
RARE = 5  # radiographs: a row of fewer is left to report.json, or findings would fill the page

COUNTS = """Frontal radiographs only: `python -m training prepare` prints what of other views and modalities was left
out. A blank in the publisher's table is counted as not stated."""
LOOKS = """Random radiographs of each class, squashed to squares as the tutorials do. Letters, cables and the shape of
the border differ between the rows more than the lungs do: keep that in mind for what follows."""
MEANS = """Where the mean of a class is sharp, its radiographs were all taken the same way. Compare the sources: they
differ more than the classes."""
GREYS = """A network that only saw how bright a radiograph is could tell these classes apart as far as the curves do not
overlap. Inside the lungs less of that is left, and what is left is still exposure as well as disease."""
COMPONENTS = """The directions in which the images differ most, at 64 by 64 pixels. The later of the reference projects
needed 20 for half of its variance: the number depends on the radiographs, on their size and on whether exposure counts,
so compare the rows here with each other rather than with it.

The first components are exposure, size and position. Where the scatter plot separates sources as well as classes,
whatever tells the class may tell the source instead."""
BORDER = """A logistic regression on the outer frame of the image (an eighth of each side), its centre unseen, in folds
by patient. Little of it is lung: what it tells beyond chance is the hospital, the age or the machine."""
COPIES = """Radiographs that are published twice: re-encoded, windowed anew or annotated. They stand on one side of
every split."""


def run(args: argparse.Namespace) -> None:
    """Write the report."""
    rows = sample(read(args.manifest), args.at_most, statistics.SEED)
    if len(rows) < 2 * statistics.FOLDS:
        raise DatasetError(f"Expected at least {2 * statistics.FOLDS} radiographs to explore. Received: {len(rows)}.")
    parts, figures = _sections(gallery(args.manifest, rows))
    args.output.mkdir(parents=True, exist_ok=True)
    runs.write_json(args.output / "report.json", figures)
    (args.output / "report.html").write_text(page(TITLE, parts), encoding="utf-8")
    print(f"{args.output / 'report.html'}: {len(rows)} films; told from the border of the film:")
    for each in figures["told_from_border"]:
        print(f"  {each['of']}: balanced accuracy {each['balanced_accuracy']:.3f}, chance {each['chance']:.3f}")


def _sections(found: Gallery) -> tuple[list[Section], Json]:
    """Return the report's sections, and its figures for machines."""
    groups = {"class": found.values("label"), "source": found.values("source")}
    counts = {" and ".join(names): statistics.counts(found.rows, *names) for names in COUNTED}
    measured = {
        "whole image": statistics.brightness(found, masked=False),
        "lungs alone": statistics.brightness(found, masked=True),
    }
    greys = _grey_figures(found, measured)
    spread = {
        "whole image": statistics.components(found.whole),
        "whole image, standardised": statistics.components(found.whole, standardised=True),
        "lungs alone": statistics.components(found.masked),
    }
    told = [each for each in (statistics.told_from_border(found, name) for name in TOLD) if each]
    copies = statistics.copies(found)
    means = [
        Picture(statistics.draw_means({str(name): found.whole[values == name] for name in np.unique(values)}),
                f"Mean and deviation of each {by}")
        for by, values in groups.items()
    ]  # fmt: skip
    spreads = [
        Picture(statistics.draw_brightness(measured, values), f"Distribution of the grey values by {by}")
        for by, values in groups.items()
    ]
    parts = [
        Section("How many", COUNTS, [*map(count_table, counts, counts.values())]),
        Section("What they look like", LOOKS, [], _samples(found)),
        Section("Mean images", MEANS, [], means),
        Section("Grey values", GREYS, [_grey_table(greys)], spreads),
        Section("Principal components", COMPONENTS, [_component_table(spread)], _component_plots(spread, groups)),
        Section("What the border tells", BORDER, [_told_table(told)]),
        Section("Near-copies", COPIES, [_copy_table(found, copies)], _pairs(found, copies)),
    ]
    figures = {
        "films": len(found.rows),
        "counts": counts,
        "greys": greys,
        "components_for_half": {name: each.for_half for name, each in spread.items()},
        "variance": {name: each.shares.tolist() for name, each in spread.items()},
        "told_from_border": told,
        "near_copies": len(copies),
    }
    return parts, figures


def count_table(name: str, rows: Sequence[Json]) -> Table:
    """Return counts as a table without its rare rows, unless all are rare.

    Args:
        name: of what is counted.
        rows: of `image_statistics.counts`.
    """
    shown = [row for row in rows if row["films"] >= RARE] or rows
    left = len(rows) - len(shown)
    caption = f"By {name}" + (f"; {left} rows of fewer than {RARE} films stand in report.json" if left else "")
    return Table(caption, list(rows[0]), [list(row.values()) for row in shown])


def _grey_figures(found: Gallery, measured: Mapping[str, Brightness]) -> list[Json]:
    """Return the mean brightness of each class in each source."""
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


def _samples(found: Gallery) -> list[Picture]:
    rng, labels = np.random.default_rng(statistics.SEED), found.values("label")
    pictures = []
    for label in np.unique(labels):
        chosen = rng.permutation(np.flatnonzero(labels == label))[:SHOWN]
        image = grid([found.whole[i] for i in chosen], [found.rows[i].source for i in chosen])
        pictures.append(Picture(image, f"{label}, random films"))
    return pictures


def _grey_table(greys: Sequence[Json]) -> Table:
    rows = [
        (row["measured"], row["label"], row["source"], row["films"], f"{row['mean']:.0f}", f"{row['deviation']:.0f}")
        for row in greys
    ]
    head = ("measured", "class", "source", "films", "mean", "deviation")
    return Table("Mean of the images' means and deviations, grey values 0 to 255", head, rows)


def _component_table(spread: Mapping[str, Components]) -> Table:
    rows = [
        (name, each.for_half or f"more than {statistics.COMPONENTS}", f"{each.shares[:10].sum():.3f}")
        for name, each in spread.items()
    ]
    return Table("How many components hold half of the variance", ("of", "components", "share of the first 10"), rows)


def _component_plots(spread: Mapping[str, Components], groups: Mapping[str, np.ndarray]) -> list[Picture]:
    pictures = [Picture(statistics.draw_variance(spread), "Explained variance")]
    for name in ("whole image", "lungs alone"):
        pictures += [
            Picture(statistics.draw_components(spread[name]), f"The first components, {name}, with their shares"),
            Picture(statistics.draw_scatter(spread[name], groups), f"The first two components, {name}"),
        ]
    return pictures


def _told_table(told: Sequence[Json]) -> Table:
    rows = [
        (each["of"], each["n"], ", ".join(each["classes"]), f"{each['balanced_accuracy']:.3f}", f"{each['chance']:.3f}")
        for each in told
    ]
    return Table("Told from the border", ("what", "films", "classes", "balanced accuracy", "chance"), rows)


def _copy_table(found: Gallery, copies: Sequence[tuple[int, int]]) -> Table:
    between = Counter(" and ".join(sorted({found.rows[i].source for i in pair})) for pair in copies)
    return Table("Pairs of near-copies", ("sources", "pairs"), sorted(between.items()) or [("none", 0)])


def _pairs(found: Gallery, copies: Sequence[tuple[int, int]]) -> list[Picture]:
    shown = [i for pair in copies[:PAIRS] for i in pair]
    if not shown:
        return []
    names = [f"{place // 2 + 1}: {found.rows[i].source}" for place, i in enumerate(shown)]
    first = f"the first {PAIRS} of {len(copies)} " if len(copies) > PAIRS else ""
    caption = f"Pairs by number, {first}side by side, those of different sources first"
    return [Picture(grid([found.whole[i] for i in shown], names), caption)]
