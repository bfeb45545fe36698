"""The lung mask: input, post-processing, and the network on real radiographs."""

import cv2
import numpy as np
import pytest

from xray.io import image
from xray.networks import lungs


def blobs(*boxes):
    probability = np.zeros((lungs.SIZE, lungs.SIZE), np.float32)
    for top, bottom, left, right in boxes:
        probability[top:bottom, left:right] = 0.9
    return probability


def test_two_lungs_are_kept_at_the_size_of_the_picture():
    mask = lungs.mask_from_output(blobs((20, 100, 10, 50), (20, 100, 70, 110)), (256, 512))
    assert (mask.shape, mask.dtype) == ((256, 512), bool)
    assert mask[120, 100]
    assert mask[120, 360]
    assert not mask[120, 240]
    assert mask.mean() == pytest.approx(2 * 80 * 40 / 128**2, rel=0.05)


PAIR = ((20, 100, 10, 50), (20, 100, 70, 110))


@pytest.mark.parametrize(("extra", "point"), [((2, 8, 60, 66), (5, 63)), ((110, 125, 58, 66), (117, 62))])
def test_a_speck_and_a_third_region_are_dropped_and_a_hole_is_filled(extra, point):
    probability = blobs(*PAIR, extra)
    probability[50:60, 25:35] = 0.0
    mask = lungs.mask_from_output(probability, (128, 128))
    assert not mask[point] and mask[55, 30] and mask[70, 30]
    assert not lungs.mask_from_output(blobs(), (200, 100)).any()


@pytest.mark.parametrize("stem", ["IM-0177-0001", "NORMAL2-IM-0393-0001", "person26_bacteria_122"])
def test_masks_of_held_out_radiographs(real_data, analyzer, stem):
    """The publisher's masks of films that no training saw: the served network finds the same lungs."""
    truth = cv2.imread(str(real_data / "masks" / "kermany" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE) > 127
    film = next(real_data.glob(f"kermany/*/*/{stem}.jpg"))
    found = lungs.segment(image.load(film.read_bytes()).image, analyzer.registry.segmenter)
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.92
