"""Boxes around opacities, in the crop and after its changes."""

import cv2
import numpy as np
import pytest

from tests.training.conftest import row
from training.data import opacities
from training.data.augment import Augmentation, changed, moved

HEAVY = Augmentation(rotation_degrees=12, zoom=(0.8, 1.1), shift=0.06, flip=0.5)


def test_a_box_lies_where_the_crop_shows_it(marked_film):
    data, boxes = marked_film
    np.testing.assert_array_equal(opacities.mask(data, 0, boxes) > 0, data.images[0] > 0)
    assert opacities.known(data.rows, boxes).all()
    assert not opacities.known([row(2, label="covid", source="siim", split="train", width=9, height=9)], boxes).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_box_moves_with_its_radiograph(marked_film, seed):
    data, boxes = marked_film
    image = changed(data.images, np.array([0]), 64, HEAVY, (seed,))[0, ..., 0]
    coarse = cv2.resize(image, (8, 8), interpolation=cv2.INTER_AREA)
    mask = moved(opacities.mask(data, 0, boxes), 64, 8, HEAVY, (seed, 0))
    assert np.corrcoef(coarse.ravel(), mask.ravel())[0, 1] > 0.99


def test_no_table_no_boxes(tmp_path):
    assert not opacities.read(tmp_path)
