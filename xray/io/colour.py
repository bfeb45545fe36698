"""Radiographs are grey: what has real colour is a photograph or a screenshot."""

from typing import Any

import numpy as np
import numpy.typing as npt

from xray.errors import NotAChestXrayError

# The pictures are shrunk to an eighth first, so that the coloured fringes of letters do not count.
SHRINK = 8
# Of 255, between the strongest and the weakest of red, green and blue, once the tint is taken away.
CLEAR = 32
# Measured: 0 for all 11,516 films of the manifest (which holds them grey) and for the 48 validation films as they
# were published; 0 for these 48 tinted all over; at most 0.18 with six broad arrows, a frame, a caption and a bar
# across the top drawn on them in strong colours. Five photographs, scikit-learn's two among them: 0.22 to 0.79.
LARGEST_SHARE = 0.20


def check(small: npt.NDArray[Any]) -> None:
    """Refuse a colour picture; coloured arrows or captions on a film, and one tint all over it, pass.

    Args:
        small: blue, green, red, 8 or 16 bits, shape (height, width, 3), shrunk to an eighth.

    Raises:
        NotAChestXrayError: more than a fifth of it is clearly coloured.
    """
    levels = small.astype(np.float32) * (255 / np.iinfo(small.dtype).max)
    # The median leaves marks out of the tint, and the brighter half leaves out the black border, which has none.
    grey = levels.mean(axis=2)
    tint = np.maximum(np.median(levels[grey >= np.median(grey)], axis=0), 1)
    untinted = levels * (tint.mean() / tint)
    coloured = np.ptp(untinted, axis=2) > CLEAR
    if coloured.mean() > LARGEST_SHARE:
        raise NotAChestXrayError(
            "Expected a grey radiograph, received a picture of which %(share)s%% is coloured, such as a photograph or "
            "a screenshot. Please send the radiograph itself, as it was exported.",
            share=round(100 * coloured.mean()),
        )
