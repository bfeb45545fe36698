"""What is stored of one analysis: everything that a page, a report or a program may need later."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from xray.networks.heads import Judgement, Verdict
from xray.quality.cautions import Caution

# The id of an analysis: 128 random bits, as secrets.token_urlsafe(16) writes them.
ID = re.compile(r"[A-Za-z0-9_-]{22}")
# Of the share that evenly spread heat would have in the lungs. Of 398 validation radiographs 1.3 % (model 1) and 7.5 %
# (model 2) lie below it; below the even share itself are 3.5 % and 14.6 %, most by less than a heat map can tell.
DOUBTFUL_HEAT = 0.9


@dataclass(frozen=True, kw_only=True)
class ModelResult(Judgement):
    """The result of one model; see `xray.prediction.Prediction`.

    Attributes:
        model: the model's name.
        version: of the model.
        explained: the label whose evidence the heat map shows.
        heat_in_lungs: share of the heat inside the lungs, in [0, 1]; None where there is no heat.
        even_heat: the share that evenly spread heat would have there.
        copy: file name of the annotated copy.
    """

    model: str
    version: str
    explained: str
    heat_in_lungs: float | None
    even_heat: float
    copy: str

    @property
    def heat_beside_lungs(self) -> bool:
        """Whether clearly less heat lies in the lungs than if it were spread evenly: a reason for doubt."""
        return self.heat_in_lungs is not None and self.heat_in_lungs < DOUBTFUL_HEAT * self.even_heat


@dataclass(frozen=True)
class CombinedResult:
    """The result of models 1 and 2 together; see `xray.combined.Combined`."""

    verdict: Verdict
    score: float
    threshold: float


@dataclass(frozen=True)
class Record:
    """One analysis of one radiograph, as it is stored.

    A field that is added here later needs a default, as stored rows lack it.

    Attributes:
        id: its address; see ID.
        owner: who may open it; see `web.security.visitors`.
        created: when, in UTC.
        name: of the file, safe to display.
        choice: the model that was asked for, "both" or "all".
        width: of the image in pixels.
        height: of the image in pixels.
        box: the part that the networks saw: top, bottom, left, right, in pixels.
        outline: of the lungs, as the data of an SVG path in pixels of the image.
        cautions: why the verdicts deserve more doubt than their scores say.
        results: one for each model asked.
        combined: of both models together, where both were asked.
        deep: whether the radiograph has more than 8 bits, and its levels are stored too.
        window_low: the level that is shown black; see `xray.io.pixels.GreyLevels`.
        window_high: the level that is shown white.
        curve: the greys between the two, where they do not rise linearly.
        turn: degrees clockwise by which the image was turned first, as asked.
    """

    id: str
    owner: str
    created: datetime
    name: str
    choice: str
    width: int
    height: int
    box: tuple[int, int, int, int]
    outline: str
    cautions: tuple[str, ...]
    results: tuple[ModelResult, ...]
    combined: CombinedResult | None = None
    deep: bool = False
    window_low: float = 0.0
    window_high: float = 255.0
    curve: tuple[int, ...] = ()
    turn: int = 0

    @property
    def verdict(self) -> Verdict:
        """The verdict of both models together where both were asked, else of the first."""
        return self.combined.verdict if self.combined else self.results[0].verdict

    @property
    def inverted(self) -> bool:
        """Whether the image came as a negative and was inverted."""
        return str(Caution.INVERTED) in self.cautions

    @property
    def copies(self) -> tuple[str, ...]:
        """The file names of its annotated copies."""
        return tuple(result.copy for result in self.results)

    def shared(self) -> dict[str, Any]:
        """Return what may leave the app, in the order of a page: all but the owner."""
        return {name: value for name, value in self._plain().items() if name != "owner"}

    def to_json(self) -> str:
        """Return all of it as JSON, in ASCII: databases differ in which other letters they take."""
        return json.dumps(self._plain())

    def _plain(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain | {"created": self.created.isoformat()}

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read what `to_json` wrote, in this or a later version: unknown keys are ignored.

        Raises:
            ValueError: it is damaged, or a required field is missing.
        """
        try:
            record = msgspec.convert(json.loads(text), cls)
        except msgspec.ValidationError as error:
            raise ValueError(f"Expected an analysis as JSON. Received one that cannot be read: {error}.") from error
        if not record.results:
            raise ValueError("Expected the result of at least one model. Received an analysis without.")
        return replace(record, created=record.created.astimezone(UTC))


def copies_in(text: str) -> tuple[str, ...]:
    """Return the annotated copies that a stored analysis names, even where the rest of it is damaged."""
    try:
        return tuple(str(each["copy"]) for each in json.loads(text)["results"])
    except (KeyError, TypeError, ValueError):
        return ()
