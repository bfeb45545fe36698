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
