"""What the gate and the backbone make of pictures that no manifest lists."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training import run
from training.config import RUNS
from training.data.crops import LUNG_NETWORK
from training.data.not_chest import Picture
from training.fit import features
from xray.errors import NotAChestXrayError
from xray.networks import lungs
from xray.networks.heads import average
from xray.networks.preprocess import Recipe, preprocess
from xray.networks.runtime import Network
from xray.quality import frontal
from xray.registry import BACKBONE

# A cached file's name holds the hash of all that it depends on.
CACHE = RUNS / "features"


@dataclass(frozen=True, eq=False)
class Seen:
    """What serving makes of pictures: averaged features, and whether the gate lets them as far as the screen."""

    pictures: list[Picture]
    inputs: NDArray[np.float32]
    admitted: NDArray[np.bool_]

    @property
    def groups(self) -> NDArray[np.str_]:
        """The group of each picture."""
        return np.array([picture.group for picture in self.pictures])

    @property
    def kinds(self) -> NDArray[np.str_]:
        """The kind of each picture."""
        return np.array([picture.kind for picture in self.pictures])

    def of(self, kind: str) -> NDArray[np.intp]:
        """Return the positions of one kind."""
        return np.flatnonzero(self.kinds == kind)

    def part(self, chosen: NDArray[np.intp]) -> "Seen":
        """Return some of the pictures."""
        return Seen([self.pictures[i] for i in chosen], self.inputs[chosen], self.admitted[chosen])


def see(pictures: list[Picture], recipe: Recipe, key: str, weights: str = BACKBONE) -> Seen:
    """Compute what serving computes of each picture, cached under a key."""
    segmenter = Network(LUNG_NETWORK, pool_size=2, threads=1)
    network, digest = features.backbone(weights, recipe)
    identity = (key, digest, [(picture.kind, picture.group) for picture in pictures])
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    path = CACHE / f"screen-{name}.npz"

    def one(picture: Picture) -> tuple[NDArray[np.float32], bool]:
        grey = picture.read()
        mask = lungs.segment(grey, segmenter)
        try:
            frontal.check(mask)
            admitted = True
        except NotAChestXrayError:
            admitted = False
        return average(network(preprocess(grey, mask, recipe)[None])[0]), admitted

    if not path.exists():
        with ThreadPoolExecutor(2) as pool:
            done = list(tqdm(pool.map(one, pictures), total=len(pictures), desc=key, disable=None))
        CACHE.mkdir(parents=True, exist_ok=True)
        inputs, admitted = zip(*done, strict=True)
        run.write_arrays(path, {"inputs": np.stack(inputs), "admitted": np.array(admitted)})
    with np.load(path) as kept:
        return Seen(pictures, kept["inputs"], kept["admitted"])
