"""The opacity map on drawn features: where it lies, and what is measured on it."""

from collections.abc import Callable

import numpy as np
import pytest

from xray.networks.preprocess import Box
from xray.opacity import OpacityMap, columns, split

# Two lungs of 40 × 20 px, the patient's right one at the left of the image; the box takes all of it.
HEIGHT, WIDTH = 60, 80
BOX = Box(0, HEIGHT, 0, WIDTH)
RIGHT, LEFT = (slice(10, 50), slice(10, 30)), (slice(10, 50), slice(50, 70))


def lungs(*parts: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for part in parts:
        mask[part] = True
    return mask


def features(*parts: tuple[slice, slice]) -> np.ndarray:
    """Features of one channel, a place for each pixel: high where it is opaque."""
    return np.where(lungs(*parts), 9, -9).astype(np.float32)[..., None]


@pytest.fixture
def mapper(make_opacity_map: Callable[..., OpacityMap]) -> OpacityMap:
    """A map that passes the only channel on; the extent score is 1 and 10 times the mean probability."""
    return make_opacity_map(kernel=np.ones(1), extent_intercept=1.0, extent_slope=10.0)


def test_the_percentages_and_the_pattern_are_those_that_were_drawn(mapper: OpacityMap) -> None:
    """The lower half of the right lung; of the left one the outer quarter, so half as much."""
    lower, outer = (slice(30, 50), RIGHT[1]), (LEFT[0], slice(65, 70))
    found = mapper.measure(features(lower, outer), BOX, lungs(RIGHT, LEFT))
    said = found.measures
    assert (said.opacity_right_percent, said.opacity_left_percent) == (50, 25)
    assert said.bilateral == 0.5 and said.lower == pytest.approx((400 + 100) / 600, abs=1e-3)
    # Of 20 columns seven lie with their middle in the outer third: 7/20 of the lower half, and all five at the left.
    assert said.peripheral == pytest.approx((0.35 * 400 + 200) / 600, abs=0.03)
    assert found.mean == pytest.approx(600 / 1600, abs=1e-3)
    assert said.extent_score == pytest.approx(1 + 10 * 600 / 1600, abs=0.01)
    assert columns(said) == {"opacity_right_percent": 50, "opacity_left_percent": 25, "extent_score": said.extent_score}


def test_the_map_is_laid_into_its_box_and_ends_with_the_lungs(mapper: OpacityMap) -> None:
    box = Box(0, HEIGHT, 0, WIDTH // 2)
    probability = mapper.measure(np.full((10, 10, 1), 9, np.float32), box, lungs(RIGHT, LEFT)).probability
    inside = lungs(RIGHT)
    assert (probability((HEIGHT, WIDTH))[inside] > 0.99).all() and not probability((HEIGHT, WIDTH))[~inside].any()
    large = probability((3 * HEIGHT, 2 * WIDTH))
    assert large[90, 40] > 0.99 and not large[90, 120] and not large[90, 5]


@pytest.mark.parametrize(("value", "extent"), [(-200, 1), (200, 8)])
def test_nothing_and_everything_opaque(mapper: OpacityMap, value: float, extent: float) -> None:
    """Logits that no exponential can hold; the extent score ends at 8, and what nothing has a share in is None."""
    said = mapper.measure(np.full((10, 10, 1), value, np.float32), BOX, lungs(RIGHT, LEFT)).measures
    percent, share = (100, 1) if value > 0 else (0, None)
    assert (said.opacity_right_percent, said.opacity_left_percent, said.bilateral) == (percent, percent, share)
    assert (said.peripheral is None, said.lower is None) == (value < 0, value < 0)
    assert said.extent_score == pytest.approx(extent, abs=0.01)


def test_a_lung_that_is_missing_has_no_percentage(mapper: OpacityMap) -> None:
    said = mapper.measure(features(LEFT), BOX, lungs(LEFT)).measures
    assert (said.opacity_right_percent, said.opacity_left_percent, said.bilateral) == (None, 100, None)
    nothing = mapper.measure(features(), BOX, lungs()).measures
    assert (nothing.opacity_right_percent, nothing.opacity_left_percent, nothing.extent_score) == (None, None, 1)


BRIDGE, SPECK = (slice(12, 16), slice(30, 50)), (slice(55, 57), slice(2, 4))


@pytest.mark.parametrize(
    ("parts", "right", "left"),
    [((RIGHT, LEFT), 800, 800), ((RIGHT, LEFT, SPECK), 800, 800), ((RIGHT,), 800, 0), ((LEFT,), 0, 800),
     ((), 0, 0)],
    ids=["two", "noise", "the right alone", "the left alone", "none"],
)  # fmt: skip
def test_lungs_are_told_apart(parts: tuple[tuple[slice, slice], ...], right: int, left: int) -> None:
    found = split(lungs(*parts))
    assert [int(lung.sum()) for lung in found] == [right, left]
