"""Counting what the gate refuses."""

import csv

import cv2
import numpy as np
import pytest

pytest.importorskip("tqdm")

from training.gate import count  # noqa: E402


def test_films_pass_blanks_are_refused_and_training_films_are_left_out(tmp_path, radiograph):
    rows = []
    for name, label, picture in [
        ("film", "normal", radiograph(512, 480, 1)),
        ("known", "normal", radiograph(512, 480, 2)),
        ("slice", "ct", np.full((256, 256), 90, np.uint8)),
    ]:
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
        rows.append({"path": f"{name}.png", "label": label, "view": ""})
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "label", "view"])
        writer.writeheader()
        writer.writerows(rows)
    found = count(tmp_path, {"film.png": "test", "known.png": "train"})
    assert found == {("test", "passed"): 1, ("ct", "refused"): 1}
