"""What serving makes of pictures: the gate's answer and the backbone's features of each, computed once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="needs requirements-train.txt")
from training.data.not_chest import Picture  # noqa: E402
from training.fit import (
    features,  # noqa: E402
    seen,
)
from xray.networks.preprocess import LUNG_BOX, Recipe  # noqa: E402

LUNGS = np.zeros((96, 120), np.float32)
LUNGS[26:70, 30:52] = LUNGS[26:70, 66:90] = 1
FOUND = cv2.resize(LUNGS, (128, 128))[None, ..., None]


def test_the_gate_and_the_backbone_are_asked_once_for_each_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blank picture has no lungs, and the gate stops it; the features are those of the backbone, averaged."""
    asked: list[int] = []

    def backbone(x: np.ndarray) -> np.ndarray:
        asked.append(1)
        return np.full((1, 4, 4, 3), float(x.any()), np.float32)

    monkeypatch.setattr(seen, "CACHE", tmp_path)
    monkeypatch.setattr(seen, "Network", lambda *_, **__: lambda x: FOUND if x.any() else np.zeros_like(FOUND))
    monkeypatch.setattr(features, "backbone", lambda *_: (backbone, "digest"))
    film = np.random.default_rng(0).integers(0, 256, LUNGS.shape, dtype=np.uint8)
    pictures = [Picture("film", "p1", lambda: film), Picture("blank", "p2", lambda: np.full_like(film, 90))]
    for _ in range(2):
        found = seen.see(pictures, Recipe(LUNG_BOX, 64), "trial")
        assert list(found.admitted) == [True, False]
        np.testing.assert_array_equal(found.inputs, [[1, 1, 1], [0, 0, 0]])
    assert len(asked) == 2
    assert list(found.part(found.of("blank")).groups) == ["p2"]
    seen.see(pictures[:1], Recipe(LUNG_BOX, 64), "trial")
    assert len(asked) == 3, "other pictures are not those of the cache"
