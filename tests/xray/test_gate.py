"""What the shape of the lung mask lets in."""

import cv2
import numpy as np
import pytest

from xray import gate
from xray.errors import NotAChestXrayError


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
    ids=["a pair", "one smaller", "a flat film"],
)
def test_a_pair_of_lungs_passes(lungs):
    gate.check(lungs)


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
def test_what_is_no_pair_of_lungs_is_refused_with_the_reason(lungs, says):
    with pytest.raises(NotAChestXrayError, match=says) as caught:
        gate.check(lungs)
    assert caught.value.status == 422
    assert "Send one whole frontal chest film" in str(caught.value)


def test_slices_are_mostly_refused(real_data, analyzer):
    """At least 7 in 10 of the CT and MRI slices, by the served lung network."""
    from xray import image, lungs
    from xray.errors import ImageError

    def refused(path):
        try:
            gate.check(lungs.segment(image.read(path.read_bytes()), analyzer.registry.segmenter))
        except ImageError:
            return True
        return False

    slices = sorted(real_data.glob("not_chest_xray/*/*"))[::4]
    assert np.mean([refused(path) for path in slices]) >= 0.7
