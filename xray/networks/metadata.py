"""The facts of an artefact, read from its metadata.json: strictly, so that a slip stops start-up."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from xray.errors import ModelError
from xray.networks.lungs import SIZE, THRESHOLD
from xray.networks.preprocess import Recipe
from xray.networks.runtime import broken

FILE_NAME = "metadata.json"
# Scores are rounded before they are judged, so that a printed score and its verdict never disagree.
DECIMALS = 4


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A JSON object with exactly these keys; another key, or a value of another type, is refused."""


class ArtefactFile(_Record, frozen=True):
    """The file that holds the weights, beside metadata.json."""

    name: str
    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        """Refuse a path, a cut hash or an empty file."""
        _expect(Path(self.name).name == self.name, "file.name: a bare file name", self.name)
        _expect(bool(re.fullmatch(r"[0-9a-f]{64}", self.sha256)), "file.sha256: 64 hex digits", self.sha256)
        _expect(self.size_bytes > 0, "file.size_bytes above 0", self.size_bytes)


class Artefact(_Record, frozen=True, tag_field="kind"):
    """What every artefact states about itself; metrics, training and parity are records for people."""

    name: str
    version: str
    created: str
    title: str
    file: ArtefactFile
    licence: str
    metrics: Mapping[str, object]
    training: Mapping[str, object]
    parity: Mapping[str, object]

    def __post_init__(self) -> None:
        """Refuse a version or a time that people could misread."""
        _expect(bool(re.fullmatch(r"\d+\.\d+\.\d+", self.version)), "version: three numbers", self.version)
        offset = datetime.fromisoformat(self.created).utcoffset()
        _expect(offset == timedelta(0), "created: a time in UTC", self.created)

    @property
    def kind(self) -> str:
        """What the artefact is: segmentation, backbone, head, screen or opacity."""
        return str(self.__struct_config__.tag)


class SegmentationFacts(Artefact, frozen=True, tag="segmentation"):
    """The lung network; its input and threshold are those of xray/networks/lungs.py."""

    input_shape: tuple[int, ...]
    threshold: float

    def __post_init__(self) -> None:
        """Refuse a network that xray/networks/lungs.py does not feed."""
        super().__post_init__()
        _expect(self.input_shape == (SIZE, SIZE, 1), f"input_shape: [{SIZE}, {SIZE}, 1]", self.input_shape)
        _expect(self.threshold == THRESHOLD, f"threshold: {THRESHOLD}", self.threshold)


class BackboneFacts(Artefact, frozen=True, tag="backbone"):
    """The network whose features all heads share."""

    recipe: Recipe
    input_shape: tuple[int, ...]
    feature_shape: tuple[int, ...]
    feature_layer: str

    def __post_init__(self) -> None:
        """Refuse shapes that do not follow from the recipe."""
        super().__post_init__()
        side = self.recipe.size
        _expect(self.input_shape == (side, side, 3), f"input_shape: [{side}, {side}, 3]", self.input_shape)
        cells = side // 16
        grid = (cells, cells, 512)
        _expect(self.feature_shape == grid, f"feature_shape: {list(grid)}", self.feature_shape)
        _expect(self.feature_layer == "block5_conv3", "feature_layer: block5_conv3", self.feature_layer)


def decides(negative_below: float, positive_from: float) -> bool:
    """Tell whether an operating point was chosen: with edges at 0 and 1, those of NO_POINT, no score has a verdict."""
    return negative_below > 0 or positive_from < 1


class OperatingPoint(_Record, frozen=True):
    """Where the score of one label is judged; all in [0, 1].

    Attributes:
        threshold: the operating point that sensitivity and specificity are reported at.
        negative_below: a lower score rules the label out.
        positive_from: the lowest score that is POSITIVE for the label.
    """

    threshold: float
    negative_below: float
    positive_from: float

    def __post_init__(self) -> None:
        """Refuse edges that are upside down or not of scores."""
        ordered = 0 <= self.negative_below <= self.threshold <= self.positive_from <= 1
        _expect(ordered, "0 <= negative_below <= threshold <= positive_from <= 1", self)

    @property
    def decides(self) -> bool:
        """Whether any score has a verdict; see `decides`."""
        return decides(self.negative_below, self.positive_from)

    def mirrored(self) -> "OperatingPoint":
        """Return the point of the other label of a pair: a score and one minus it get the same verdict."""
        if not self.decides:
            return self
        threshold, upper, lower = map(_just_above_rest, (self.threshold, self.negative_below, self.positive_from))
        return OperatingPoint(threshold=threshold, negative_below=lower, positive_from=upper)


def _just_above_rest(edge: float) -> float:
    """Return the least score above one minus an edge, of scores with DECIMALS decimals."""
    steps = int(10**DECIMALS)
    return min(steps + 1 - math.ceil(round(edge * steps, 6)), steps) / steps


class MadeForBackbone(Artefact, frozen=True):
    """An artefact that only fits the features of one backbone."""

    backbone: str
    backbone_sha256: str


class HeadFacts(MadeForBackbone, frozen=True, tag="head"):
    """A head and how its scores become verdicts; see xray/networks/heads.py.

    Attributes:
        labels: of the outputs, in their order.
        exclusive: whether the labels exclude each other.
        positive: the label that the head's own score and verdict are for.
        temperature: what the logits are divided by; chosen on the validation split.
        points: of each label, in the same order.
    """

    labels: tuple[str, ...]
    exclusive: bool
    positive: str
    temperature: float
    points: tuple[OperatingPoint, ...]

    def __post_init__(self) -> None:
        """Refuse labels, a temperature or points without meaning."""
        super().__post_init__()
        _expect(len(set(self.labels)) == len(self.labels) > 1, "labels: two or more, all different", self.labels)
        _expect(self.positive in self.labels, f"positive: one of {self.labels}", self.positive)
        _expect(self.temperature > 0, "temperature above 0", self.temperature)
        _expect(len(self.points) == len(self.labels), "points: one for each label", len(self.points))

    @property
    def point(self) -> OperatingPoint:
        """The operating point of the label that the head's own verdict is for."""
        return self.points[self.labels.index(self.positive)]

    @property
    def is_own(self) -> bool:
        """Whether it learned from a user's own radiographs: the record of its training describes them under `data`."""
        return "data" in self.training

    @property
    def decides(self) -> bool:
        """Whether the head has operating points, for one label at least."""
        return any(point.decides for point in self.points)

    @property
    def is_pair(self) -> bool:
        """Whether one score says both labels: there are two, and they exclude each other."""
        return self.exclusive and len(self.labels) == 2

    @property
    def negative(self) -> str:
        """The other label of a pair; OTHERS of a head with more to say."""
        return next(label for label in self.labels if label != self.positive) if self.is_pair else OTHERS


# What a head of more than a pair of labels holds its own label against.
OTHERS = "other"


class Check(_Record, frozen=True):
    """One question that the screen asks of an image: at or above the threshold the answer is yes."""

    name: str
    threshold: float


class ScreenFacts(MadeForBackbone, frozen=True, tag="screen"):
    """The out-of-distribution screen; see xray/quality/out_of_distribution.py.

    Attributes:
        checks: in the order of its scores.
    """

    checks: tuple[Check, ...]


class OpacityFacts(MadeForBackbone, frozen=True, tag="opacity"):
    """The opacity map; see xray/opacity.py.

    Attributes:
        threshold: the probability from which a place counts as opaque, in (0, 1).
        extent_slope: points of the extent score for each 1 of mean probability inside the lungs.
        extent_intercept: the extent score at a mean probability of 0.
    """

    threshold: float
    extent_slope: float
    extent_intercept: float

    def __post_init__(self) -> None:
        """Refuse a threshold that all or no places reach."""
        super().__post_init__()
        _expect(0 < self.threshold < 1, "threshold above 0 and below 1", self.threshold)

    @property
    def extent_error(self) -> float | None:
        """The mean absolute error of the extent score, in its points: `extent_error` of the metrics, if it is there."""
        error = self.metrics.get("extent_error")
        return float(error) if isinstance(error, int | float) else None


Facts = SegmentationFacts | BackboneFacts | HeadFacts | ScreenFacts | OpacityFacts


def load(path: Path) -> Facts:
    """Read one metadata.json.

    Args:
        path: model/<name>/metadata.json.

    Returns:
        The facts, of the class that `kind` names.

    Raises:
        ModelError: missing or unreadable, an unknown or missing key, a value of the wrong type or outside
            its range, or a name that is not the folder's.
    """
    try:
        facts = msgspec.json.decode(path.read_bytes(), type=Facts)
        _expect(facts.name == path.parent.name, f"name: {path.parent.name}, as its folder", facts.name)
    except (OSError, ValueError, msgspec.MsgspecError, ModelError) as error:
        raise broken(path, f"{error}.") from error
    return facts


def _expect(holds: bool, expected: str, received: object) -> None:
    if not holds:
        raise ValueError(f"Expected {expected}. Received: {received!r}.")


# Of a label with too few validation radiographs to choose a point: no score is judged.
NO_POINT = OperatingPoint(threshold=0.5, negative_below=0.0, positive_from=1.0)
