"""Records of an archive: a file, one model's result for it, and a row of the table of results."""

from typing import NamedTuple

from xray.errors import XrayError
from xray.opacity import COLUMNS


class DestinationError(XrayError):
    """Results cannot be appended to what is at the destination."""


class File(NamedTuple):
    """A file that should hold a radiograph.

    Attributes:
        address: a path or a URL.
        sha256: of its bytes; "" where it could not be read.
        problem: why it could not be read or analysed; "" where it could.
    """

    address: str
    sha256: str
    problem: str


class Result(NamedTuple):
    """The result of one model, of one of its labels, or of models 1 and 2 combined.

    Attributes:
        sha256: of the file's bytes.
        model: the name of the row: MODEL, MODEL:LABEL or `combined`.
        verdict: "" where there is none.
        score: in [0, 1].
        threshold: the operating point of the card's figures; the verdict follows from the two edges below.
        cautions: why the verdict deserves more doubt, separated by spaces.
        error: why there is no verdict; "" where there is one.
        opacity_right_percent: of the radiograph, as the two below; see `xray.opacity.Measures`. None without a map.
        opacity_left_percent: of the patient's left lung.
        extent_score: 0 to 8.
        finding: see `xray.finding`; "" where there is none.
        negative_below: a lower score is NEGATIVE; None of models 1 and 2 combined.
        positive_from: the lowest score that is POSITIVE.
    """

    sha256: str
    model: str
    verdict: str
    score: float | None
    threshold: float | None
    cautions: str
    error: str
    opacity_right_percent: float | None = None
    opacity_left_percent: float | None = None
    extent_score: float | None = None
    finding: str = ""
    negative_below: float | None = None
    positive_from: float | None = None


class Outcome(NamedTuple):
    """What the analysis of one content gave.

    Attributes:
        file: where it was read. With a problem where it could not be analysed; and without a SHA-256 where it could not
            be read again.
        results: of each model; empty where there was a problem.
    """

    file: File
    results: list[Result]


class Row(NamedTuple):
    """A row of the table: the result of one model, of one version on one backbone, for the file at one address.

    Attributes:
        path: the file's address.
        time: when the row was made, UTC, ISO 8601.

    What has a default was added later: tables may lack it.
    """

    path: str
    sha256: str
    model: str
    verdict: str
    score: float | None
    threshold: float | None
    cautions: str
    error: str
    version: str
    backbone: str
    time: str
    opacity_right_percent: float | None = None
    opacity_left_percent: float | None = None
    extent_score: float | None = None
    finding: str = ""
    negative_below: float | None = None
    positive_from: float | None = None


SCORES = ("score", "threshold", "negative_below", "positive_from")
NUMBERS = (*SCORES, *COLUMNS)
REQUIRED = Row._fields[: -len(Row._field_defaults)]
