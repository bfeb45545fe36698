"""What the radiographs show before any network sees them: figures and images for the app's page `/data`.

Writes figures.json and PNGs of means and principal components; no image or row is that of one radiograph.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training import run as runs
from training.data.manifest import Row, read
from training.data.splits import sample
from training.data.thumbnails import Gallery, gallery
from training.metrics.figures import Json
from training.studies import image_statistics as statistics
from xray.errors import DatasetError

GROUPED_BY = ("label", "source")
COUNTED = (("source", "label", "split"), ("label", "sex"), ("label", "age"))
TOLD = ("source", "label", "view", "sex", "age")
LEAST = 100  # radiographs of a group, so that nobody's shows through
SHOWN = 8  # components as images
DIGITS = 4
REACH, STEPS = 3, 24  # standard deviations along a component, and the steps of their histogram


def run(args: argparse.Namespace) -> None:
    """Write the figures and images."""
    rows = read(args.manifest)
    found = gallery(args.manifest, sample(free(rows), args.at_most, statistics.SEED))
    if len(found.rows) < LEAST:
        raise DatasetError(f"Expected at least {LEAST} radiographs to explore. Received: {len(found.rows)}.")
    args.output.mkdir(parents=True, exist_ok=True)
    told = [each for each in (statistics.told_from_border(found, name) for name in TOLD) if each]
    figures = {
        "films": len(rows),
        "drawn": len(found.rows),
        "counts": {"_".join(names): statistics.counts(rows, *names) for names in COUNTED},
        "groups": list(_groups(found, args.output)),
        "components": [_components(found, measured, args.output) for measured in ("whole", "masked")],
        "told_from_border": told,
    }
    runs.write_json(args.output / "figures.json", _rounded(figures))
    print(f"{args.output}: {len(found.rows)} of {len(rows)} films; told from the border of the film:")
    for each in told:
        print(f"  {each['of']}: balanced accuracy {each['balanced_accuracy']:.3f}, chance {each['chance']:.3f}")


def free(rows: Sequence[Row]) -> list[Row]:
    """Return the radiographs that means may be made of: a mean is a derived work, which some licences forbid (ND)."""
    return [row for row in rows if "ND" not in row.licence]


def _grouped(found: Gallery) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Yield the groups of at least LEAST radiographs: what they are grouped by, the name, and which they are."""
    for by in GROUPED_BY:
        values = found.values(by)
        for name in np.unique(values):
            if np.count_nonzero(values == name) >= LEAST:
                yield by, str(name), values == name


def _groups(found: Gallery, output: Path) -> Iterator[Json]:
    """Yield the grey values of each group, in the whole image and in the lungs, and write its mean image."""
    everything = np.ones_like(found.inside)
    for by, name, chosen in _grouped(found):
        file = f"mean_{by}_{name}.png"
        _write(output / file, found.whole[chosen].mean(0))
        yield {
            "by": by,
            "name": name,
            "films": int(chosen.sum()),
            "mean": file,
            "whole": statistics.greys(found.whole[chosen], everything[chosen]).tolist(),
            "lungs": statistics.greys(found.whole[chosen], found.inside[chosen]).tolist(),
        }


def _components(found: Gallery, measured: str, output: Path) -> Json:
    """Return the principal components of the images, whole or masked, and write the first ones side by side.

    Of each group it is told how its radiographs spread along the first two, in standard deviations of all.
    """
    parts = statistics.components(getattr(found, measured))
    file = f"components_{measured}.png"
    _write(output / file, np.hstack(list(parts.pictures(SHOWN))))
    places = parts.places[:, :2] / parts.places[:, :2].std(0)
    return {
        "of": measured,
        "file": file,
        "shares": parts.shares.tolist(),
        "for_half": parts.for_half,
        "groups": [
            {"by": by, "name": name, "first": _spread(first[chosen]), "second": _spread(second[chosen])}
            for first, second in [places.T]
            for by, name, chosen in _grouped(found)
        ],
    }


def _spread(places: NDArray[np.float64]) -> list[float]:
    """Return the share of the radiographs in each of equal steps from -REACH to REACH, which hold all beyond."""
    inside = np.clip(places, -REACH, REACH)
    counts = np.histogram(inside, STEPS, (-REACH, REACH))[0]
    return [float(count) / len(places) for count in counts]


def _write(path: Path, image: NDArray[np.generic]) -> None:
    cv2.imwrite(str(path), np.asarray(image, np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return figures with no more digits than a page shows."""
    match value:
        case dict():
            return {key: _rounded(each) for key, each in value.items()}
        case list():
            return [_rounded(each) for each in value]
        case float():
            return round(value, DIGITS)
    return value
