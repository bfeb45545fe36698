"""The facts of an artefact, read from its metadata.json: strictly, so that a slip stops start-up."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from xray.errors import ModelError
from xray.networks.lungs import SIZE, THRESHOLD
from xray.networks.preprocess import Recipe
from xray.networks.runtime import broken

FILE_NAME = "metadata.json"

T = TypeVar("T")


@dataclass(frozen=True)
class ArtefactFile:
    """The file that holds the weights, beside metadata.json."""

    name: str
    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        """Refuse a path, a cut hash or an empty file."""
        _expect(Path(self.name).name == self.name, "file.name: a bare file name", self.name)
        _expect(bool(re.fullmatch(r"[0-9a-f]{64}", self.sha256)), "file.sha256: 64 hex digits", self.sha256)
        _expect(self.size_bytes > 0, "file.size_bytes above 0", self.size_bytes)


@dataclass(frozen=True)
class Band:
    """The scores that are INCONCLUSIVE: from low up to, but not including, high."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a band that is upside down or not of scores."""
        _expect(0 <= self.low <= self.high <= 1, "band: 0 <= low <= high <= 1", self)


@dataclass(frozen=True)
class Artefact:
    """What every artefact states about itself; metrics, training and parity are records for people."""

    name: str
    kind: str
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


@dataclass(frozen=True)
class SegmentationFacts(Artefact):
    """The lung network; its input and threshold are those of xray/networks/lungs.py."""

    input_shape: tuple[int, ...]
    threshold: float

    def __post_init__(self) -> None:
        """Refuse a network that xray/networks/lungs.py does not feed."""
        super().__post_init__()
        _expect(self.input_shape == (SIZE, SIZE, 1), f"input_shape: [{SIZE}, {SIZE}, 1]", self.input_shape)
        _expect(self.threshold == THRESHOLD, f"threshold: {THRESHOLD}", self.threshold)


@dataclass(frozen=True)
class BackboneFacts(Artefact):
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


@dataclass(frozen=True)
class HeadFacts(Artefact):
    """A head and how its score becomes a verdict.

    Attributes:
        classes: the labels of the two outputs, in output order.
        positive: the label that the score is for.
        temperature: what the logits are divided by; set on the validation split.
        threshold: the operating point, inside the band.
    """

    backbone: str
    backbone_sha256: str
    classes: tuple[str, ...]
    positive: str
    temperature: float
    threshold: float
    band: Band

    def __post_init__(self) -> None:
        """Refuse classes, a temperature or a threshold without meaning."""
        super().__post_init__()
        _expect(len(set(self.classes)) == len(self.classes) == 2, "classes: two labels", self.classes)
        _expect(self.positive in self.classes, f"positive: one of {self.classes}", self.positive)
        _expect(self.temperature > 0, "temperature above 0", self.temperature)
        inside = self.band.low <= self.threshold <= self.band.high
        _expect(inside, f"threshold inside {self.band}", self.threshold)


@dataclass(frozen=True)
class ClassPoint:
    """Where one class's score is judged: its operating point, and the scores that decide nothing."""

    threshold: float
    band: Band

    def __post_init__(self) -> None:
        """Refuse a threshold without meaning."""
        inside = self.band.low <= self.threshold <= self.band.high
        _expect(inside, f"threshold inside {self.band}", self.threshold)


@dataclass(frozen=True)
class ClassesFacts(Artefact):
    """A head with a score for each of several classes, and how the scores become verdicts.

    Attributes:
        classes: the labels of the outputs, in output order. Of kind `multiclass` one of them holds, and the scores
            sum to 1; of kind `multilabel` each may hold by itself.
        positive: the label that the model's own verdict and score are for.
        temperature: what the logits are divided by; set on the validation split.
        points: of each class, in the same order.
    """

    backbone: str
    backbone_sha256: str
    classes: tuple[str, ...]
    positive: str
    temperature: float
    points: tuple[ClassPoint, ...]

    def __post_init__(self) -> None:
        """Refuse classes, a temperature or points without meaning."""
        super().__post_init__()
        _expect(len(set(self.classes)) == len(self.classes) > 1, "classes: two labels or more", self.classes)
        _expect(self.positive in self.classes, f"positive: one of {self.classes}", self.positive)
        _expect(self.temperature > 0, "temperature above 0", self.temperature)
        _expect(len(self.points) == len(self.classes), "points: one for each class", len(self.points))

    @property
    def exclusive(self) -> bool:
        """Whether one class excludes the others."""
        return self.kind == "multiclass"

    @property
    def point(self) -> ClassPoint:
        """The point of the label that the model's own verdict is for."""
        return self.points[self.classes.index(self.positive)]


@dataclass(frozen=True)
class Check:
    """One question that the screen asks of a picture: at or above the threshold the answer is yes."""

    name: str
    threshold: float


@dataclass(frozen=True)
class ScreenFacts(Artefact):
    """The screen: what it asks of each picture, in the order of its scores; see xray/quality/out_of_distribution.py."""

    backbone: str
    backbone_sha256: str
    checks: tuple[Check, ...]


Facts = SegmentationFacts | BackboneFacts | HeadFacts | ClassesFacts | ScreenFacts
# What is asked of a film; the other artefacts are what these stand on.
ModelFacts = HeadFacts | ClassesFacts
_KINDS: dict[str, type[Facts]] = {
    "segmentation": SegmentationFacts,
    "backbone": BackboneFacts,
    "head": HeadFacts,
    "multiclass": ClassesFacts,
    "multilabel": ClassesFacts,
    "screen": ScreenFacts,
}


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
        record = json.loads(path.read_text(encoding="utf-8"))
        kind = _KINDS.get(str(record.get("kind"))) if isinstance(record, dict) else None
        if kind is None:
            raise ValueError(f"Expected an object whose kind is one of {list(_KINDS)}.")
        facts = _build(kind, record, "the artefact")
        _expect(facts.name == path.parent.name, f"name: {path.parent.name}, as its folder", facts.name)
    except (OSError, ValueError, ModelError) as error:
        raise broken(path, f"{error}") from error
    return facts


def _build(cls: type[T], record: object, where: str) -> T:
    """Make a dataclass of a JSON object that has exactly its fields."""
    if not isinstance(record, dict):
        raise ValueError(f"Expected {where} to be an object. Received: {record!r}.")
    names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    if names != record.keys():
        missing, unknown = sorted(names - record.keys()), sorted(record.keys() - names)
        raise ValueError(f"Expected other keys in {where}: missing {missing}, unknown {unknown}.")
    hints = get_type_hints(cls)
    return cls(**{name: _convert(hints[name], value, f"{where}'s {name}") for name, value in record.items()})


def _convert(kind: Any, value: object, where: str) -> object:
    """Check a JSON value against a field's type; a list becomes a tuple, an object a dataclass."""
    if is_dataclass(kind) and isinstance(kind, type):
        return _build(kind, value, where)
    origin = get_origin(kind)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(get_args(kind)[0], item, where) for item in value)
    accepted: Any = (int, float) if kind is float else origin or kind
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise ValueError(f"Expected {where} to be {getattr(kind, '__name__', kind)}. Received: {value!r}.")
    return float(value) if kind is float else value


def _expect(holds: bool, expected: str, received: object) -> None:
    if not holds:
        raise ValueError(f"Expected {expected}. Received: {received!r}.")
