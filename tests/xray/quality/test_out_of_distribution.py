"""The screen's scores, refusals and cautions, against values computed by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from xray.errors import ModelError, NotAChestXrayError
from xray.networks.metadata import Check
from xray.quality.cautions import CAUTIONS, Caution
from xray.quality.out_of_distribution import CHECKS, DISTANCE, NOT_FRONTAL, Screen

MakeScreen = Callable[..., Screen]
FEATURES = np.ones((4, 4, 3), np.float32)
LEARNED = [Caution.CHILD, Caution.UPSIDE_DOWN, Caution.UNFAMILIAR]


def arrays(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    """Return the arrays of a screen for 3 channels, some replaced or left out."""
    whole = {
        "kernel": np.zeros((3, 3), np.float32),
        "bias": np.zeros(3, np.float32),
        "centre": np.zeros(3, np.float32),
        "whitening": np.ones((3, 2), np.float32),
    }
    return {name: array for name, array in (whole | changes).items() if array is not None}


def saved(folder: Path, content: dict[str, np.ndarray]) -> Path:
    path = folder / "screen.npz"
    np.savez(path, **content)
    return path


def test_a_screen_is_read(tmp_path: Path, make_screen: MakeScreen) -> None:
    path = saved(tmp_path, arrays(bias=np.array([0, 0, np.log(3)], np.float32)))
    screen = Screen.load(path, make_screen().facts, 3)
    np.testing.assert_allclose(screen.scores(np.zeros(3, np.float32)), [0.5, 0.5, 0.75, 0])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (arrays(whitening=None), "Expected the arrays"),
        (arrays(kernel=np.zeros((3, 4), np.float32)), "Expected the arrays"),
        (arrays(centre=np.zeros(4, np.float32)), "Expected the arrays"),
        (arrays(whitening=np.zeros((3, 0), np.float32)), "Expected the arrays"),
        (arrays(whitening=np.float32(1)), "Expected the arrays"),
        (arrays(extra=np.zeros(1, np.float32)), "Expected the arrays"),
        (arrays(bias=np.zeros(3)), "finite float32"),
    ],
    ids=["an array missing", "a head too many", "other channels", "no component", "a number", "one more", "float64"],
)
def test_a_broken_screen_stops_start_up(
    tmp_path: Path, make_screen: MakeScreen, content: dict[str, np.ndarray], complaint: str
) -> None:
    path = saved(tmp_path, content)
    with pytest.raises(ModelError, match=complaint) as caught:
        Screen.load(path, make_screen().facts, 3)
    assert str(path) in str(caught.value) and "git checkout -- model" in str(caught.value)


@pytest.mark.parametrize(
    "names", [CHECKS[:-1], (*CHECKS[1:], CHECKS[0]), (*CHECKS[:-1], "age")], ids=["missing", "order", "unknown"]
)
def test_other_checks_stop_start_up(tmp_path: Path, make_screen: MakeScreen, names: tuple[str, ...]) -> None:
    facts = structs.replace(make_screen().facts, checks=tuple(Check(str(name), 0.5) for name in names))
    with pytest.raises(ModelError, match="Expected the checks"):
        Screen.load(saved(tmp_path, arrays()), facts, 3)


def test_scores_of_the_heads_and_the_distance(make_screen: MakeScreen) -> None:
    """The logits are 1, 2 and -3; the whitened differences are 3 and 4, so their root mean square is 5/sqrt 2."""
    screen = replace(
        make_screen(channels=2),
        kernel=np.array([[1, 0, -2], [0, 1, 0]], np.float32),
        bias=np.array([0, 0, -1], np.float32),
        centre=np.array([-2, 0], np.float32),
        whitening=np.array([[1, 0], [0, 2]], np.float32),
    )
    expected = [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(3)), np.sqrt(12.5)]
    pooled = np.array([1, 2], np.float32)
    np.testing.assert_allclose(screen.scores(pooled), expected, rtol=1e-6)
    np.testing.assert_allclose(screen.scores(np.stack([pooled, screen.centre]))[0], expected, rtol=1e-6)
    assert screen.scores(np.stack([pooled, screen.centre]))[1, -1] == 0


@pytest.mark.parametrize("cautions", [(), *((each,) for each in LEARNED), tuple(LEARNED)])
def test_each_check_gives_its_own_caution(make_screen: MakeScreen, cautions: tuple[Caution, ...]) -> None:
    assert make_screen(*reversed(cautions), channels=3).examine(FEATURES) == cautions


def test_an_image_that_is_not_frontal_is_refused_whatever_else_it_is(make_screen: MakeScreen) -> None:
    with pytest.raises(NotAChestXrayError, match="Send one whole frontal chest radiograph") as caught:
        make_screen(NOT_FRONTAL, *LEARNED, channels=3).examine(FEATURES)
    assert caught.value.status == 422


def test_a_score_at_the_threshold_gives_the_caution(make_screen: MakeScreen) -> None:
    screen = replace(make_screen(channels=3), bias=np.array([-1, 0, -1e-3], np.float32))
    assert screen.examine(FEATURES) == (Caution.CHILD,)


def test_the_features_are_averaged(make_screen: MakeScreen) -> None:
    """Of one maximum of 8 among four cells the mean is 2: the distance from a centre at 0."""
    features = np.zeros((4, 4, 3), np.float32)
    features[1, 1, 0] = 8
    screen = make_screen(channels=3)
    screen.whitening[0] = 1
    for threshold, said in ((1.99, (DISTANCE,)), (2.01, ())):
        checks = (*screen.facts.checks[:-1], Check(DISTANCE, threshold))
        assert replace(screen, facts=structs.replace(screen.facts, checks=checks)).examine(features) == said


def test_every_caution_has_its_words() -> None:
    assert list(CAUTIONS) == list(Caution)
    assert len(set(CAUTIONS.values())) == len(Caution)
