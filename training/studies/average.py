"""Average radiographs: `python -m training.studies.average normal radiography-rsna static/examples/average_normal.png`.

The mean of many films, laid lung on lung: what a class looks like, and nobody's picture.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.crops import LUNG_NETWORK
from training.data.manifest import MANIFEST, Row, read, root
from xray.errors import DatasetError
from xray.io import image
from xray.networks import lungs
from xray.networks.preprocess import LUNG_BOX, Box, Recipe, crop_box
from xray.networks.runtime import Network

SIDE = 512
# Where the box around the lungs comes to lie: about where it lies on a usual film.
PLACE = Box(70, 430, 66, 446)


def average(rows: list[Row], folder: Path) -> NDArray[np.uint8]:
    """Return the mean of radiographs after each was moved so that its lungs fill the same box.

    Args:
        rows: the radiographs.
        folder: the data root that their paths start from.

    Returns:
        uint8, shape (512, 512).
    """
    network = Network(LUNG_NETWORK)
    total = np.zeros((SIDE, SIDE), np.float64)
    for row in tqdm(rows, desc="average", disable=None):
        film = image.read((folder / row.path).read_bytes())
        box = crop_box(lungs.segment(film, network), Recipe(LUNG_BOX, SIDE))
        moved = cv2.warpAffine(film, _placement(box), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        total += cv2.equalizeHist(moved)
    mean = total / len(rows)
    dark, bright = np.percentile(mean, (0.5, 99.5))
    return np.clip((mean - dark) * 255 / (bright - dark), 0, 255).astype(np.uint8)


def _placement(box: Box) -> NDArray[np.float64]:
    """Return the affine transform, shape (2, 3), that lays a box onto PLACE."""
    across = (PLACE.right - PLACE.left) / (box.right - box.left)
    down = (PLACE.bottom - PLACE.top) / (box.bottom - box.top)
    return np.array([[across, 0, PLACE.left - across * box.left], [0, down, PLACE.top - down * box.top]])


def main() -> None:
    """Read the command line and average."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("label", help="normal, covid or pneumonia")
    parser.add_argument("source", help="for example radiography-rsna")
    parser.add_argument("output", type=Path, help="the PNG file to write")
    parser.add_argument("--films", type=int, default=500, help="how many are averaged at most")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    args = parser.parse_args()
    wanted = (args.label, args.source, "train")
    # A mean is made from its films: those whose licence lets nothing be made from them (ND) stay out.
    rows = [r for r in read(args.manifest) if (r.label, r.source, r.split) == wanted and "ND" not in r.licence]
    if len(rows) < 50:
        raise DatasetError(
            f"Expected at least 50 training films of {args.label} from {args.source}, so that nobody's shows "
            f"through. Received: {len(rows)}."
        )
    chosen = np.random.default_rng(0).permutation(len(rows))[: args.films]
    mean = average([rows[i] for i in chosen], root(args.manifest))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(args.output), mean, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(f"{args.output}: the mean of {len(chosen)} films")


if __name__ == "__main__":
    main()
