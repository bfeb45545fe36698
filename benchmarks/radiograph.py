"""A full-size chest film that is nobody's: what benchmarks send where no patient's picture may be published."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

# Made by training/studies/average.py of many normal films. A drawing would be refused: it looks like no radiograph.
AVERAGE = Path(__file__).resolve().parent.parent / "static" / "examples" / "average_normal.png"


def film(side: int = 2236, *, seed: int = 0) -> Grey:
    """Enlarge the average film to full size, and give it a film's grain.

    Args:
        side: height and width in pixels; the default makes 5 megapixels.
        seed: decides the grain.

    Returns:
        uint8, shape (side, side).
    """
    small = cv2.imdecode(np.fromfile(AVERAGE, np.uint8), cv2.IMREAD_GRAYSCALE)
    large = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).normal(0, 4, large.shape).astype(np.float32)
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def png(picture: Grey) -> bytes:
    """Encode a film as PNG."""
    return cv2.imencode(".png", picture)[1].tobytes()
