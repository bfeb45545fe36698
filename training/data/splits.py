"""Which radiograph may be learnt from, and which must stay unseen."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.data.manifest import Row

TEST_SHARE = 0.15
VAL_SHARE = 0.10
# The COVID radiographs of the Radiography Database carry no patient, but neighbours in its numbering are at
# times two radiographs of one: for 3.6 % of 1,646 radiographs the nearest look-alike is the very next number (by
# chance 0.1 %; in its normals 0.0 %). Ten numbers in a row therefore stay together.
NEIGHBOURS = 10


def group(rows: Sequence[Row], copies: Iterable[tuple[int, int]]) -> list[Row]:
    """Name each row's group: what hangs together by patient, by radiograph or by near-copy.

    Args:
        rows: any order.
        copies: positions of near-copies, from `duplicates.near_copies`.
    """
    joined = _Components()
    for row in rows:
        joined.join(row.patient_id, f"picture {row.sha256}")
        joined.join(row.patient_id, _neighbourhood(row))
    for i, j in copies:
        joined.join(rows[i].patient_id, rows[j].patient_id)
    patients: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        patients[joined.find(row.patient_id)].append(row.patient_id)
    return [replace(row, group=min(patients[joined.find(row.patient_id)])) for row in rows]


def assign(
    rows: Sequence[Row],
    seed: int,
    shares: tuple[float, float] = (TEST_SHARE, VAL_SHARE),
    fixed: Mapping[str, str] | None = None,
) -> list[Row]:
    """Give every group its split.

    A group with a held-out radiograph is held out; else, one with a radiograph of the children's published test
    part is test. Of the other groups of each source and class 15 % go to test (none of the children's set,
    which has its own) and 10 % to val. The choice depends on the seed and on the groups' names alone.

    Args:
        rows: with their groups; the held-out radiographs already carry split `held_out`.
        seed: any whole number.
        shares: of the groups that go to test and to val.
        fixed: the split of groups that have one; where some are test, or val, no others become it.
    """
    fixed = fixed or {}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    split: dict[str, str] = {}
    strata: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, members in groups.items():
        if name in fixed:
            split[name] = fixed[name]
        elif any(row.split == "held_out" for row in members):
            split[name] = "held_out"
        elif any(row.upstream_split == "test" for row in members):
            split[name] = "test"
        else:
            strata[min((row.source, row.label) for row in members)].append(name)
    with_own_test = {row.source for row in rows if row.upstream_split == "test"}
    for (source, _), names in strata.items():
        names.sort(key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
        own_test = source in with_own_test or "test" in fixed.values()
        test = 0 if own_test else round(shares[0] * len(names))
        val = test + (0 if "val" in fixed.values() else round(shares[1] * len(names)))
        split |= dict.fromkeys(names[:test], "test") | dict.fromkeys(names[test:val], "val")
    return [replace(row, split=split.get(row.group, "train")) for row in rows]


def sample(rows: Sequence[Row], most: int | None, seed: int) -> list[Row]:
    """Return at most so many radiographs of each class and source, drawn at random, in their order."""
    if most is None:
        return list(rows)
    rng, taken = np.random.default_rng(seed), set()
    for key in sorted({(row.label, row.source) for row in rows}):  # a set has another order in every process
        places = [i for i, row in enumerate(rows) if (row.label, row.source) == key]
        taken.update(rng.permutation(places)[:most].tolist())
    return [row for i, row in enumerate(rows) if i in taken]


def _neighbourhood(row: Row) -> str:
    number = re.search(r"(\d+)$", row.patient_id) if row.source == "radiography-covid" else None
    return f"neighbourhood {int(number[1]) // NEIGHBOURS}" if number else row.patient_id


class _Components:
    """Names that are connected, directly or over others (union-find with path halving)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        parent = self._parent
        while parent.setdefault(name, name) != name:
            parent[name] = name = parent[parent[name]]
        return name

    def join(self, one: str, other: str) -> None:
        self._parent[self.find(one)] = self.find(other)
