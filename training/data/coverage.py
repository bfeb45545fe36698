"""What a manifest covers: what was taken, what was left, and where the source gives the class away."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from training.data import layouts
from training.data.collection import Collection
from training.data.manifest import SPLITS, Row
from xray.errors import ManifestError

Left = Mapping[tuple[str, str, str, str], int]  # (source, view, class, reason): number of pictures
LESSON = (
    "where source and class coincide, a network can learn the hospital instead of the disease: compare "
    "inside one source, leave one source out, and set a baseline that sees no lungs beside every figure"
)


def describe(rows: Sequence[Row], left: Left) -> Iterator[str]:
    """Yield the lines of the account that `prepare` prints."""
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


def left_of(folder: Path) -> Left:
    """Count what `prepare` leaves of a published folder; nothing where it is in no known layout."""
    found = Collection(folder)
    try:
        layouts.collect(folder, found)
    except ManifestError:
        return {}
    return found.left


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
