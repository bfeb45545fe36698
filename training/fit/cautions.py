"""How often the cautions that need no learning are given: to radiographs as they came, and altered to deserve them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from training.data.crops import segmenter, threaded
from training.data.manifest import Row, read, root
from training.data.perturb import arrowed, chance, cropped, lettered
from training.metrics.figures import Json, shares
from xray.errors import NotAChestXrayError
from xray.io import image
from xray.io.pixels import GreyImage
from xray.networks import lungs
from xray.quality.cautions import Caution, of_image
from xray.quality.frontal import frontal_view

CROP, SMALL_SIDE = 0.22, 120


def small(film: GreyImage) -> GreyImage:
    """Shrink a radiograph until its shorter side is SMALL_SIDE px."""
    factor = SMALL_SIDE / min(film.shape)
    return np.asarray(cv2.resize(film, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


AS_IT_CAME = "as it came"
DESERVED: dict[Caution, dict[str, Callable[[GreyImage, np.random.Generator], GreyImage]]] = {
    Caution.MARKS: {"arrow over a lung": arrowed, "letters in a corner": lettered},
    Caution.TIGHT_CROP: {"cut by 22 % at every side": lambda film, _: cropped(film, CROP)},
    Caution.LOW_RESOLUTION: {"shrunk to 120 px": lambda film, _: small(film)},
    Caution.INVERTED: {"as a negative": lambda film, _: np.asarray(255 - film, np.uint8)},
}


def measure(manifest: Path, films: int, seed: int) -> dict[str, Json]:
    """Give cautions to some test radiographs, as they came and changed.

    Returns:
        For each caution the shares of radiographs that were given it: by source as they came, and changed so as to
        deserve it; of the latter the gate refuses some.
    """
    test = [row for row in read(manifest) if row.split == "test"]
    chosen = np.random.default_rng(seed).choice(len(test), min(films, len(test)), replace=False)
    rows, folder = [test[i] for i in chosen], root(manifest)

    def cautions(film: GreyImage) -> tuple[Caution, ...] | None:
        try:
            found = frontal_view(film, lambda each: lungs.segment(each, segmenter()))
            return of_image(found.image, found.lungs, inverted=found.inverted)
        except NotAChestXrayError:
            return None

    def one(row: Row) -> dict[str, tuple[Caution, ...] | None]:
        film = image.load((folder / row.path).read_bytes()).image
        changes = {name: change(film, chance(row)) for kinds in DESERVED.values() for name, change in kinds.items()}
        return {name: cautions(each) for name, each in {AS_IT_CAME: film, **changes}.items()}

    given = threaded(one, rows, "cautions")
    sources = np.array([row.source for row in rows])
    found = {}
    for caution, kinds in DESERVED.items():
        came = np.array([caution in (each[AS_IT_CAME] or ()) for each in given])
        names = np.repeat(list(kinds), len(rows))
        warned = np.array([caution in (each[name] or ()) for name in kinds for each in given])
        refused = np.array([each[name] is None for name in kinds for each in given])
        found[str(caution)] = {
            "test films given the caution": shares(came, sources),
            "changed so as to deserve it, given the caution": shares(warned, names),
            "changed so as to deserve it, refused by the gate": shares(refused, names),
        }
    return found
