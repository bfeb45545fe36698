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


def test_without_lungs_nothing_is_erased_and_nothing_left(crop, rng):
    none = np.zeros_like(LUNGS)
    np.testing.assert_array_equal(ERASURES["lungs_erased"](crop, none, rng), crop)
    assert np.ptp(ERASURES["lungs_only"](crop, none, rng)) == 0


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


@pytest.mark.parametrize(("name", "ends", "middle"), [
    ("brighter", (0, 255), 157), ("darker", (0, 255), 97),
    ("low_contrast", (51, 204), 128), ("negative", (255, 0), 127),
])  # fmt: skip
def test_grey_values_go_the_way_the_name_says(name, ends, middle, rng):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    changed = CHANGES[name](ramp, rng).ravel()
    assert (changed[0], changed[-1]) == ends
    assert int(changed[128]) == pytest.approx(middle, abs=1)


def test_films_are_turned_to_both_sides_without_a_black_edge(rng):
    film = np.full((200, 200), 120, np.uint8)
    film[90:110, 150:] = 220  # a bar towards the right
    left, right = CHANGES["turned_left"](film, rng), CHANGES["turned_right"](film, rng)
    assert np.argmax(left[:, 195] > 170) < np.argmax(film[:, 195] > 170) < np.argmax(right[:, 195] > 170)
    assert min(left.min(), right.min()) >= 119


@pytest.mark.parametrize("shape", [(1200, 900), (120, 150)])
def test_letters_are_white_in_an_upper_corner_and_chance_says_which(shape):
    film = np.full(shape, 40, np.uint8)
    found = set()
    for seed in range(12):
        burnt = CHANGES["letters"](film, np.random.default_rng(seed))
        rows, columns = np.nonzero(burnt != film)
        assert burnt.max() == 255 and rows.max() < shape[0] / 4
        assert columns.min() > 0 and columns.max() < shape[1] - 1, "cut off"
        assert 0.005 < (burnt != film).mean() < 0.05
        found.add(bool(columns.mean() > shape[1] / 2))
    assert found == {False, True}


def test_the_arrow_points_into_a_lung(radiograph):
    film = radiograph(400, 400)
    for seed in range(6):
        changed = CHANGES["arrow"](film, np.random.default_rng(seed)) != film
        assert 0.002 < changed.mean() < 0.03
        assert changed[180, 120] != changed[180, 280], "one lung, not the other"


def test_noise_is_as_strong_as_it_says(rng):
    film = np.full((300, 300), 128, np.uint8)
    noise = CHANGES["noise"](film, rng).astype(float) - 128
    assert noise.std() == pytest.approx(5, abs=0.2) and abs(noise.mean()) < 0.1
