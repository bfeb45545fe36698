"""Lung segmentation: the U-Net's input, and the lung mask made from its output."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.io.pixels import GreyImage

LungMask = NDArray[np.bool_]

SIZE = 128
THRESHOLD = 0.5
# A second region smaller than this share of the larger one is noise, not a lung.
SMALLEST_LUNG = 0.1


def network_input(image: GreyImage) -> NDArray[np.float32]:
    """Turn a radiograph into the U-Net's input, in training and in serving.

    Args:
        image: grey, uint8, shape (height, width), values 0 to 255.

    Returns:
        float32, shape (128, 128, 1), mean 0 and deviation 1 per picture.
    """
    small = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA).astype(np.float32)
    standardised = (small - small.mean()) / max(float(small.std()), 1.0)
    return np.asarray(standardised[..., None], np.float32)


def mask_from_output(probability: NDArray[np.float32], shape: tuple[int, int]) -> LungMask:
    """Turn the U-Net's output into a mask of at most two lungs without holes.

    Args:
        probability: float32, shape (128, 128), values 0 to 1.
        shape: height and width of the radiograph in pixels.

    Returns:
        bool, of the given shape, True inside the lungs; all False where no lung was found.
    """
    lungs = _two_largest(probability > THRESHOLD)
    # Outside the kept lungs nothing may reappear when the output is enlarged; the soft edge stays.
    near = cv2.dilate(lungs, np.ones((3, 3), np.uint8))
    filled = np.maximum(probability, lungs * np.float32(THRESHOLD + 0.01)) * near
    height, width = shape
    enlarged = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged > THRESHOLD, np.bool_)


def resized(lungs: LungMask, shape: tuple[int, int]) -> LungMask:
    """Resize a lung mask, with its edge interpolated between pixels.

    Args:
        lungs: bool, shape (height, width).
        shape: the height and width that are wanted.
    """
    if lungs.shape == shape:
        return lungs
    # Of 8 bits, that between 0 and 1 is rounded to the nearer.
    levels = cv2.resize(lungs.view(np.uint8), shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(levels, np.uint8).view(np.bool_)


def segment(image: GreyImage, network: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> LungMask:
    """Find the lungs.

    Args:
        image: grey, uint8, shape (height, width).
        network: the U-Net, from float32 (1, 128, 128, 1) to float32 (1, 128, 128, 1).

    Returns:
        bool, shape (height, width), True inside the lungs.
    """
    probability = network(network_input(image)[None])[0, :, :, 0]
    return mask_from_output(probability, (image.shape[0], image.shape[1]))


def _two_largest(binary: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Keep the two largest connected regions and fill their holes; uint8, 0 or 1."""
    contours, _ = cv2.findContours(binary.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = sorted(contours, key=cv2.contourArea, reverse=True)[:2]
    kept = [lung for lung in largest if cv2.contourArea(lung) >= SMALLEST_LUNG * cv2.contourArea(largest[0])]
    return np.asarray(cv2.drawContours(np.zeros(binary.shape, np.uint8), kept, -1, 1, cv2.FILLED), np.uint8)
