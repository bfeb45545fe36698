"""The gate: which shapes of the lung mask pass."""

import cv2
import numpy as np
import pytest

from xray.errors import ImageError, NotAChestXrayError
from xray.io import image
from xray.networks import lungs
from xray.networks.runtime import Network
from xray.quality import frontal
from xray.quality.frontal import frontal_view
from xray.registry import MODEL_DIR


@pytest.fixture(scope="module")
def segmenter():
    """The served lung network."""
    return Network(MODEL_DIR / "lung_unet" / "network.tflite", threads=1)


def mask(*ellipses, shape=(512, 512)):
    """Draw ellipses given as (x, y, half width, half height)."""
    drawn = np.zeros(shape, np.uint8)
    for x, y, wide, tall in ellipses:
        cv2.ellipse(drawn, (x, y), (wide, tall), 0, 0, 360, 1, cv2.FILLED)
    return drawn > 0


@pytest.mark.parametrize(
    "lungs",
    [
        mask((150, 250, 80, 170), (360, 250, 80, 170)),
        mask((150, 250, 80, 170), (360, 250, 60, 130)),
        mask((140, 110, 80, 95), (370, 110, 80, 95), shape=(220, 512)),
    ],
    ids=["a pair", "one smaller", "a flat radiograph"],
)
def test_a_pair_of_lungs_passes(lungs):
    frontal.check(lungs)


@pytest.mark.parametrize(
    ("lungs", "says"),
    [
        (mask(), "0% looks like lungs"),
        (mask((150, 250, 30, 60), (360, 250, 30, 60)), "expected lungs that fill at least 10%"),
        (mask((250, 250, 120, 170)), "lateral"),
        (mask((150, 250, 110, 170), (420, 250, 40, 80)), "two of very different size"),
        (mask((250, 60, 250, 40), (250, 150, 250, 40)), "shape"),
    ],
    ids=["nothing", "specks", "one lung", "unequal", "two bars"],
)  # fmt: skip
def test_any_other_mask_is_refused_with_the_reason(lungs, says):
    with pytest.raises(NotAChestXrayError, match=says) as caught:
        frontal.check(lungs)
    assert caught.value.status == 422
    assert "Send one whole frontal chest radiograph" in str(caught.value)


def document(seed):
    """Draw a page of words."""
    rng = np.random.default_rng(seed)
    page = np.full((700, 500), 255, np.uint8)
    for line in range(60, 660, 22):
        words = "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz      "), 36))
        cv2.putText(page, words, (40, line), cv2.FONT_HERSHEY_SIMPLEX, 0.55, 0, 1, cv2.LINE_AA)
    return page


NOISE = np.random.default_rng(0)
RAMP = np.linspace(0, 255, 400).astype(np.uint8)


@pytest.mark.parametrize(
    "picture",
    [
        *(np.full((400, 400), grey, np.uint8) for grey in (0, 128, 255)),
        NOISE.integers(0, 256, (400, 400), dtype=np.uint8),
        cv2.GaussianBlur(NOISE.integers(0, 256, (400, 400), dtype=np.uint8), (0, 0), 3),
        np.tile(RAMP, (400, 1)),
        np.tile(RAMP[:, None], (1, 400)),
        document(0),
        document(1),
    ],
    ids=["black", "grey", "white", "noise", "soft noise", "across", "down", "a page", "another page"],
)
def test_other_images_are_refused(picture, segmenter):
    with pytest.raises(NotAChestXrayError):
        frontal_view(picture, lambda each: lungs.segment(each, segmenter))


def test_ct_and_mri_slices_are_mostly_refused(real_data, segmenter):
    """At least 7 in 10 by the served lung network."""

    def refused(path):
        try:
            frontal.check(lungs.segment(image.load(path.read_bytes()).image, segmenter))
        except ImageError:
            return True
        return False

    slices = sorted(real_data.glob("not_chest_xray/*/*"))[::4]
    assert np.mean([refused(path) for path in slices]) >= 0.7
