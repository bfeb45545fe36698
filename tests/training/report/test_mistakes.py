"""The gallery of mistakes: the worst first, each beside the heat that misled the head."""

import cv2
import numpy as np
import pandas as pd

from training.report import mistakes
from training.report.mistakes import Explained

IMAGE = np.full((120, 160), 100, np.uint8)
LUNGS = np.zeros(IMAGE.shape, bool)
LUNGS[20:100, 40:120] = True
HEAT = np.where(LUNGS, 1.0, 0.0).astype(np.float32)


def rows(*scores: float) -> pd.DataFrame:
    names = [f"a/very/long/path/to/radiograph number {number}.png" for number in range(len(scores))]
    return pd.DataFrame({"path": names, "label": "covid", "source": "cohen", "y_score": scores})


def test_the_worst_of_each_side_come_first(predictions: pd.DataFrame) -> None:
    test = predictions[predictions.split == "test"]
    wrong = mistakes.worst(test.assign(called=(test.y_score >= 0.5).astype(float)))
    assert list(wrong.sha256) == ["c3", "c5", "k3"]


def test_a_radiograph_stands_beside_its_heat() -> None:
    with_heat, without = (
        cv2.imdecode(
            np.frombuffer(mistakes.gallery(rows(0.2), lambda _, h=heat: Explained(IMAGE, LUNGS, h)), np.uint8), 1
        )
        for heat in (HEAT, None)
    )
    left, right = np.array_split(with_heat.astype(int), 2, axis=1)[0], without.astype(int)
    assert with_heat.shape == without.shape
    assert (with_heat != without).any(), "the heat is drawn where there is one"
    assert np.ptp(left, axis=2).max() > 50 and right.any()


def test_what_cannot_be_read_is_left_out() -> None:
    assert mistakes.gallery(rows(0.2, 0.3), lambda _: None) is None
    found = mistakes.gallery(rows(0.2, 0.3), lambda row: Explained(IMAGE, LUNGS, HEAT) if row.y_score > 0.2 else None)
    alone = mistakes.gallery(rows(0.2, 0.3)[1:], lambda _: Explained(IMAGE, LUNGS, HEAT))
    assert found == alone
