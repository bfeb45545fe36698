"""Random changes to training images: geometry, exposure, noise, erased patches.

Heavy on purpose: exposure, border and position tell hospitals apart, so they must not be dependable.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from xray.networks.preprocess import LUNG_BOX, Recipe, scale

CURVE_STEPS = 6  # straight pieces of a random tone curve
CURVE_SPREAD = 0.6  # of the logarithm of their slopes
EQUALISE_LIMIT = (1.0, 3.0)  # smallest and largest clip limit


@dataclass(frozen=True)
class Augmentation:
    """How far a training image may be changed; the defaults change nothing.

    Attributes:
        rotation_degrees: largest rotation to either side.
        zoom: smallest and largest scale, drawn for each axis.
        shift: largest shift as a share of the side.
        flip: share of images mirrored left to right.
        gamma: smallest and largest exponent of the grey values.
        curve: share of images whose grey values pass through a random rising curve.
        equalise: share of images with their local contrast equalised (CLAHE), as some hospitals' viewers do.
        blur: share of images blurred.
        noise: largest standard deviation of added noise, in grey levels of 0 to 255.
        erase: share of images with a rectangle replaced by grey.
        brightness: smallest and largest factor of the grey values.
        shear_degrees: largest slant of vertical lines to either side.
    """

    rotation_degrees: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    flip: float = 0.0
    gamma: tuple[float, float] = (1.0, 1.0)
    curve: float = 0.0
    equalise: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    brightness: tuple[float, float] = (1.0, 1.0)
    shear_degrees: float = 0.0


def transform(side: int, output: int, how: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw an affine transform from a square of `side` to a square of `output` pixels; shape (2, 3)."""
    angle = np.deg2rad(rng.uniform(-how.rotation_degrees, how.rotation_degrees))
    zoom = output / side * rng.uniform(*how.zoom, size=2)
    if rng.random() < how.flip:
        zoom[0] = -zoom[0]
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * zoom
    middle = np.array([(side - 1) / 2, (side - 1) / 2])
    target = np.array([(output - 1) / 2, (output - 1) / 2]) + output * rng.uniform(-how.shift, how.shift, size=2)
    if how.shear_degrees:  # drawn last, and only where it is set: without it the same seed gives what it always gave
        slant = np.deg2rad(rng.uniform(-how.shear_degrees, how.shear_degrees))
        rotate = rotate @ np.array([[1.0, np.tan(slant)], [0.0, 1.0]])
    return np.column_stack([rotate, target - rotate @ middle])


def warp(image: NDArray[np.uint8], matrix: NDArray[np.float64], output: int) -> NDArray[np.uint8]:
    """Apply an affine transform; what lies outside is reflected, so that no black edge tells anything."""
    side = image.shape[0]
    if side >= 2 * output:
        # warpAffine does not average: shrink first, or fine structure turns into moiré.
        image = np.asarray(cv2.resize(image, (output, output), interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix.copy()
        matrix[:, :2] *= side / output
        matrix[:, 2] += matrix[:, :2] @ np.full(2, (1 - output / side) / 2)
    return np.asarray(
        cv2.warpAffine(image, matrix, (output, output), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
        np.uint8,
    )


def tone(how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw what each grey value 0 to 255 becomes: a rising curve, then a gamma; float32, shape (256,)."""
    grey = np.linspace(0.0, 1.0, 256)
    if rng.random() < how.curve:
        steps = np.exp(rng.normal(0.0, CURVE_SPREAD, CURVE_STEPS))
        knots = np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
        grey = np.interp(grey, np.linspace(0.0, 1.0, CURVE_STEPS + 1), knots)
    # Equal chances to darken and to lighten: uniform in the logarithm.
    return np.asarray(255.0 * grey ** np.exp(rng.uniform(*np.log(how.gamma))), np.float32)


def expose(image: NDArray[np.uint8], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change contrast, gamma, brightness, sharpness and noise, and erase a rectangle; float32, values 0 to 255."""
    if rng.random() < how.equalise:
        image = np.asarray(cv2.createCLAHE(rng.uniform(*EQUALISE_LIMIT), (4, 4)).apply(image), np.uint8)
    values = np.asarray(cv2.LUT(image, tone(how, rng)), np.float32)
    if how.brightness != (1.0, 1.0):
        values = np.minimum(values * np.float32(rng.uniform(*how.brightness)), 255.0)
    side = image.shape[0]
    if rng.random() < how.blur:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.3, 1.2) * side / 112), np.float32)
    if how.noise:
        values += rng.normal(0.0, rng.uniform(0.0, how.noise), values.shape).astype(np.float32)
    if rng.random() < how.erase:
        height, width = rng.integers(side // 8, side // 3, size=2)
        top, left = rng.integers(0, side - height), rng.integers(0, side - width)
        values[top : top + height, left : left + width] = rng.uniform(0.0, 255.0)
    return np.clip(values, 0.0, 255.0, out=values)


def augment(image: NDArray[np.uint8], output: int, how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change one square image at random.

    Args:
        image: uint8, shape (side, side).
        output: side of the result in pixels.
        how: how far it may go.
        rng: the source of chance.

    Returns:
        float32, shape (output, output), values 0 to 255.
    """
    matrix = transform(image.shape[0], output, how, rng)
    return expose(warp(image, matrix, output), how, rng)


def moved(
    mask: NDArray[np.uint8], size: int, grid: int, how: Augmentation, seed: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return where a mask lies after its image was changed by `changed`.

    Args:
        mask: 0 or 255, shape (side, side).
        size: of the changed image in pixels.
        grid: side of the result; it divides `size`.
        how: as for the image.
        seed: the image's, with its place.

    Returns:
        float32, shape (grid, grid): the share of each place that is inside the mask.
    """
    matrix = transform(mask.shape[0], size, how, np.random.default_rng(seed))
    whole = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(whole, (grid, grid), interpolation=cv2.INTER_AREA), np.float32) / 255.0


def changed(
    images: NDArray[np.uint8],
    chosen: NDArray[np.intp],
    size: int,
    how: Augmentation,
    seed: tuple[int, ...],
    first: int = 0,
) -> NDArray[np.float32]:
    """Return network inputs of some crops, each changed at random.

    Args:
        images: uint8, shape (n, side, side).
        chosen: positions in them.
        size: side of an input in pixels.
        how: how far each may be changed.
        seed: of everything random; how an image changes follows from it and from the image's place, whoever does it.
        first: the place of the first.

    Returns:
        float32, shape (len(chosen), size, size, 1), of mean 0 and deviation 1.
    """
    recipe, inputs = Recipe(LUNG_BOX, size), np.empty((len(chosen), size, size, 1), np.float32)
    for place, position in enumerate(chosen):
        rng = np.random.default_rng((*seed, first + place))
        inputs[place] = scale(augment(images[position], size, how, rng), recipe)[..., :1]
    return inputs
