"""Boxes around opacities, in the crop and after its changes."""

import cv2
import numpy as np
import pytest

from tests.training.conftest import row
from training.data import opacities
from training.data.augment import Augmentation, changed, moved
from training.data.crops import Crops
from training.evaluate.opacity import Extent, Marked, _learned
from xray.networks.preprocess import Recipe

HEAVY = Augmentation(rotation_degrees=12, zoom=(0.8, 1.1), shift=0.06, flip=0.5)


@pytest.fixture
def film(tmp_path):
    """One radiograph whose crop is its lower right quarter, bright where its box is."""
    table = tmp_path / "siim" / "opacity_boxes.csv"
    table.parent.mkdir()
    table.write_text("path,left,top,width,height\n1.png,0.25,0.5,0.5,0.25\n")
    image = np.zeros((1, 64, 64), np.uint8)
    image[0, :32, :32] = 200
    box = np.array([[0.5, 1.0, 0.5, 1.0]], np.float32)
    facts = row(1, label="covid", source="siim", split="train", width=9, height=9)
    return Crops([facts], image, image > 0, box), opacities.read(tmp_path)


def test_a_box_lies_where_the_crop_shows_it(film):
    data, boxes = film
    np.testing.assert_array_equal(opacities.mask(data, 0, boxes) > 0, data.images[0] > 0)
    assert opacities.known(data.rows, boxes).all()
    assert not opacities.known([row(2, label="covid", source="siim", split="train", width=9, height=9)], boxes).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_box_moves_with_its_radiograph(film, seed):
    data, boxes = film
    image = changed(data.images, np.array([0]), 64, HEAVY, (seed,))[0, ..., 0]
    coarse = cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA)
    mask = moved(opacities.mask(data, 0, boxes), 64, 8, HEAVY, (seed, 0))
    assert np.corrcoef(coarse.ravel(), mask.ravel())[0, 1] > 0.99


def test_the_map_learns_what_tells_places_in_boxes_from_others(film):
    """Of three channels the first is bright in boxes, the others are noise."""
    data, boxes = film
    rng = np.random.default_rng(0)

    def network(x):
        bright = cv2.resize(x[0, ..., 0], (4, 4), interpolation=cv2.INTER_AREA)
        return np.stack([bright, *rng.normal(size=(2, 4, 4))], axis=-1)[None].astype(np.float32)

    kernel, bias = _learned(data, boxes, network, Recipe("lung-box", 64))
    assert kernel.shape == (3,) and bias.shape == ()
    assert kernel[0] > 5 * np.abs(kernel[1:]).max()


def test_no_table_no_boxes(tmp_path):
    assert not opacities.read(tmp_path)


def test_a_map_is_judged_by_its_peak_its_overlap_and_its_places():
    boxes, maps = np.zeros((2, 160, 160), bool), np.zeros((2, 160, 160), np.float32)
    boxes[:, :80, :80] = True
    maps[0, 40:120, :80], maps[0, 50, 50] = 0.6, 0.9
    maps[1, :80, :80], maps[1, 150, 150] = 0.6, 0.9
    judged = Marked(["a", "b"], boxes, np.ones_like(boxes), maps)
    assert judged.peaks().tolist() == [1, 0]
    np.testing.assert_allclose(judged.overlap(0.5), [1 / 3, 1.0], atol=1e-3)
    assert judged.threshold() <= 0.6
    assert judged.places() > 0.8


def test_the_extent_score_is_judged_on_radiographs_that_the_line_has_not_seen():
    means = np.linspace(0, 1, 20)
    found = Extent.fit(means, 1 + 6 * means, [str(i) for i in range(20)])
    assert (found.slope, found.intercept) == pytest.approx((6, 1))
    assert found.figures["pearson"]["value"] == pytest.approx(1)
    noise = np.random.default_rng(0).permutation(1 + 6 * means)
    assert abs(Extent.fit(means, noise, [str(i) for i in range(20)]).figures["pearson"]["value"]) < 0.7
