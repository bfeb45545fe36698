"""Does what is served say what was trained? The 8-bit networks against Keras in float32, on test pictures."""

import keras
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.crops import Crops
from training.fit import features
from training.networks.first_edition import HeadWeights, pool
from training.networks.vgg16 import features as cut
from xray.networks.heads import Head
from xray.networks.preprocess import Recipe, scale
from xray.networks.runtime import Network

BACKBONE_PICTURES, HEAD_PICTURES = 100, 300


def of_backbone(model: keras.Model, served: Network, data: Crops, recipe: Recipe) -> dict[str, float]:
    """Compare the pooled features of both backbones by their cosine similarity."""
    inputs = [scale(data.pictures[i], recipe)[None] for i in _sample(data, BACKBONE_PICTURES)]
    pairs = [(np.asarray(model(x, training=False))[0], served(x)[0]) for x in tqdm(inputs, desc="parity", disable=None)]
    cosine = [_cosine(pool(mine).ravel(), pool(theirs).ravel()) for mine, theirs in pairs]
    return {
        "pictures": len(pairs),
        "cosine_median": float(np.median(cosine)),
        "cosine_min": float(np.min(cosine)),
    }


def of_head(
    head: HeadWeights,
    data: Crops,
    recipe: Recipe,
    labels: tuple[str, str],
    point: dict[str, float],
    served: Network,
    float_weights: str,
) -> dict[str, float]:
    """Compare scores and verdicts of the 8-bit backbone with those of the float32 one in Keras."""
    kept = cut(features.vgg16_with(float_weights, recipe.size))
    chosen = _sample(data, HEAD_PICTURES, labels)
    inputs = [scale(data.pictures[i], recipe)[None] for i in tqdm(chosen, desc="parity", disable=None)]
    exact, eight_bit = (
        np.array([head.scores(extract(x)[0])[1] for x in inputs])
        for extract in (lambda x: np.asarray(kept(x, training=False)), served)
    )
    given = [np.digitize(each, (point["low"], point["high"])) for each in (exact, eight_bit)]
    difference = np.abs(exact - eight_bit)
    return {
        "pictures": len(chosen),
        "same_verdict": float(np.mean(given[0] == given[1])),
        "same_side_of_threshold": float(np.mean((exact >= point["threshold"]) == (eight_bit >= point["threshold"]))),
        "score_difference_median": float(np.median(difference)),
        "score_difference_max": float(difference.max()),
    }


def of_classes(head: Head, data: Crops, recipe: Recipe, served: Network, float_weights: str) -> dict[str, float]:
    """Compare scores and verdicts of several classes on the 8-bit backbone with those on the float32 one in Keras."""
    kept = cut(features.vgg16_with(float_weights, recipe.size))
    chosen = _sample(data, HEAD_PICTURES)
    inputs = [scale(data.pictures[i], recipe)[None] for i in chosen]
    pairs = [
        (head.judge(np.asarray(kept(x, training=False))[0]), head.judge(served(x)[0]))
        for x in tqdm(inputs, desc="parity", disable=None)
    ]
    exact, eight_bit = (np.array([[each.score for each in said] for said in side]) for side in zip(*pairs, strict=True))
    same = [[each.verdict for each in one] == [each.verdict for each in other] for one, other in pairs]
    difference = np.abs(exact - eight_bit).max(axis=1)
    return {
        "pictures": len(chosen),
        "same_verdict": float(np.mean(same)),
        "score_difference_median": float(np.median(difference)),
        "score_difference_max": float(difference.max()),
    }


def _sample(data: Crops, count: int, labels: tuple[str, ...] = ("covid", "normal", "pneumonia")) -> NDArray[np.intp]:
    """Return some positions of the test split, the same each time."""
    test = [i for i in data.where(split="test") if data.rows[i].label in labels]
    return np.random.default_rng(0).choice(test, min(count, len(test)), replace=False)


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
