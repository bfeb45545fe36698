"""What a prediction says in words."""

import pytest

from tests.xray.predictions import pair, point


@pytest.mark.parametrize(
    ("score", "high", "text"),
    [
        (0.87, 0.6, "0.87"),
        (0.5996, 0.6, "0.5996"),
        (0.5949, 0.6, "0.59"),
        (0.5999, 0.5999, "0.60"),
        (0.4451, 0.6, "0.4451"),
        (1.0, 0.6, "1.00"),
    ],
)
def test_a_score_is_never_rounded_across_an_edge(score: float, high: float, text: str) -> None:
    assert pair(score, point(0.45, high)).score_text == text


@pytest.mark.parametrize(
    ("score", "reading"),
    [
        (0.9, "Resembles the COVID-19 radiographs that the model learned from more than the normal ones."),
        (0.1, "Resembles the normal radiographs that the model learned from more than the COVID-19 ones."),
        (0.5, "Too close to call between COVID-19 and normal."),
    ],
)
def test_the_reading_says_which_label_it_resembles(score: float, reading: str) -> None:
    assert pair(score, point(0.45, 0.6)).reading == reading


def test_the_arithmetic_names_score_and_edges() -> None:
    said = pair(0.87, point(0.45, 0.6, 0.52)).arithmetic
    assert said == "Score 0.87 for abnormal; negative below 0.45, positive from 0.60"
