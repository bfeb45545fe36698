"""The cautions that learn nothing are judged on films that deserve them."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras")
from training.data.manifest import read, write  # noqa: E402
from training.fit import cautions


def test_marks_and_small_films_are_counted(
    tmp_path: Path, radiograph, monkeypatch: pytest.MonkeyPatch, collection: Path
) -> None:
    lungs = cv2.resize((radiograph(128, 128) < 100).astype(np.float32), (128, 128))
    lungs[:20] = lungs[110:] = lungs[:, :20] = lungs[:, 108:] = 0
    monkeypatch.setattr(cautions, "segmenter", lambda: lambda _: lungs[None, ..., None])
    row = read(collection)[0]
    rows = []
    for number in range(4):
        cv2.imencode(".png", radiograph(512, 512, number))[1].tofile(tmp_path / f"{number}.png")
        name = f"p{number}"
        rows.append(dataclasses.replace(
            row, path=f"{number}.png", sha256=f"{number:064}", split="test", patient_id=name, group=name, mask="",
        ))  # fmt: skip
    write(rows, tmp_path / "manifest.csv", tmp_path)
    found = cautions.measure(tmp_path / "manifest.csv", 3, 0)
    assert sum(each["n"] for each in found["marks"]["test films given the caution"].values()) == 3
    assert all(each["flagged"] == 0 for each in found["marks"]["test films given the caution"].values())
    deserved = "changed so as to deserve it, given the caution"
    assert found["marks"][deserved]["arrow over a lung"]["flagged"] == 3
    assert found["low_resolution"][deserved]["shrunk to 120 px"]["flagged"] == 3
