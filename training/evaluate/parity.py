"""Does what is served say what was trained? The 8-bit networks against Keras in float32, on test radiographs."""

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.crops import Crops
from training.fit import features
from training.fit.head import UNKNOWN, HeadConfig, shown
from training.networks.vgg16 import features as cut
from xray.networks.heads import Features, Head, average
from xray.networks.preprocess import Recipe, scale
from xray.networks.runtime import Network

BACKBONE_RADIOGRAPHS, HEAD_RADIOGRAPHS = 100, 300


def of_backbone(model: keras.Model, served: Network, data: Crops, recipe: Recipe) -> dict[str, float]:
    """Compare the averaged features of both backbones by their cosine similarity.

    Args:
        model: in Keras.
        served: the same in 8 bits.
        data: the crops.
        recipe: of the backbone.
    """
    chosen = _sample(np.flatnonzero([row.split == "test" for row in data.rows]), BACKBONE_RADIOGRAPHS)
    inputs = [scale(data.images[i], recipe)[None] for i in tqdm(chosen, desc="parity", disable=None)]
    cosine = [_cosine(average(np.asarray(model(x, training=False))[0]), average(served(x)[0])) for x in inputs]
    return {
        "pictures": len(cosine),
        "cosine_median": float(np.median(cosine)),
        "cosine_min": float(np.min(cosine)),
    }


def of_head(head: Head, data: Crops, config: HeadConfig, served: Network, float_weights: str) -> dict[str, float]:
    """Compare scores and verdicts on the 8-bit backbone with those on the float32 one in Keras.

    Args:
        head: as it is served.
        data: the crops.
        config: of the head.
        served: the backbone in 8 bits.
        float_weights: of the same backbone; see `features.vgg16_with`.
    """
    kept = cut(features.vgg16_with(float_weights, config.recipe.size))
    known = (shown(data.rows, config) != UNKNOWN).any(axis=1)
    chosen = _sample(np.flatnonzero(known & [row.split == "test" for row in data.rows]), HEAD_RADIOGRAPHS)
    pairs: list[tuple[Features, Features]] = []
    for i in tqdm(chosen, desc="parity", disable=None):
        x = scale(data.images[i], config.recipe)[None]
        pairs.append((np.asarray(kept(x, training=False))[0], served(x)[0]))
    own = head.facts.labels.index(head.facts.positive)
    exact, eight_bit = (np.array([head.scores(each) for each in side]) for side in zip(*pairs, strict=True))
    verdicts = [[tuple(each.verdict for each in head.judge(side)) for side in pair] for pair in pairs]
    difference = np.abs(exact - eight_bit).max(axis=1)
    above = [scores[:, own] >= head.facts.point.threshold for scores in (exact, eight_bit)]
    return {
        "pictures": len(chosen),
        "same_verdict": float(np.mean([one == other for one, other in verdicts])),
        "same_side_of_threshold": float(np.mean(above[0] == above[1])),
        "score_difference_median": float(np.median(difference)),
        "score_difference_max": float(difference.max()),
    }


def _sample(test: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return some positions of the test split, the same each time."""
    return np.random.default_rng(0).choice(test, min(count, len(test)), replace=False)


def _cosine(a: Features, b: Features) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
