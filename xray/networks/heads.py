"""A head: from the backbone's features to a score for each label, and from the scores to verdicts."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from xray.networks.metadata import DECIMALS, OTHERS, HeadFacts, OperatingPoint, decides
from xray.networks.runtime import broken

Features = NDArray[np.float32]


class Verdict(StrEnum):
    """What a score means; INCONCLUSIVE is a range of scores, never an error."""

    POSITIVE = "POSITIVE"
    NEGATIVE = "NEGATIVE"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True)
class LabelScore:
    """What a head says of one label.

    Attributes:
        label: such as "covid".
        score: in [0, 1], rounded to 4 decimals before it was judged.
        threshold: the operating point; see `xray.networks.metadata.OperatingPoint`.
        negative_below: a lower score rules the label out.
        positive_from: the lowest score that is POSITIVE.
        verdict: for this label.
    """

    label: str
    score: float
    threshold: float
    negative_below: float
    positive_from: float
    verdict: Verdict

    @property
    def decides(self) -> bool:
        """Whether an operating point was chosen for this label; without one every score is INCONCLUSIVE."""
        return decides(self.negative_below, self.positive_from)

    @property
    def plausible(self) -> bool:
        """Whether the score does not rule the label out."""
        return self.score >= self.negative_below

    @property
    def score_text(self) -> str:
        """The score with 2 decimals, or with 4 where 2 would put it on the wrong side of an edge."""
        edges = self.negative_below, self.positive_from
        short = f"{self.score:.2f}"
        return short if by_edges(float(short), *edges) is by_edges(self.score, *edges) else f"{self.score:.4f}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Judgement:
    """What a head says of one radiograph: a score and a verdict for each label.

    Attributes:
        model: the head's name, for machines.
        positive: the label that the head's own score and verdict are for, such as "covid".
        exclusive: whether the labels exclude each other.
        labels: the score of each label.
        is_own: whether the labels are a user's own words, which are shown as they are written, in every language.
    """

    model: str
    positive: str
    exclusive: bool
    labels: tuple[LabelScore, ...]
    is_own: bool = False

    @property
    def own(self) -> LabelScore:
        """The score of `positive`."""
        return next(each for each in self.labels if each.label == self.positive)

    @property
    def verdict(self) -> Verdict:
        """The verdict for `positive`."""
        return self.own.verdict

    @property
    def score(self) -> float:
        """The score for `positive`, in [0, 1], rounded to 4 decimals."""
        return self.own.score

    @property
    def score_text(self) -> str:
        """The score as people read it, never on the wrong side of an edge."""
        return self.own.score_text

    @property
    def threshold(self) -> float:
        """The operating point of `positive`."""
        return self.own.threshold

    @property
    def negative_below(self) -> float:
        """A lower score rules `positive` out."""
        return self.own.negative_below

    @property
    def positive_from(self) -> float:
        """The lowest score that is POSITIVE."""
        return self.own.positive_from

    @property
    def decides(self) -> bool:
        """Whether the model has operating points; without one every score is INCONCLUSIVE."""
        return any(each.decides for each in self.labels)

    @property
    def listed(self) -> tuple[LabelScore, ...]:
        """The labels to list one by one; none of a pair that exclude each other, as one score says both."""
        return () if self.exclusive and len(self.labels) == 2 else self.labels

    @property
    def negative(self) -> str:
        """The other label of such a pair; `other` where the labels are listed."""
        return OTHERS if self.listed else next(each.label for each in self.labels if each.label != self.positive)

    @property
    def called(self) -> str | None:
        """Of labels that exclude each other, the only plausible one; None where there is none."""
        found = [each.label for each in self.labels if each.verdict is Verdict.POSITIVE]
        return found[0] if self.exclusive and found else None


@dataclass(frozen=True, eq=False)
class Head:
    """One model: VGG16's last max pooling, the mean over all positions, one linear layer.

    Attributes:
        facts: its labels, temperature and operating points.
        kernel: float32, shape (channels, labels).
        bias: float32, shape (labels,).
    """

    facts: HeadFacts
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def load(cls, path: Path, facts: HeadFacts, channels: int) -> "Head":
        """Read head.npz.

        Args:
            path: the file.
            facts: of the same head.
            channels: of the backbone's features.

        Raises:
            ModelError: other arrays, not float32, of other shapes, or not finite.
        """
        expected = {"kernel": (channels, len(facts.labels)), "bias": (len(facts.labels),)}
        return cls(facts, **read_arrays(path, expected))

    def logits(self, features: Features) -> NDArray[np.float32]:
        """Return the outputs before softmax or sigmoid: float32, shape (labels,).

        Args:
            features: float32, shape (height, width, channels), block5_conv3 after its ReLU.
        """
        return average(features) @ self.kernel + self.bias

    def scores(self, features: Features) -> NDArray[np.float64]:
        """Return a score for each label, in [0, 1].

        Args:
            features: as `logits`.

        Returns:
            float64, shape (labels,): softmax where the labels exclude each other, else a sigmoid of each.

        Source:
            Temperature scaling: Guo et al. 2017, arXiv:1706.04599, section 4.2.
        """
        scaled = self.logits(features).astype(np.float64) / self.facts.temperature
        if not self.facts.exclusive:
            return np.asarray(1 / (1 + np.exp(-scaled)))
        shares = np.exp(scaled - scaled.max())
        return np.asarray(shares / shares.sum())

    def judge(self, features: Features) -> tuple[LabelScore, ...]:
        """Return what the head says of each label, in the order of its facts.

        Args:
            features: as `logits`.
        """
        scores = [round(float(score), DECIMALS) for score in self.scores(features)]
        judged = verdicts(scores, self.facts.points, exclusive=self.facts.exclusive)
        return tuple(
            LabelScore(label, score, point.threshold, point.negative_below, point.positive_from, verdict)
            for label, score, point, verdict in zip(self.facts.labels, scores, self.facts.points, judged, strict=True)
        )


def verdicts(scores: Sequence[float], points: Sequence[OperatingPoint], *, exclusive: bool) -> list[Verdict]:
    """Judge the scores of all labels of a head.

    Labels that do not exclude each other are judged each by its own edges. Of labels that do, the only one whose
    score does not rule it out is POSITIVE, and the others are NEGATIVE; where none or several are left, all are
    INCONCLUSIVE.

    Args:
        scores: of each label, in [0, 1].
        points: of each label, in the same order.
        exclusive: whether the labels exclude each other.

    Source:
        The prediction set of class-conditional split conformal prediction: Sadinle et al. 2019, arXiv:1609.00451.
    """
    pairs = list(zip(scores, points, strict=True))
    if not exclusive:
        return [by_edges(score, point.negative_below, point.positive_from) for score, point in pairs]
    plausible = [score >= point.negative_below for score, point in pairs]
    if sum(plausible) != 1:
        return [Verdict.INCONCLUSIVE] * len(plausible)
    return [Verdict.POSITIVE if each else Verdict.NEGATIVE for each in plausible]


def by_edges(score: float, negative_below: float, positive_from: float) -> Verdict:
    """Return POSITIVE from one edge up, NEGATIVE below the other, INCONCLUSIVE between.

    Args:
        score: in [0, 1].
        negative_below: the lower edge.
        positive_from: the upper edge, not below the lower one. With edges at 0 and 1 no point was chosen, and every
            score is INCONCLUSIVE.
    """
    if not decides(negative_below, positive_from):
        return Verdict.INCONCLUSIVE
    if score >= positive_from:
        return Verdict.POSITIVE
    return Verdict.NEGATIVE if score < negative_below else Verdict.INCONCLUSIVE


def average(features: Features) -> Features:
    """Apply VGG16's last max pooling (block5_pool), then the mean over all positions.

    Args:
        features: float32, shape (height, width, channels), block5_conv3 after its ReLU.

    Returns:
        float32, shape (channels,).
    """
    height, width, channels = features.shape
    rows, columns = height // 2, width // 2
    # An odd last row or column is dropped, as padding `valid` does.
    cells = features[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, channels)
    pooled: Features = cells.max(axis=(1, 3)).mean(axis=(0, 1))
    return pooled


def read_arrays(path: Path, shapes: Mapping[str, tuple[int | None, ...]]) -> dict[str, NDArray[np.float32]]:
    """Read an archive of finite float32 arrays.

    Args:
        path: a .npz file.
        shapes: the names and shapes of its arrays; None stands for any length but 0.

    Raises:
        ModelError: no such archive, other arrays, or numbers that are not finite.
    """
    try:
        with path.open("rb") as file, NpzFile(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise broken(path, f"Expected an archive of NumPy arrays. Received: {error}.") from error
    found = {name: array.shape for name, array in arrays.items()}
    if found.keys() != shapes.keys() or not all(_fits(found[name], shapes[name]) for name in shapes):
        raise broken(path, f"Expected the arrays {dict(shapes)}. Received: {found}.")
    if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays.values()):
        raise broken(path, "Expected finite float32 weights. Received other ones.")
    return arrays


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    if len(shape) != len(expected):
        return False
    return all(side == wanted or (wanted is None and side) for side, wanted in zip(shape, expected, strict=True))
