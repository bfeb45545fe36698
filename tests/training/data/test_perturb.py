"""What is erased is gone and the rest is left alone; what is changed stays the same film to a person."""

import cv2
import numpy as np
import pytest

from training.data.perturb import CHANGES, ERASURES, border_only

SIDE = 96
LUNGS = np.zeros((SIDE, SIDE), bool)
LUNGS[20:70, 12:40] = LUNGS[20:70, 56:84] = True


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


@pytest.fixture
def crop(rng) -> np.ndarray:
    """Grain of about 60 in the lungs and of about 180 around them."""
    return np.where(LUNGS, 60, 180).astype(np.uint8) + rng.integers(0, 40, LUNGS.shape, dtype=np.uint8)


def test_erased_lungs_leave_no_trace_but_their_outline(crop, rng):
    erased = ERASURES["lungs_erased"](crop, LUNGS, rng)
    assert np.ptp(erased[LUNGS]) == 0
    assert erased[LUNGS][0] == pytest.approx(199.5, abs=1), "the mean grey of the surround"
    far = cv2.dilate(LUNGS.astype(np.uint8), np.ones((15, 15))) == 0
    np.testing.assert_array_equal(erased[far], crop[far])


def test_what_is_left_of_the_lungs_is_what_was_erased_of_them(crop, rng):
    only, erased = (ERASURES[name](crop, LUNGS, rng) for name in ("lungs_only", "lungs_erased"))
    np.testing.assert_array_equal(only[LUNGS], crop[LUNGS])
    assert ((only == crop) | (erased == crop)).all()
    assert np.ptp(only[[0, 0, -1, -1], [0, -1, 0, -1]]) == 0


def test_a_scrambled_crop_holds_the_same_blocks_elsewhere(crop, rng):
    scrambled = ERASURES["scrambled"](crop, LUNGS, rng)

    def blocks(picture):
        return [picture[y : y + 12, x : x + 12].tobytes() for y in range(0, SIDE, 12) for x in range(0, SIDE, 12)]

    assert sorted(blocks(scrambled)) == sorted(blocks(crop))
    assert sum(one == other for one, other in zip(blocks(scrambled), blocks(crop), strict=True)) < 10


def test_the_border_is_what_a_baseline_reads(rng):
    film = rng.integers(0, 256, (80, 160), dtype=np.uint8)
    border = border_only(film)
    assert np.ptp(border[10:70, 20:140]) == 0
    frame = np.ones(film.shape, bool)
    frame[10:70, 20:140] = False
    np.testing.assert_array_equal(border[frame], film[frame])
    assert border[40, 80] == round(film[frame].mean())


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("shape", [(300, 260), (181, 333), (64, 64)])
def test_a_change_makes_another_picture_of_the_same_film(name, shape, radiograph, rng):
    film = radiograph(*shape)
    before = film.copy()
    changed = CHANGES[name](film, rng)
    np.testing.assert_array_equal(film, before, "the film itself was changed")
    assert changed.dtype == np.uint8
    assert changed.shape == (tuple(side - 2 * round(0.05 * side) for side in shape) if name == "cropped" else shape)
    if name == "cropped":
        return
    assert (changed != film).any()
    undo = {"negative": lambda x: 255 - x, "mirrored": lambda x: x[:, ::-1]}.get(name, lambda x: x)
    # Far enough from the corner that a rotation takes away.
    inner = np.s_[shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4]
    assert np.corrcoef(undo(changed)[inner].ravel(), film[inner].ravel())[0, 1] > 0.6
