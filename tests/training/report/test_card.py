"""The card of a model tells what it reaches, and what sees no lung and reaches as much."""

from typing import Any

from training.report import card

FACTS = {
    "kind": "head", "name": "covid_normal", "version": "1.0.0", "title": "COVID-19 or normal", "licence": "MIT",
    "classes": ["normal", "covid"], "positive": "covid", "threshold": 0.5, "band": {"low": 0.4, "high": 0.6},
    "parity": {
        "pictures": 300, "same_verdict": 0.98, "same_side_of_threshold": 0.99,
        "score_difference_median": 0.001, "score_difference_max": 0.1,
    },
    "training": {"commit": "abc", "versions": {"keras": "3.15.1"}},
}  # fmt: skip


def test_a_head_shows_its_figures(report: dict[str, Any]) -> None:
    text = card.render({**FACTS, "metrics": report})
    for words in (
        "# COVID-19 or normal (`covid_normal` 1.0.0)",
        "| all | 9 (8) | 0.700 [",
        "| source kermany | 3 (3) | – | – | 0.667 [",
        "| *baseline without lungs: border only* | 9 (8) | 1.000 [no interval] |",
        "Believe with care.",
        "| normal | 2 (2) |",
        "same verdict 98.0%",
        "- keras: 3.15.1",
    ):
        assert words in text
