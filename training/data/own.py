"""A manifest of a user's own radiographs: whatever can be computed is, and patients are kept on one side of a split."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.data import labelled, manifest, splits
from training.data.collection import Collection
from training.data.duplicates import Thumbnails, near_copies
from training.data.labelled import LONGEST_LABEL, SEVERAL, Found
from training.data.manifest import Row
from xray.errors import DatasetError, ManifestError

# Larger parts than of the published sets: own sets are small, and a figure of ten radiographs says nothing.
VAL_SHARE, TEST_SHARE = 0.2, 0.2
FEWEST = {"train": 4, "val": 2, "test": 2}  # radiographs of a label without which nothing can be learned or said
# A class that is called by one of these words stands for the absence of a finding: of two, the other is the positive.
ABSENT = {"normal", "clear", "negative", "healthy", "no", "nofinding", "control", "none", "other"}
NONE_OF_THESE = "none of these"
TWICE = "the same file under two labels (several findings of one radiograph stand in one line: a|b)"
MOST_LABELS = 8
# Words of the app's own: where nothing is decided, and over several labels.
RESERVED = {"undecided", "mean"}


@dataclass(frozen=True)
class Own:
    """A user's radiographs, ready to be learned from.

    Attributes:
        rows: of the manifest.
        root: where their paths start.
        labels: of the head, in its order.
        exclusive: whether each radiograph shows one of them.
        left: number of files or lines that were not taken, by the reason.
        copies: number of pairs of near-copies, and how many of them have two labels.
        from_headers: number of radiographs whose patient a DICOM header names.
        remark: on the user's own splits; empty where there is nothing to say.
    """

    rows: list[Row]
    root: Path
    labels: tuple[str, ...]
    exclusive: bool
    left: Counter[str]
    copies: tuple[int, int]
    from_headers: int = 0
    remark: str = ""

    def accepted(self, rows: Sequence[Row]) -> "Own":
        """Return those that the app's own checks accept; the others are left.

        Args:
            rows: that it accepts.

        Raises:
            DatasetError: too few radiographs of a label.
        """
        refused = len(self.rows) - len(rows)
        _enough(rows, self.labels)
        reason = "refused by the app's own checks: no frontal chest radiograph, or no lungs found"
        return replace(self, rows=list(rows), left=self.left + Counter({reason: refused}))

    @property
    def lines(self) -> list[str]:
        """What was taken and what was left, and why."""
        parts = {split: [row for row in self.rows if row.split == split] for split in FEWEST}
        return [
            f"taken: {len(self.rows)} radiographs, {', '.join(_counted(self.rows, self.labels))}",
            *(f"left: {count}, {reason}" for reason, count in sorted(self.left.items())),
            f"near-copies: {_pairs(self.copies[0])}, kept on one side of every split",
            *self._patients,
            *([self.remark] if self.remark else []),
            *(f"{split}: {', '.join(_counted(rows, self.labels))}" for split, rows in parts.items()),
        ]

    @property
    def _patients(self) -> list[str]:
        if not self.from_headers:
            return []
        return [
            f"patients: of {self.from_headers} radiographs from PatientID of their DICOM headers, which is hashed at "
            "once and kept nowhere"
        ]

    @property
    def warnings(self) -> list[str]:
        """What a reader of the figures must know."""
        found = []
        sources = {
            label: {row.source for row in self.rows if label in row.label.split(SEVERAL)} for label in self.labels
        }
        if len({row.source for row in self.rows}) > 1:
            found += [
                f"{label} comes from {min(of)} alone: a network may learn that hospital instead of {label}."
                for label, of in sources.items()
                if len(of) == 1
            ]
        if self.copies[1]:
            found.append(f"{_pairs(self.copies[1])} of near-copies have two different labels: look at them.")
        nameless = sum(row.patient_id == row.path for row in self.rows)
        if nameless == len(self.rows):
            found.append(
                "Nobody said which radiographs are of one patient (--patient-from): each counts as a patient of its "
                "own. Where patients have several, figures are too good and intervals too narrow."
            )
        elif nameless:
            found.append(f"{nameless} of {len(self.rows)} radiographs name no patient, and count as one each.")
        return found

    def showing(self, label: str) -> tuple[str, ...]:
        """Return the manifest's labels that hold a label of the head."""
        return tuple(sorted({row.label for row in self.rows if label in row.label.split(SEVERAL)}))

    @property
    def others(self) -> tuple[str, ...]:
        """The manifest's labels that hold none of the head's."""
        return tuple(sorted({row.label for row in self.rows} & {NONE_OF_THESE}))


def collect(source: Path, patient_from: str, chosen: Sequence[str], seed: int) -> Own:
    """Read, measure and split a user's radiographs.

    Args:
        source: a folder or a CSV; see `labelled`.
        patient_from: see `labelled`.
        chosen: the labels to learn, the positive one first; all by default.
        seed: decides the splits.

    Raises:
        ManifestError: nothing that can be used, or labels that there are not.
    """
    found = labelled.labelled(source, patient_from)
    exclusive = all(len(each.labels) == 1 for each in found.radiographs)
    labels = _labels(found, list(dict.fromkeys(chosen)), exclusive=exclusive)
    rows, thumbnails, root, left = _measured(found, source, labels, exclusive=exclusive)
    rows, thumbnails = _once(rows, thumbnails, left)
    pairs = list(near_copies(thumbnails))
    _any_left(labels, rows, left)
    rows, remark = _assigned(splits.group(rows, pairs), seed)
    manifest.check(rows)
    across = sum(rows[i].label != rows[j].label for i, j in pairs)
    return Own(rows, root, labels, exclusive, left, (len(pairs), across), found.from_headers, remark)


def is_absent(label: str) -> bool:
    """Tell whether a label stands for the absence of a finding."""
    return bool(ABSENT & set(re.split(r"[^a-z]+", label.lower())))


def _labels(found: Found, chosen: Sequence[str], *, exclusive: bool) -> tuple[str, ...]:
    """Return the labels to learn, a positive one first; of several findings at once not the word for none of them."""
    counts = Counter(label for each in found.radiographs for label in each.labels)
    if unknown := [label for label in chosen if label not in counts]:
        raise ManifestError(f"Expected --labels out of {', '.join(sorted(counts))}. Received: {', '.join(unknown)}.")
    ordered = sorted(counts, key=lambda label: (is_absent(label), label.lower()))
    labels = tuple(chosen or (label for label in ordered if exclusive or not is_absent(label)))
    if not 2 <= len(labels) <= MOST_LABELS:
        words = ", ".join(f"{label} ({counts[label]})" for label in labels) or "none"
        raise ManifestError(
            f"Expected two to {MOST_LABELS} labels, or as many of them by --labels. Received: {words}{found.why_left}."
        )
    if reserved := [label for label in labels if label in RESERVED]:
        raise ManifestError(f"Expected another word than {reserved[0]}, which the app says itself. Rename that label.")
    if wrong := [
        label
        for label in labels
        if len(label) > LONGEST_LABEL or not label.isprintable() or {":", SEVERAL} & set(label)
    ]:
        raise ManifestError(
            f"Expected labels of at most {LONGEST_LABEL} letters without : and {SEVERAL}. Received: {wrong[0]!r}."
        )
    return labels


def _measured(
    found: Found, source: Path, labels: Sequence[str], *, exclusive: bool
) -> tuple[list[Row], Thumbnails, Path, Counter[str]]:
    """Decode every radiograph once; return rows, thumbnails, data root, and what was left."""
    left = Counter(found.left)
    paths = [each.path.absolute() for each in found.radiographs]
    collection = Collection(Path(os.path.commonpath([path.parent for path in paths])), told_by=str(source))
    for path, each in zip(paths, found.radiographs, strict=True):
        shown = [label for label in labels if label in each.labels]
        if exclusive and not shown:
            left[f"{each.labels[0]}: not among --labels"] += 1
            continue
        facts = {"source": source.resolve().stem, **each.facts}
        split = facts.pop("split", "")
        name = path.relative_to(collection.root).as_posix()
        collection.take(
            path, None, label=SEVERAL.join(shown) or NONE_OF_THESE, finding=SEVERAL.join(each.labels),
            patient_id=each.patient_id or name, upstream_split=split, **facts,
        )  # fmt: skip
    rows, thumbnails = collection.measure()
    if collection.unreadable:
        name, why = collection.unreadable[0]
        left[f"not readable, such as {name}: {why}"] = len(collection.unreadable)
    return rows, thumbnails, collection.root, left


def _once(rows: list[Row], thumbnails: Thumbnails, left: Counter[str]) -> tuple[list[Row], Thumbnails]:
    """Leave out what stands twice: the same bytes under one label once, under several labels altogether."""
    labels: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        labels[row.sha256].add(row.label)
    kept, seen = [], set()
    for place, row in enumerate(rows):
        if len(labels[row.sha256]) > 1:
            left[TWICE] += 1
        elif row.sha256 in seen:
            left["the same file again"] += 1
        else:
            seen.add(row.sha256)
            kept.append(place)
    return [rows[place] for place in kept], thumbnails[kept]


def _assigned(rows: list[Row], seed: int) -> tuple[list[Row], str]:
    """Give every group its split: the user's own where there is one, of several the one that keeps figures honest.

    Returns:
        The rows, and what the user must know of them: where they name no val or no test, it is taken from their train.
    """
    fixed: dict[str, str] = {}
    for split in ("train", "val", "test"):
        fixed |= {row.group: split for row in rows if row.upstream_split == split}
    if fixed and all(row.upstream_split in ("val", "test") for row in rows):
        said = ", ".join(sorted(set(fixed.values())))
        raise ManifestError(f"Expected some radiographs in train, or without a split. Received the splits: {said}.")
    absent = [split for split in ("val", "test") if split not in fixed.values()] if fixed else []
    if absent:
        fixed = {group: split for group, split in fixed.items() if split != "train"}
    assigned = splits.assign(rows, seed, (TEST_SHARE, VAL_SHARE), fixed)
    moved = sum(row.upstream_split not in ("", row.split) for row in assigned) if not absent else 0
    if absent:
        return assigned, f"splits: yours name no {' and no '.join(absent)}, so a fifth of train was taken for each"
    if moved:
        return assigned, f"splits: {moved} radiographs stand in another than you said, with their patient or near-copy"
    return assigned, ""


def _any_left(labels: Sequence[str], rows: Sequence[Row], left: Counter[str]) -> None:
    """Refuse a label of which no radiograph is left.

    Raises:
        ManifestError: says why they were left.
    """
    there = {label for _, label in _each(rows)}
    if gone := [label for label in labels if label not in there]:
        why = "; ".join(f"{count}, {reason}" for reason, count in left.items())
        raise ManifestError(f"Expected radiographs of {gone[0]}. Received none that can be taken (left: {why}).")


def _enough(rows: Sequence[Row], labels: Sequence[str]) -> None:
    counts = Counter((split, label) for split, label in _each(rows))
    for label in labels:
        for split, least in FEWEST.items():
            if counts[split, label] < least:
                have = sum(counts[each, label] for each in FEWEST)
                raise DatasetError(
                    f"{label}: expected at least {least} radiographs in the {split} split. Received: "
                    f"{counts[split, label]} of {have}. Bring more patients with it, or leave it out by --labels."
                )


def _each(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(row.split, label) for row in rows for label in row.label.split(SEVERAL)]


def _counted(rows: Sequence[Row], labels: Sequence[str]) -> list[str]:
    counts = Counter(label for _, label in _each(rows))
    return [f"{counts[label]} {label}" for label in (*labels, NONE_OF_THESE) if counts[label] or label in labels]


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"
