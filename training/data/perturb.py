"""What is done to a radiograph to learn what a network looks at (ERASURES) and what breaks it (CHANGES).

What an erasure takes away becomes the mean grey of what it leaves: no new edge is sharper than it must be, and
`xray.networks.preprocess.scale` sees an even image. The outline of erased lungs still tells their shape and size.
"""

from collections.abc import Callable

import cv2
import numpy as np

from training.data.manifest import Row
from xray.annotate.lettering import BOLD, Sheet
from xray.io.pixels import GreyImage
from xray.networks.lungs import LungMask

Erasure = Callable[[GreyImage, LungMask, np.random.Generator], GreyImage]
Change = Callable[[GreyImage, np.random.Generator], GreyImage]

# Of the crop's side, to every side of the lungs: 8 of 192 px. It takes in the lungs' edge and the mask's error;
# training/evaluate/baselines.py dilates by as much.
DILATION = 0.04
# Of the crop's side: shuffled, an eighth still shows texture, but no lung, no heart and no ribcage.
BLOCKS = 8
# Of height and of width: the frame of training/evaluate/baselines.py, and of the measurement in the data's README.
CENTRE = 0.75
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def lungs_erased(crop: GreyImage, lungs: LungMask) -> GreyImage:
    """Fill the dilated lungs with the mean grey of what surrounds them.

    Args:
        crop: grey, uint8, shape (side, side).
        lungs: bool, same shape, True inside the lungs.

    Returns:
        uint8, same shape; the crop itself where no lung was found.
    """
    return _keep(crop, ~_dilated(lungs))


def lungs_only(crop: GreyImage, lungs: LungMask) -> GreyImage:
    """Fill all but the dilated lungs with their mean grey: the counterpart of `lungs_erased`.

    Returns:
        uint8, the crop's shape; evenly grey where no lung was found.
    """
    return _keep(crop, _dilated(lungs))


def scrambled(crop: GreyImage, rng: np.random.Generator) -> GreyImage:
    """Cut a crop in 8 times 8 squares and shuffle them: texture stays, anatomy goes.

    Args:
        crop: grey, uint8, shape (side, side), the side a multiple of 8.
        rng: of the order.
    """
    edge = crop.shape[0] // BLOCKS
    blocks = crop.reshape(BLOCKS, edge, BLOCKS, edge).swapaxes(1, 2).reshape(-1, edge, edge)
    shuffled = rng.permutation(blocks).reshape(BLOCKS, BLOCKS, edge, edge)
    return np.asarray(shuffled.swapaxes(1, 2).reshape(crop.shape), np.uint8)


def border_only(film: GreyImage) -> GreyImage:
    """Fill the central three quarters of a radiograph's height and width with the mean grey of its border.

    For the whole radiograph, before it is cropped to the box of the lungs that it had: the frame then is the one from
    which a baseline tells the hospital, and what is left in the box is all that a network could know of it. On 80
    validation radiographs that was a quarter of the box (median), and 3 % of the lungs.

    Args:
        film: grey, uint8, shape (height, width).
    """
    height, width = film.shape
    down, across = (round((1 - CENTRE) / 2 * side) for side in (height, width))
    kept = np.ones(film.shape, np.bool_)
    kept[down : height - down, across : width - across] = False
    return _keep(film, kept)


ERASURES: dict[str, Erasure] = {
    "lungs_only": lambda crop, lungs, _: lungs_only(crop, lungs),
    "lungs_erased": lambda crop, lungs, _: lungs_erased(crop, lungs),
    "scrambled": lambda crop, _, rng: scrambled(crop, rng),
}


def _dilated(lungs: LungMask) -> LungMask:
    width = 2 * round(DILATION * lungs.shape[0]) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return np.asarray(cv2.dilate(lungs.astype(np.uint8), kernel) > 0, np.bool_)


def _keep(picture: GreyImage, kept: LungMask) -> GreyImage:
    """Fill what is not kept with the mean of what is; with the mean of all where nothing is kept."""
    grey = round(float(picture[kept].mean() if kept.any() else picture.mean()))
    return np.asarray(np.where(kept, picture, grey), np.uint8)


def jpeg(film: GreyImage, quality: int) -> GreyImage:
    """Encode a radiograph as JPEG and decode it; quality 0 to 100."""
    encoded = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def half_size(film: GreyImage) -> GreyImage:
    """Shrink a radiograph to half its height and width, and enlarge it again."""
    height, width = film.shape
    small = cv2.resize(film, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def cropped(film: GreyImage, share: float) -> GreyImage:
    """Cut a share of the height off above and below, and of the width at both sides."""
    height, width = film.shape
    down, across = round(share * height), round(share * width)
    return film[down : height - down, across : width - across]


def rotated(film: GreyImage, degrees: float) -> GreyImage:
    """Turn a radiograph counter-clockwise about its middle; what comes in from outside is reflected."""
    height, width = film.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(film, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def exposed(film: GreyImage, gamma: float) -> GreyImage:
    """Raise the grey values, as shares of 255, to a power: below 1 brightens, above 1 darkens."""
    table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return np.asarray(table[film])


def low_contrast(film: GreyImage, factor: float) -> GreyImage:
    """Bring the grey values nearer to the middle of their range by a factor."""
    return np.asarray(np.rint(127.5 + factor * (film.astype(np.float32) - 127.5)), np.uint8)


def noisy(film: GreyImage, sigma: float, rng: np.random.Generator) -> GreyImage:
    """Add Gaussian noise, its deviation in grey levels."""
    return np.clip(np.rint(film + rng.normal(0, sigma, film.shape)), 0, 255).astype(np.uint8)


def lettered(film: GreyImage, rng: np.random.Generator) -> GreyImage:
    """Burn in what a technician writes: a white L and PORTABLE AP, in the upper left or right corner."""
    height, width = film.shape
    unit = min(height, width) / 100  # so that the letters grow with the radiograph
    sheet = Sheet(width, height / unit, unit, BLACK)
    margin, right = sheet.px(4), bool(rng.integers(2))
    for text, baseline, size in (("L", 11, 9.0), ("PORTABLE AP", 17, 4.5)):
        x = width - margin - sheet.measure(text, size, BOLD) if right else margin
        sheet.write(text, x, sheet.px(baseline), size, WHITE, BOLD)
    return np.maximum(film, sheet.picture[..., 0])


def arrowed(film: GreyImage, rng: np.random.Generator) -> GreyImage:
    """Burn in a white arrow, as in a textbook, whose tip lies where a centred radiograph has the middle of a lung."""
    height, width = film.shape
    left = bool(rng.integers(2))
    tip = round((0.3 if left else 0.7) * width), round(0.45 * height)
    length, thickness = round(0.1 * min(height, width)), max(2, round(0.012 * min(height, width)))
    tail = tip[0] + (-length if left else length), tip[1] + length
    return np.asarray(cv2.arrowedLine(film.copy(), tail, tip, WHITE, thickness, cv2.LINE_AA, tipLength=0.35), np.uint8)


def chance(row: Row) -> np.random.Generator:
    """Return a radiograph's own random numbers: the same whatever else is measured."""
    return np.random.default_rng(int(row.sha256, 16))


# None of these should change a verdict.
CHANGES: dict[str, Change] = {
    "jpeg_70": lambda film, _: jpeg(film, 70),
    "jpeg_30": lambda film, _: jpeg(film, 30),
    "half_size": lambda film, _: half_size(film),
    "noise": lambda film, rng: noisy(film, 5, rng),
    "brighter": lambda film, _: exposed(film, 0.7),
    "darker": lambda film, _: exposed(film, 1.4),
    "low_contrast": lambda film, _: low_contrast(film, 0.6),
    # Serving finds negatives and turns them back: xray/quality/frontal.py.
    "negative": lambda film, _: np.asarray(255 - film, np.uint8),
    "cropped": lambda film, _: cropped(film, 0.05),
    "turned_left": lambda film, _: rotated(film, 5),
    "turned_right": lambda film, _: rotated(film, -5),
    "mirrored": lambda film, _: np.ascontiguousarray(film[:, ::-1]),
    "letters": lettered,
    "arrow": arrowed,
}
