"""From an image and its lung mask to the backbone's input."""

import cv2
import numpy as np
import pytest

from xray.networks.preprocess import Box, Recipe, crop, crop_box, scale

LUNG_BOX = Recipe("lung-box", 192)
WHOLE_IMAGE = Recipe("whole-image", 224)
LUNGS = Box(100, 300, 50, 250)


def lungs_at(box, shape=(400, 300)):
    mask = np.zeros(shape, bool)
    mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def backbone_input(image, mask, recipe):
    return scale(crop(image, crop_box(mask, recipe), recipe), recipe)


@pytest.mark.parametrize(
    ("recipe", "mask", "box"),
    [
        (LUNG_BOX, lungs_at(LUNGS), Box(88, 312, 38, 262)),
        (LUNG_BOX, lungs_at(Box(2, 398, 1, 300)), Box(0, 400, 0, 300)),
        (LUNG_BOX, np.zeros((400, 300), bool), Box(0, 400, 0, 300)),
        (WHOLE_IMAGE, lungs_at(LUNGS), Box(0, 400, 0, 300)),
    ],
    ids=["lungs with a margin", "margin up to the edge", "no lungs", "whole image"],
)
def test_the_box_is_what_the_recipe_says(recipe, mask, box):
    assert crop_box(mask, recipe) == box


def test_nothing_outside_the_box_reaches_the_network(radiograph):
    """The border tells hospitals apart, so it must not change the input by one grey level."""
    image = radiograph(400, 300, 1)
    mask = lungs_at(LUNGS)
    marked = image.copy()
    marked[:60], marked[:, :20], marked[330:] = 255, 0, 255
    np.testing.assert_array_equal(backbone_input(image, mask, LUNG_BOX), backbone_input(marked, mask, LUNG_BOX))


def test_lung_box_is_standardised_and_grey_is_repeated(radiograph):
    x = backbone_input(radiograph(400, 300, 3), lungs_at(LUNGS), LUNG_BOX)
    assert (x.shape, x.dtype) == ((192, 192, 3), np.float32)
    assert abs(x.mean()) < 1e-4
    assert x.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(x[..., 0], x[..., 2])


def test_whole_image_is_the_articles_recipe(radiograph):
    """Squash to 224x224 and divide by 255: nothing else."""
    image = radiograph(448, 224, 4)
    x = backbone_input(image, np.zeros(image.shape, bool), WHOLE_IMAGE)
    assert x.shape == (224, 224, 3)
    np.testing.assert_allclose(x[..., 0], np.rint(image.reshape(224, 2, 224).mean(axis=1)) / 255, atol=1.01 / 255)


def test_a_sharper_copy_of_a_film_gives_the_same_input(radiograph):
    """Files of 224 px and of 2,000 px come from other publishers: sharpness must not tell them apart."""
    large = radiograph(2048, 1920, 6)
    small = np.asarray(cv2.resize(large, (240, 256), interpolation=cv2.INTER_AREA))
    inputs = [
        backbone_input(film, lungs_at(Box(*box), film.shape), LUNG_BOX)
        for film, box in ((large, (512, 1536, 400, 1600)), (small, (64, 192, 50, 200)))
    ]
    detail = [np.abs(np.diff(x[..., 0], axis=1)).mean() for x in inputs]
    assert detail[0] == pytest.approx(detail[1], rel=0.1)
