"""The screen's scores, refusals and cautions, against values computed by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xray.errors import ModelError, NotAChestXrayError
from xray.quality.cautions import Caution
from xray.quality.out_of_distribution import NOT_FRONTAL, Screen

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


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (arrays(whitening=None), "Expected the arrays"),
        (arrays(kernel=np.zeros((3, 4), np.float32)), "Expected the arrays"),
        (arrays(bias=np.zeros(3)), "finite float32"),
    ],
    ids=["an array missing", "a head too many", "float64"],
)
def test_a_broken_screen_stops_start_up(tmp_path, make_screen, content, complaint):
    path = saved(tmp_path, content)
    with pytest.raises(ModelError, match=complaint) as caught:
        Screen.load(path, make_screen().facts, 3)
    assert str(path) in str(caught.value) and "git checkout -- model" in str(caught.value)


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
