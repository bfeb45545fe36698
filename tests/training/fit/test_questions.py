"""What radiographs are asked, and what their answers cost."""

import numpy as np
import pytest

pytest.importorskip("keras")

from tests.training.conftest import row  # noqa: E402
from training.fit.questions import Answers, Question, Questionnaire  # noqa: E402

ASKED = Questionnaire((
    Question("children", ("normal", "bacterial", "viral"), {"kermany": 1.0, "nih": 0.5}),
    Question("any", ("normal", "abnormal"), {"kermany": 0.5}),
))  # fmt: skip
COST = Answers([3, 2], reduction="none")


def cost(label: str, source: str, logits: list[float], smoothing: float = 0.0, finding: str = "") -> float:
    facts = {"label": label, "source": source, "split": "train", "width": 9, "height": 9}
    film = row(1, **facts)
    film = type(film)(**{**vars(film), "finding": finding or label})
    return float(COST(ASKED.targets([film], smoothing), np.array([logits], np.float32))[0])


def test_each_source_answers_its_own_question():
    viral = cost("pneumonia", "kermany", [0, 0, 0, 0, 0], finding="virus")
    assert viral == pytest.approx(np.log(3) + 0.5 * np.log(2), rel=1e-5)
    assert cost("pneumonia", "kermany", [0, 0, 9, 0, 9], finding="virus") < 0.01
    assert cost("covid", "elsewhere", [9, 0, 0, 9, 0]) == 0, "nobody asks a source that no question names"


def test_a_radiograph_of_another_source_may_be_anything_but_the_first_answer():
    assert cost("pneumonia", "nih", [0, 0, 0, 0, 0]) == pytest.approx(0.5 * np.log(3 / 2), rel=1e-5)
    assert cost("pneumonia", "nih", [-9, 5, 0, 0, 0]) < 0.01
    assert cost("pneumonia", "nih", [-9, 0, 5, 0, 0]) < 0.01
    assert cost("normal", "nih", [-9, 0, 5, 0, 0]) > 5


def test_an_erased_radiograph_is_told_nothing():
    """All of the loss asks for an even distribution: any opinion costs more than none."""
    even = cost("normal", "nih", [0, 0, 0, 0, 0], smoothing=1.0)
    assert even < cost("normal", "nih", [3, 0, 0, 0, 0], smoothing=1.0)
    assert even < cost("normal", "nih", [0, 3, 0, 0, 0], smoothing=1.0)
