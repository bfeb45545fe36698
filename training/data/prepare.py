"""Build the manifest: `python -m training prepare`.

One table from the published folders, in which no patient and no near-copy crosses a split and the reference
article's validation radiographs are held out.
"""

import argparse
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.config import CONFIGS, data_root
from training.data import held_out, layouts, manifest, splits
from training.data.collection import Collection, Measure, measured
from training.data.duplicates import Thumbnails, near_copies
from training.data.layouts import Left
from training.data.manifest import SPLITS, Row

LESSON = (
    "where source and class coincide, a network can learn the hospital instead of the disease: compare "
    "inside one source, leave one source out, and set a baseline that sees no lungs beside every figure"
)


def prepare(sources: Sequence[Path], output: Path, validation: Path, seed: int, *, opacity: bool = False) -> list[Row]:
    """Build, check and write the manifest, lay out the held-out radiographs, and print what was done.

    Args:
        sources: folders in any of the known layouts.
        output: where the table goes.
        validation: the folder of the held-out radiographs and of their list.
        seed: decides the splits.
        opacity: whether the Radiography Database's fourth class is taken, for configs/four_classes.toml.

    Raises:
        ManifestError: a folder or table that cannot be used.
        LeakageError: a patient, a radiograph or a near-copy would stand in two splits.
    """
    sources = [source.absolute() for source in sources]
    found = Collection(Path(os.path.commonpath(sources)), opacity=opacity)
    for source in sources:
        layouts.collect(source, found)
    rows, thumbnails = found.measure()
    listed = held_out.read_list(validation / "manifest.csv")
    marked = held_out.mark(rows, [entry["name"] for entry in listed], seed)
    full_size = held_out.pictures(validation, *(source / "rovai_validation" for source in sources))
    rows = _split(marked, thumbnails, full_size, seed)
    manifest.check(rows)
    manifest.write(rows, output, found.root)
    print(f"{output}: {len(rows)} pictures, data root {found.root}")
    print(*describe(rows, found.left), sep="\n")
    for path, why in found.unreadable:
        print(f"not readable, left out: {path}: {why}")
    marked = [row for row in marked if row.split == "held_out"]
    if marked:
        entries = held_out.lay_out(marked, full_size, found.root, validation)
        _list(entries, listed, validation / "manifest.csv")
    else:
        print(f"held out: none of the validation pictures is in these folders; {validation} stays as it is")
    return rows


def _split(marked: list[Row], thumbnails: Thumbnails, full_size: list[Path], seed: int) -> list[Row]:
    """Join near-copies, those of the full-size validation files too, into groups, and assign the splits."""
    anchors = [each.thumbnail for each in map(measured, full_size) if isinstance(each, Measure)]
    pairs = list(near_copies(np.stack([*thumbnails, *anchors])))
    of_anchors = {i for i, j in pairs if i < len(marked) <= j}
    held = [replace(row, split="held_out") if i in of_anchors else row for i, row in enumerate(marked)]
    pairs = [(i, j) for i, j in pairs if j < len(marked)]
    rows = splits.assign(splits.group(held, pairs), seed)
    strangers = sum(rows[i].patient_id != rows[j].patient_id for i, j in pairs)
    print(f"near-copies: {len(pairs)} pairs, {strangers} of them under two patients' names; kept together")
    print(f"near-copies of the {len(anchors)} validation files at hand: {len(of_anchors)} pictures, held out")
    return rows


def _list(entries: list[dict[str, str]], listed: list[dict[str, str]], path: Path) -> None:
    """Write the list of held-out radiographs, unless the present one already names them all."""
    counts = ", ".join(f"{count} {label}" for label, count in Counter(e["label"] for e in entries).items())
    print(f"held out: {counts}, laid into {path.parent}")
    if {Path(entry["name"]).stem for entry in entries} <= {Path(entry["name"]).stem for entry in listed}:
        known = {entry["sha256"] for entry in listed}
        other = sum(entry["sha256"] not in known for entry in entries)
        print(f"{path} names them all and stays; {other} of the files have other bytes than it says")
    else:
        held_out.write_list(entries, path)
        print(f"{path}: written")


def describe(rows: Sequence[Row], left: Left) -> Iterator[str]:
    """Yield what a manifest covers: what was taken, what was left, and where the source gives the label away."""
    yield "taken: source, view, class, pictures (patients)"
    patients: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        patients[row.source, row.view, row.label].append(row.patient_id)
    for (source, view, label), ids in sorted(patients.items()):
        yield f"  {source:18} {view or '?':10} {label:10} {len(ids):6} ({len(set(ids))})"
    yield "left: source, view, class, pictures, why"
    for (source, view, label, reason), count in sorted(left.items()):
        yield f"  {source:18} {view or '?':10} {label:10} {count:6} {reason}"
    yield f"splits: source, class, {', '.join(SPLITS)}"
    cells = Counter((row.source, row.label, row.split) for row in rows)
    for source, label in sorted({(row.source, row.label) for row in rows}):
        yield f"  {source:18} {label:10} " + " ".join(f"{cells[source, label, split]:8}" for split in SPLITS)
    lost = sum(row.split == "held_out" for row in rows if row.upstream_split == "test")
    yield f"held out, with a validation picture's patient, from the published test part: {lost}"
    yield from (f"warning: {warning}" for warning in coincidences(rows))
    configurations = [path.read_text(encoding="utf-8") for path in CONFIGS.glob("*.toml")]
    for source in sorted({row.source for row in rows}):
        if not any(f'"{source}"' in each or f"{source} =" in each for each in configurations):
            yield f"no configuration of training/configs uses {source}"


def coincidences(rows: Sequence[Row]) -> list[str]:
    """Say which source has one class only, which class comes from one source only, and what follows."""
    classes: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        classes[row.source].add(row.label)
        sources[row.label].add(row.source)
    found = [f"{name} has only the class {min(of)}" for name, of in sorted(classes.items()) if len(of) == 1]
    found += [f"{name} comes only from {min(of)}" for name, of in sorted(sources.items()) if len(of) == 1]
    return [*found, LESSON] if found else []


def run(args: argparse.Namespace) -> None:
    """Build the manifest."""
    default = data_root() if data_root().is_dir() else Path("input")
    prepare(args.source or [default], args.output, args.validation, args.seed, opacity=args.opacity)
