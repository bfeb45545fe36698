"""What is kept of one analysis: everything that a page, a report or a program may want to know of it later."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from xray.screen import Caution


@dataclass(frozen=True)
class Said:
    """What one model said.

    Attributes:
        model: its name, for machines.
        version: of the model.
        verdict: POSITIVE, NEGATIVE or INCONCLUSIVE.
        score: for the positive class, in [0, 1].
        score_text: the score as people read it, never on the wrong side of the band.
        threshold: the operating point.
        low: where INCONCLUSIVE begins.
        high: where POSITIVE begins.
        positive: label of the class that the score is for, such as "covid".
        negative: label of the other class.
        explained: label of the class whose evidence the heat map shows.
        heat_in_lungs: share of the heat that lies inside the lungs, in [0, 1]; None where there is no heat.
        even_heat: the share that evenly spread heat would have there.
        copy: file name of the annotated copy.
    """

    model: str
    version: str
    verdict: str
    score: float
    score_text: str
    threshold: float
    low: float
    high: float
    positive: str
    negative: str
    explained: str
    heat_in_lungs: float | None
    even_heat: float
    copy: str

    @property
    def heat_beside_lungs(self) -> bool:
        """Whether less heat lies in the lungs than if it were spread evenly: a reason for doubt."""
        return self.heat_in_lungs is not None and self.heat_in_lungs < self.even_heat


@dataclass(frozen=True)
class Together:
    """What both models say together; see `xray.combined.Combined`."""

    verdict: str
    score: float
    threshold: float


@dataclass(frozen=True)
class Record:
    """One analysis of one picture.

    Attributes:
        id: its address: 128 random bits that nobody can guess.
        owner: who may open it; see `web.visitor`.
        created: when, in UTC.
        name: of the file, as its sender may see it.
        choice: the model that was asked for, or "both".
        width: of the picture in pixels.
        height: of the picture in pixels.
        box: the part that the networks saw: top, bottom, left, right, in pixels.
        outline: of the lungs, as the data of an SVG path in pixels of the picture.
        cautions: why the verdicts deserve more doubt than their scores say.
        said: one entry for each model asked.
        combined: both models together, where both were asked.
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
    said: tuple[Said, ...]
    combined: Together | None

    @property
    def verdict(self) -> str:
        """The verdict that stands first: of both models together, else of the only one."""
        return self.combined.verdict if self.combined else self.said[0].verdict

    @property
    def inverted(self) -> bool:
        """Whether the picture came as a negative and was turned back."""
        return str(Caution.INVERTED) in self.cautions

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(asdict(self) | {"created": self.created.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read what `to_json` wrote."""
        found: Mapping[str, Any] = json.loads(text)
        combined = found["combined"]
        parts = {
            "created": datetime.fromisoformat(found["created"]).astimezone(UTC),
            "box": tuple(found["box"]),
            "cautions": tuple(found["cautions"]),
            "said": tuple(Said(**each) for each in found["said"]),
            "combined": Together(**combined) if combined else None,
        }
        return cls(**{**found, **parts})
