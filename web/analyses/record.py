"""What is kept of one analysis: everything that a page, a report or a program may want to know of it later."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from xray.networks.heads import Verdict
from xray.quality.cautions import Caution

# Of an analysis: 128 random bits, as secrets.token_urlsafe(16) writes them.
ID = re.compile(r"[A-Za-z0-9_-]{22}")
# Of the share that evenly spread heat would have in the lungs. Of 398 validation films 1.3 % (model 1) and 7.5 %
# (model 2) lie below it; below the even share itself are 3.5 % and 14.6 %, most by less than a heat map can tell.
DOUBTFUL_HEAT = 0.9


@dataclass(frozen=True)
class ClassSaid:
    """What a model of several classes said of one of them; see `xray.networks.classes.ClassScore`."""

    label: str
    score: float
    score_text: str
    threshold: float
    low: float
    high: float
    verdict: str

    @property
    def plausible(self) -> bool:
        """Of classes that exclude each other: whether this one may be it."""
        return self.score >= self.threshold


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
        kind: of the model: "head" for one of two classes, else "multiclass" or "multilabel".
        classes: of a model of several classes, what it said of each; what stands above is that of `positive`.
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
    kind: str = "head"
    classes: tuple[ClassSaid, ...] = ()

    @property
    def called(self) -> str | None:
        """Of classes that exclude each other, the label of the only plausible one; None where there is none."""
        found = [each.label for each in self.classes if each.verdict == Verdict.POSITIVE]
        return found[0] if self.kind == "multiclass" and found else None

    @property
    def heat_beside_lungs(self) -> bool:
        """Whether clearly less heat lies in the lungs than if it were spread evenly: a reason for doubt."""
        return self.heat_in_lungs is not None and self.heat_in_lungs < DOUBTFUL_HEAT * self.even_heat


@dataclass(frozen=True)
class Together:
    """What both models say together; see `xray.combined.Combined`."""

    verdict: str
    score: float
    threshold: float


@dataclass(frozen=True)
class Record:
    """One analysis of one picture.

    A field that is added here later needs a default: rows that were written before lack it.

    Attributes:
        id: its address, that nobody can guess; see ID.
        owner: who may open it; see `web.security.visitors`.
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
        deep: whether the film has more than 8 bits, and its levels are kept beside the other pictures.
        window_low: the level that is shown black; see `xray.io.grey_levels.GreyLevels`.
        window_high: the level that is shown white.
        curve: the greys between the two, where they do not rise evenly.
        turn: degrees clockwise by which the film was turned, as its sender asked, before it was read.
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
    deep: bool = False
    window_low: float = 0.0
    window_high: float = 255.0
    curve: tuple[int, ...] = ()
    turn: int = 0

    @property
    def verdict(self) -> str:
        """The verdict that stands first: of both models together, else of the only one."""
        return self.combined.verdict if self.combined else self.said[0].verdict

    @property
    def inverted(self) -> bool:
        """Whether the picture came as a negative and was turned back."""
        return str(Caution.INVERTED) in self.cautions

    @property
    def copies(self) -> tuple[str, ...]:
        """The file names of its annotated copies."""
        return tuple(said.copy for said in self.said)

    def shared(self) -> dict[str, Any]:
        """Return what may leave the app, in the order of a page: all but whose it is."""
        return {name: value for name, value in self._plain().items() if name != "owner"}

    def to_json(self) -> str:
        """Return all of it as JSON, in ASCII: databases differ in which other letters they take."""
        return json.dumps(self._plain())

    def _plain(self) -> dict[str, Any]:
        return asdict(self) | {"created": self.created.isoformat()}

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read what `to_json` wrote, in this version or in another: unknown keys are left out.

        Raises:
            ValueError: it is damaged, or lacks what this version cannot do without.
        """
        try:
            found = _known(cls, json.loads(text))
            said = tuple(_said(each) for each in found["said"])
            combined = found.get("combined")
            parts = {
                "created": datetime.fromisoformat(found["created"]).astimezone(UTC),
                "box": tuple(found["box"]),
                "cautions": tuple(found["cautions"]),
                "curve": tuple(found.get("curve", ())),
                "said": said,
                "combined": Together(**_known(Together, combined)) if combined else None,
            }
            record = cls(**{**found, **parts})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"Expected an analysis as JSON. Received one that cannot be read: {error!r}.") from error
        if not said:
            raise ValueError("Expected what at least one model said. Received an analysis without.")
        return record


def copies_in(text: str) -> tuple[str, ...]:
    """Return the annotated copies that a kept analysis names, as far as it can be read at all."""
    try:
        return tuple(str(each["copy"]) for each in json.loads(text)["said"])
    except (KeyError, TypeError, ValueError):
        return ()


def _said(found: Mapping[str, Any]) -> Said:
    classes = tuple(ClassSaid(**_known(ClassSaid, each)) for each in found.get("classes", ()))
    return Said(**{**_known(Said, found), "classes": classes})


def _known(kind: type, found: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in found.items() if name in names}
