"""The sentences that stand first: what a reader believes of a model is what they say."""

from typing import Any

from training.report import summary


def figure(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def figures(area: dict[str, float], positives: int, negatives: int) -> dict[str, Any]:
    of = {"n": positives + negatives, "patients": positives + negatives}
    return {**of, "positives": positives, "negatives": negatives, "roc_auc": area}


def report(test: dict[str, Any], baseline: dict[str, Any], **changed: object) -> dict[str, Any]:
    """Make the report of a user's own run; an operating point was chosen."""
    labels = [label for label in test if label != "mean"]
    point = {"negative_below": 0.4, "threshold": 0.5, "positive_from": 0.6}
    metrics = {
        "test": {label: {"all": each} for label, each in test.items()},
        "baselines": {"border_only": {label: {"all": each} for label, each in baseline.items()}},
    }
    made = {
        "model": "mine", "title": "mine", "data": {"warnings": []}, "labels": labels, "exclusive": True,
        "positive": labels[0], "points": [point] * len(labels), "metrics": metrics,
    }  # fmt: skip
    return made | changed


GOOD, WEAK, CHANCE = figure(0.9, 0.85, 0.94), figure(0.7, 0.6, 0.79), figure(0.6, 0.45, 0.74)


def test_a_label_that_its_baseline_reaches_is_named() -> None:
    test = {"mean": {"n": 60, "patients": 60, "roc_auc": GOOD}, "covid": figures(GOOD, 20, 40)}
    test |= {"b": figures(WEAK, 20, 40), "c": figures(WEAK, 20, 40)}
    beside = {"mean": figures(CHANCE, 20, 40), "covid": figures(CHANCE, 20, 40), "b": figures(CHANCE, 20, 40)}
    said = " ".join(summary.sentences(report(test, beside | {"c": figures(figure(0.5, 0.4, 0.6), 20, 40)})))
    assert "No better than without lungs, as far as so few can tell: b (ROC AUC 0.70 [0.60, 0.79], border" in said
    assert "covid (" not in said and "c (" not in said, "their baselines stay below them"
    assert "COVID-19" not in said, "own labels stay as they are written"


def test_six_radiographs_tell_nothing() -> None:
    perfect = figure(1.0, 1.0, 1.0)
    test = {"effusion": figures(perfect, 6, 6), "clear": figures(perfect, 6, 6)}
    pair = report(test, {"effusion": figures(WEAK, 6, 6)})
    pair["metrics"]["test"].pop("clear")
    said = " ".join(summary.sentences(pair) + summary.warnings(pair))
    assert "too few test radiographs to tell how well (6 effusion, 6 clear)" in said
    assert "1.00" not in said and "0.70" not in said


def test_each_label_without_an_operating_point_is_named() -> None:
    test = {"a": figures(GOOD, 20, 40), "b": figures(GOOD, 4, 56)}
    found = report(test, {}, exclusive=False)
    found["points"] = [found["points"][0], {"negative_below": 0, "threshold": 0.5, "positive_from": 1}]
    said = " ".join(summary.sentences(found) + summary.warnings(found))
    assert "Too few to tell: b (4 with it, 56 without)." in said and "No operating point for b:" in said
