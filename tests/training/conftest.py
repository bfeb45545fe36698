"""A small collection of drawn radiographs with masks and a manifest."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def collection(tmp_path, radiograph):
    """The path of a manifest of 36 drawn films: 3 classes, 2 sources each, all splits, with masks."""
    from training.manifest import Row, write

    rows = []
    for i in range(36):
        label, source = ("normal", "covid", "pneumonia")[i % 3], ("a", "b")[i // 3 % 2]
        film = radiograph(96, 96, i)
        cv2.imwrite(str(tmp_path / f"{i}.png"), film)
        mask = np.where(film < np.median(film), 255, 0).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{i}_mask.png"), mask)
        split = ("train", "train", "train", "val", "test", "held_out")[i // 6]
        rows.append(Row(
            path=f"{i}.png", sha256=f"{i:064x}", label=label, finding=label, source=source, patient_id=f"p{i}",
            group=f"p{i}", view="PA", sex="", age_years="", population="adult", upstream_split="", mask=f"{i}_mask.png",
            licence="drawn", split=split, original_filename=f"{i}.png", width=96, height=96,
        ))  # fmt: skip
    write(rows, tmp_path / "manifest.csv", tmp_path)
    return tmp_path / "manifest.csv"
