"""Scores and verdicts of a head, against arithmetic done by hand."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from xray.analysis import Analyzer
from xray.errors import ModelError
from xray.networks.heads import Head, Verdict, by_edges, verdicts
from xray.networks.metadata import OperatingPoint

EDGES = OperatingPoint(threshold=0.5, negative_below=0.4, positive_from=0.6)


def at(edge: float) -> OperatingPoint:
    return OperatingPoint(threshold=edge, negative_below=edge, positive_from=edge)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, Verdict.NEGATIVE),
        (0.3999, Verdict.NEGATIVE),
        (0.4, Verdict.INCONCLUSIVE),
        (0.5999, Verdict.INCONCLUSIVE),
        (0.6, Verdict.POSITIVE),
        (1.0, Verdict.POSITIVE),
    ],
)
def test_the_edges_decide_alike_for_one_label_and_for_a_pair(score: float, expected: Verdict) -> None:
    assert by_edges(score, 0.4, 0.6) is expected
    judged = verdicts([round(1 - score, 4), score], [EDGES.mirrored(), EDGES], exclusive=True)
    opposite = {Verdict.POSITIVE: Verdict.NEGATIVE, Verdict.NEGATIVE: Verdict.POSITIVE}
    assert judged == [opposite.get(expected, expected), expected]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.7, 0.1, 0.2), "P N N"),
        ((0.1, 0.1, 0.8), "N N P"),
        ((0.3, 0.19, 0.39), "P N N"),
        ((0.5, 0.3, 0.2), "I I I"),
        ((0.29, 0.19, 0.39), "I I I"),
    ],
)
def test_the_only_plausible_label_decides(scores: tuple[float, ...], expected: str) -> None:
    judged = verdicts(scores, [at(0.3), at(0.2), at(0.4)], exclusive=True)
    assert " ".join(each[0] for each in judged) == expected


def test_labels_that_may_hold_together_are_judged_by_their_own_edges() -> None:
    assert [each[0] for each in verdicts((0.6, 0.5, 0.39), [EDGES] * 3, exclusive=False)] == ["P", "I", "N"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [({}, [0.25, 0.75]), ({"temperature": 0.5}, [0.1, 0.9]), ({"exclusive": False}, [0.5, 0.75])],
    ids=["softmax", "sharpened by the temperature", "a sigmoid for each label"],
)
def test_scores_are_shares_or_each_by_itself(small_head, facts, expected):
    head = replace(small_head(3, **facts), kernel=np.zeros((3, 2)), bias=np.array([0, np.log(3)]))
    np.testing.assert_allclose(head.scores(np.ones((4, 4, 3), np.float32)), expected)


def test_the_logits_weigh_the_averages(small_head: Callable[..., Head]) -> None:
    """The maxima of the four cells are 4, 4, 0 and 0 in the first channel and 1 everywhere in the second."""
    features = np.zeros((4, 4, 2), np.float32)
    features[0, ::2, 0], features[..., 1] = 4, 1
    head = replace(small_head(2), kernel=np.array([[1.0, 2.0], [10.0, -10.0]]), bias=np.array([0.5, 0.25]))
    np.testing.assert_allclose(head.logits(features), [2 + 10 + 0.5, 4 - 10 + 0.25])


def arrays(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the arrays of a head for features of three channels, some replaced or left out."""
    whole = {"kernel": np.zeros((3, 2), np.float32), "bias": np.zeros(2, np.float32)}
    return {name: array for name, array in (whole | changes).items() if array is not None}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        (b"PK\x03\x04 cut short", "archive"),
        (arrays(bias=None), "Expected the arrays"),
        (arrays(kernel=np.zeros((4, 2), np.float32)), "Expected the arrays"),
        (arrays(bias=np.array([np.nan, 0], np.float32)), "finite float32"),
    ],
)
def test_a_broken_head_stops_start_up(small_head, tmp_path, content, complaint):
    path = tmp_path / "head.npz"
    if isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=complaint) as caught:
        Head.load(path, small_head(3).facts, 3)
    assert str(path) in str(caught.value) and "git checkout -- model" in str(caught.value)


def test_the_published_models_score_each_of_their_labels(analyzer: Analyzer, radiograph) -> None:
    data = cv2.imencode(".png", radiograph(512, 480))[1].tobytes()
    assert analyzer.names == ("covid_normal", "covid_pneumo", "three_classes", "findings")
    first, _, classes, findings = analyzer.analyse(data, ["all"]).predictions
    assert [each.label for each in first.labels] == ["normal", "covid"] and first.listed == ()
    assert [each.label for each in classes.listed] == ["covid", "normal", "pneumonia"]
    assert sum(each.score for each in classes.labels) == pytest.approx(1, abs=2e-4)
    assert [each.label for each in findings.listed] == ["abnormal", "covid", "bacterial", "viral"]
    assert findings.called is None and findings.score == findings.labels[1].score
