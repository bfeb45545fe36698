"""What the backbone's features say about a picture itself: whether to refuse it, or to warn.

The gate (xray/quality/frontal.py) judges the shape of the lungs before the backbone runs; the screen asks its own small
heads afterwards, on the same features that the models judge.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xray.errors import NotAChestXrayError
from xray.networks.heads import Features, average, read_arrays
from xray.networks.metadata import ScreenFacts
from xray.networks.runtime import broken
from xray.quality.frontal import ADVICE


class Caution(StrEnum):
    """Why a verdict deserves more doubt than its score says."""

    CHILD = "child"
    UPSIDE_DOWN = "upside_down"
    UNFAMILIAR = "unfamiliar"
    INVERTED = "inverted"
    TIGHT_CROP = "tight_crop"
    LOW_RESOLUTION = "low_resolution"
    MARKS = "marks"


CAUTIONS = {
    Caution.CHILD: "Looks like a child's film: the models know children from one hospital only.",
    Caution.UPSIDE_DOWN: "Looks upside down: turn it and send it again.",
    Caution.UNFAMILIAR: "Unlike the films that the models learned from: their answer is a guess.",
    Caution.INVERTED: "Came as a negative, and was turned back before it was read.",
    Caution.TIGHT_CROP: "The lungs touch the edge of the picture: a part of them may be missing.",
    Caution.LOW_RESOLUTION: "Very small: fine detail is missing.",
    Caution.MARKS: "Something white and sharp lies over the lungs, such as letters, an arrow or metal.",
}

NOT_FRONTAL = "not_frontal"
# The distance from the training films, not a learned head: always the last check.
DISTANCE = Caution.UNFAMILIAR
CHECKS = (NOT_FRONTAL, Caution.CHILD, Caution.UPSIDE_DOWN, DISTANCE)


@dataclass(frozen=True, eq=False)
class Screen:
    """Linear heads on the backbone's averaged features, and the distance from the training films.

    Attributes:
        facts: names and thresholds of the checks.
        kernel: float32, shape (channels, heads).
        bias: float32, shape (heads,).
        centre: float32, shape (channels,), the mean of the training films.
        whitening: float32, shape (channels, components): principal components divided by their deviation.
    """

    facts: ScreenFacts
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    centre: NDArray[np.float32]
    whitening: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path, facts: ScreenFacts, channels: int) -> "Screen":
        """Read screen.npz.

        Raises:
            ModelError: other checks, or arrays that do not fit them.
        """
        names = tuple(check.name for check in facts.checks)
        if names != CHECKS:
            raise broken(path, f"Expected the checks {[str(name) for name in CHECKS]}. Received: {list(names)}.")
        arrays = read_arrays(path)
        components = arrays["whitening"].size // channels if "whitening" in arrays else 0
        heads = len(CHECKS) - 1
        expected = {
            "kernel": (channels, heads),
            "bias": (heads,),
            "centre": (channels,),
            "whitening": (channels, components),
        }
        found = {name: array.shape for name, array in arrays.items()}
        if found != expected or not components:
            raise broken(path, f"Expected the arrays {expected}. Received: {found}.")
        return cls(facts, **arrays)

    def scores(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score of each check.

        Args:
            pooled: float32, shape (channels,) or (n, channels), as `average` makes them.

        Returns:
            float32, shape (checks,) or (n, checks): shares in [0, 1], then the distance from the centre in
            standard deviations, root mean square over the components.
        """
        shares = 1 / (1 + np.exp(-(pooled @ self.kernel + self.bias)))
        distance = np.sqrt(np.square((pooled - self.centre) @ self.whitening).mean(axis=-1, keepdims=True))
        return np.asarray(np.concatenate([shares, distance], axis=-1), np.float32)

    def examine(self, features: Features) -> tuple[Caution, ...]:
        """Return the cautions that the features give.

        Args:
            features: float32, shape (height, width, channels), block5_conv3 after its ReLU.

        Raises:
            NotAChestXrayError: it does not look like a frontal chest radiograph.
        """
        scores = self.scores(average(features))
        said = {check.name for check, score in zip(self.facts.checks, scores, strict=True) if score >= check.threshold}
        if NOT_FRONTAL in said:
            refusal = NotAChestXrayError(
                "This does not look like a frontal chest radiograph: expected one like the films that the networks "
                "learned from, received a picture that looks like something else. %(advice)s",
                advice=ADVICE,
            )
            raise refusal.that_may_be_upright_after(180 if Caution.UPSIDE_DOWN in said else 0)
        return tuple(caution for caution in Caution if caution in said)
