"""The screen: out-of-distribution detection on the backbone's features, which refuses an image or cautions.

The gate (xray/quality/frontal.py) checks the shape of the lungs before the backbone runs. The screen runs after the
backbone: small heads of its own, on the same features as the models.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xray.errors import NotAChestXrayError
from xray.networks.heads import Features, average, read_arrays
from xray.networks.metadata import ScreenFacts
from xray.networks.runtime import broken
from xray.quality.cautions import Caution
from xray.quality.frontal import ADVICE

NOT_FRONTAL = "not_frontal"
# The distance from the training radiographs, which is not a learned head: always the last check.
DISTANCE = Caution.UNFAMILIAR
CHECKS = (NOT_FRONTAL, Caution.CHILD, Caution.UPSIDE_DOWN, DISTANCE)


@dataclass(frozen=True, eq=False)
class Screen:
    """Linear heads on the backbone's averaged features, and the distance from the training radiographs.

    Attributes:
        facts: names and thresholds of the checks.
        kernel: float32, shape (channels, heads).
        bias: float32, shape (heads,).
        centre: float32, shape (channels,), the mean of the training radiographs.
        whitening: float32, shape (channels, components): principal components divided by their standard deviation.
    """

    facts: ScreenFacts
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    centre: NDArray[np.float32]
    whitening: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path, facts: ScreenFacts, channels: int) -> "Screen":
        """Read screen.npz.

        Args:
            path: the file.
            facts: metadata of the screen.
            channels: number of channels of the backbone's features.

        Raises:
            ModelError: other checks than CHECKS, or arrays of other shapes.
        """
        names = tuple(check.name for check in facts.checks)
        if names != CHECKS:
            raise broken(path, f"Expected the checks {[str(name) for name in CHECKS]}. Received: {list(names)}.")
        heads = len(CHECKS) - 1
        arrays = read_arrays(
            path,
            {"kernel": (channels, heads), "bias": (heads,), "centre": (channels,), "whitening": (channels, None)},
        )
        return cls(facts, **arrays)

    def scores(self, pooled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score of each check.

        Args:
            pooled: float32, shape (channels,) or (n, channels), as `average` makes them.

        Returns:
            float32, shape (checks,) or (n, checks): scores in [0, 1], then the distance from the centre in
            standard deviations, root mean square over the components.
        """
        scores = 1 / (1 + np.exp(-(pooled @ self.kernel + self.bias)))
        distance = np.sqrt(np.square((pooled - self.centre) @ self.whitening).mean(axis=-1, keepdims=True))
        return np.asarray(np.concatenate([scores, distance], axis=-1), np.float32)

    def upside_down(self, features: Features) -> float:
        """Return the score of the check for UPSIDE_DOWN; features as for `examine`."""
        return float(self.scores(average(features))[CHECKS.index(Caution.UPSIDE_DOWN)])

    def examine(self, features: Features) -> tuple[Caution, ...]:
        """Return the cautions whose checks reach their thresholds.

        Args:
            features: float32, shape (height, width, channels), block5_conv3 after its ReLU.

        Raises:
            NotAChestXrayError: it does not look like a frontal chest radiograph.
        """
        scores = self.scores(average(features))
        found = {check.name for check, score in zip(self.facts.checks, scores, strict=True) if score >= check.threshold}
        if NOT_FRONTAL in found:
            refusal = NotAChestXrayError(
                "This does not look like a frontal chest radiograph: expected one like the radiographs that "
                "the networks learned from, received a picture that looks like something else. %(advice)s",
                advice=ADVICE,
            )
            raise refusal.with_hint(180 if Caution.UPSIDE_DOWN in found else 0)
        return tuple(caution for caution in Caution if caution in found)
