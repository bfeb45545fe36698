"""The report for people: every figure in its row, and what they do not show in words."""

from typing import Any

import pytest

from training.report.markdown import called_table, confounding, figure_text, markdown, table


def test_every_figure_has_its_row(report: dict[str, Any]) -> None:
    text = markdown(report, ["roc.png", "learning_curves.png"])
    for row in (
        "| radiographs | n (patients) | covid | normal | ROC AUC | sensitivity | specificity |",
        "| all | 9 (8) | 4 | 5 | 0.700 [",
        "| source kermany | 3 (3) | 0 | 3 | – | – | 0.667 [",
        "| view not stated | 1 (1) | 1 | 0 | – | 1.000 [",
        "| kermany's published test part (children) | 2 (2) | 0 | 2 | – | – | 1.000 [",
        "| network | source cohen | 5 (4) | 0.500 [",
        "| border of the picture, centre erased | all | 9 (8) | 1.000 [no interval] |",
        "| covid | cohen | 3 (2) | 0.667 [",
        "| covid | 0.600 | 0.750 | – | 4 |",
    ):
        assert row in text
    assert "At or above 0.5000 a score counts as COVID-19" in text
    assert "Believe with care." in text
    assert text.endswith("![roc](roc.png)\n\n![learning curves](learning_curves.png)\n")


def test_held_out_pictures_show_their_verdicts(report: dict[str, Any]) -> None:
    head, _, covid, normal = called_table(report["held_out"], ["label"]).splitlines()
    assert head.endswith("| POSITIVE | INCONCLUSIVE | NEGATIVE |")
    assert covid.startswith("| covid | 1 (1) |") and covid.endswith("| 1 | 0 | 0 |")
    assert normal.startswith("| normal | 2 (2) |") and normal.endswith("| 0 | 1 | 1 |")


def test_confounding_counts_the_sources_and_names_what_sees_no_lung(report: dict[str, Any]) -> None:
    words = confounding(report)
    assert "2 of the 3 sources hold one class only (kermany, radiography-covid)" in words
    assert "cohen (3 COVID-19, 2 normal, 4 patients)" in words
    assert words.count("reaches ROC AUC 1.000") == 1
    alone = {"sources": {"kermany": report["test"]["sources"]["kermany"]}}
    assert "under one roof: no source." in confounding(report | {"test": alone, "baselines": {}})


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (None, "–"),
        ({"value": 0.66666, "low": 0.2, "high": 1.0}, "0.667 [0.200, 1.000]"),
        ({"value": 1.0, "low": None, "high": None}, "1.000 [no interval]"),
    ],
)
def test_a_figure_shows_its_interval(figure: dict[str, Any] | None, expected: str) -> None:
    assert figure_text(figure) == expected


def test_a_table_without_rows_says_so() -> None:
    assert table(["a"], []) == "None."
