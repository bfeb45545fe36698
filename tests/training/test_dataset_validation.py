"""The held-out pictures are listed, and no picture that is learnt from shows one of their films."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from training.config import REPOSITORY
from training.data import held_out, manifest
from training.data.collection import Measure
from training.data.duplicates import near_copies
from training.data.prepare import prepare

LISTED = held_out.read_list(REPOSITORY / "dataset_validation" / "manifest.csv")


def test_the_list_is_well_formed() -> None:
    assert Counter(entry["label"] for entry in LISTED) == {"covid": 8, "normal": 20, "pneumonia": 20}
    assert len({entry["sha256"] for entry in LISTED}) == 48
    for entry in LISTED:
        assert tuple(entry) == held_out.COLUMNS
        assert re.fullmatch("[0-9a-f]{64}", entry["sha256"])
        assert entry["name"].startswith(held_out.FOLDERS[entry["label"]] + "/")
        assert entry["patient"].startswith(entry["source"] + "-")
    named = {Path(entry["name"]).stem for entry in LISTED if entry["label"] == "covid"}
    assert named == held_out.MARCH_2020


@pytest.fixture(scope="module")
def tables(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The manifest as `prepare` builds it now, and the one trained with, where it is here."""
    fresh = tmp_path_factory.mktemp("prepared")
    prepare([real_data], fresh / "manifest.csv", fresh / "dataset_validation", seed=42)
    return [path for path in (fresh / "manifest.csv", manifest.MANIFEST) if path.is_file()]


def test_no_split_holds_a_held_out_picture_patient_or_near_copy(real_data: Path, tables: list[Path]) -> None:
    files = held_out.pictures(real_data / "rovai_validation")
    anchors = [measured for measured in map(Measure.of, files) if measured]
    assert {measured.sha256 for measured in anchors} == {entry["sha256"] for entry in LISTED}
    for table in tables:
        rows, root = manifest.read(table), manifest.root(table)
        copies = [measured for measured in (Measure.of(root / row.path) for row in rows) if measured]
        assert len(copies) == len(rows)
        learnt = [row for row in rows if row.split != "held_out"]
        assert not {row.patient_id for row in learnt} & {entry["patient"] for entry in LISTED}
        assert not {row.sha256 for row in learnt} & {entry["sha256"] for entry in LISTED}
        pairs = near_copies(np.stack([measured.thumbnail for measured in (*copies, *anchors)]))
        near = [(i, j) for i, j in pairs if i < len(rows) <= j]
        assert {j for _, j in near} == set(range(len(rows), len(rows) + 48)), "each has its small copy here"
        assert {rows[i].split for i, _ in near} == {"held_out"}
