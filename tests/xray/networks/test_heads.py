"""Scores and verdicts of a head, against arithmetic done by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xray.errors import ModelError
from xray.networks.heads import DenseHead, Head, LinearHead, Verdict, average, load_weights, pool, verdict
from xray.networks.metadata import Band


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
def test_the_band_decides(score: float, expected: Verdict) -> None:
    assert verdict(score, Band(0.4, 0.6)) is expected


def test_an_empty_band_leaves_nothing_inconclusive() -> None:
    assert [verdict(score, Band(0.5, 0.5)) for score in (0.49, 0.5)] == [Verdict.NEGATIVE, Verdict.POSITIVE]


@pytest.mark.parametrize(("height", "width"), [(12, 12), (14, 14), (9, 13), (4, 4)])
def test_pooling_is_a_maximum_then_a_mean(height: int, width: int) -> None:
    features = np.random.default_rng(0).normal(size=(height, width, 3)).astype(np.float32)
    pooled = pool(features)
    assert pooled.shape == (height // 4, width // 4, 3)
    for row, column in np.ndindex(pooled.shape[:2]):
        cells = [
            features[4 * row + y : 4 * row + y + 2, 4 * column + x : 4 * column + x + 2].max(axis=(0, 1))
            for y in (0, 2)
            for x in (0, 2)
        ]
        np.testing.assert_allclose(pooled[row, column], np.mean(cells, axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("classes", "temperature", "expected"),
    [
        (("normal", "covid"), 1.0, 1 / (1 + np.exp(-3.0))),
        (("covid", "normal"), 1.0, 1 / (1 + np.exp(3.0))),
        (("normal", "covid"), 3.0, 1 / (1 + np.exp(-1.0))),
        (("normal", "covid"), 1e-4, 1.0),
    ],
    ids=["as it is", "classes the other way round", "softened", "steep without overflow"],
)
def test_the_score_is_the_positive_class_after_temperature(
    small_head: Callable[..., Head], classes: tuple[str, str], temperature: float, expected: float
) -> None:
    """The hidden units are 3 and -5; ReLU leaves the first; the logits are 1 and 1 + 3."""
    head = small_head((4, 4, 1), classes=classes, temperature=temperature)
    by_hand = DenseHead(
        dense_kernel=np.array([[1.0, -2.0]]),
        dense_bias=np.array([1.0, -1.0]),
        output_kernel=np.array([[0.0, 1.0], [100.0, 0.0]]),
        output_bias=np.array([1.0, 1.0]),
    )
    features = np.full((4, 4, 1), 2.0, np.float32)
    assert replace(head, weights=by_hand).score(features) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("height", "width"), [(12, 12), (9, 13), (4, 4)])
def test_averaging_is_a_maximum_then_the_mean_of_all(height: int, width: int) -> None:
    features = np.random.default_rng(1).normal(size=(height, width, 3)).astype(np.float32)
    cells = [
        features[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max(axis=(0, 1))
        for row, column in np.ndindex(height // 2, width // 2)
    ]
    np.testing.assert_allclose(average(features), np.mean(cells, axis=0), rtol=1e-5)


def test_the_linear_head_weighs_the_averages() -> None:
    """The maxima of the four cells are 4, 4, 0 and 0 in the first channel and 1 everywhere in the second."""
    features = np.zeros((4, 4, 2), np.float32)
    features[0, ::2, 0], features[..., 1] = 4, 1
    head = LinearHead(np.array([[1.0, 2.0], [10.0, -10.0]]), np.array([0.5, 0.25]))
    np.testing.assert_allclose(head.logits(features), [2 + 10 + 0.5, 4 - 10 + 0.25])


def arrays(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the four arrays of a head for features of 4x4x3, some replaced or left out."""
    whole = {
        "dense_kernel": np.zeros((3, 128), np.float32),
        "dense_bias": np.zeros(128, np.float32),
        "output_kernel": np.zeros((128, 2), np.float32),
        "output_bias": np.zeros(2, np.float32),
    }
    return {name: array for name, array in (whole | changes).items() if array is not None}


def test_a_head_is_read(tmp_path: Path) -> None:
    path = tmp_path / "head.npz"
    np.savez(path, **arrays(output_bias=np.array([0, np.log(3)], np.float32)))
    head = load_weights(path, (4, 4, 3))
    np.testing.assert_allclose(head.scores(np.ones((4, 4, 3), np.float32)), [0.25, 0.75], rtol=1e-6)


def test_the_arrays_tell_which_kind_of_head_it_is(tmp_path: Path) -> None:
    dense, linear = tmp_path / "dense.npz", tmp_path / "linear.npz"
    np.savez(dense, **arrays())
    kernel = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    np.savez(linear, **arrays(dense_kernel=None, dense_bias=None, output_kernel=kernel))
    assert type(load_weights(dense, (4, 4, 3))) is DenseHead
    head = load_weights(linear, (4, 4, 3))
    assert type(head) is LinearHead
    np.testing.assert_allclose(head.logits(np.broadcast_to(np.float32([5, 7, 9]), (4, 4, 3))), [5, 7])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        (b"", "archive"),
        (b"PK\x03\x04 cut short", "archive"),
        (arrays(dense_bias=None), "Expected the arrays"),
        (arrays(extra=np.zeros(1, np.float32)), "Expected the arrays"),
        (arrays(dense_kernel=np.zeros((4, 128), np.float32)), "Expected the arrays"),
        (arrays(dense_kernel=None, dense_bias=None), "Expected the arrays"),
        (arrays(output_bias=np.zeros(2)), "finite float32"),
        (arrays(output_bias=np.array([np.nan, 0], np.float32)), "finite float32"),
        (arrays(output_bias=np.array([None, 0])), "archive"),
    ],
)
def test_a_broken_head_stops_start_up(
    tmp_path: Path, content: bytes | dict[str, np.ndarray] | None, complaint: str
) -> None:
    path = tmp_path / "head.npz"
    if isinstance(content, dict):
        np.savez(path, **content)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=complaint) as caught:
        load_weights(path, (4, 4, 3))
    assert str(path) in str(caught.value) and "git checkout -- model" in str(caught.value)
