"""What is said of a film: by one model, and as a row of the results."""

from typing import NamedTuple


class Content(NamedTuple):
    """What was found at an address.

    Attributes:
        address: of the film.
        sha256: of its bytes; "" where it could not be read.
        problem: why not; "" where it could.
    """

    address: str
    sha256: str
    problem: str


class Said(NamedTuple):
    """What one model says of one content, or both together.

    Attributes:
        sha256: of the film's bytes.
        model: its name, or that of the combined reading.
        verdict: "" where there is none.
        score: for the positive class, in [0, 1].
        threshold: the operating point.
        cautions: why the verdict deserves more doubt, apart by spaces.
        error: why there is no verdict; "" where there is one.
    """

    sha256: str
    model: str
    verdict: str
    score: float | None
    threshold: float | None
    cautions: str
    error: str


class Judged(NamedTuple):
    """What the models say of one content.

    Attributes:
        film: where it was read. With a problem where it could not be judged; and without a SHA-256, as one that cannot
            be read, where it could not be read again.
        said: of each model; empty where there was a problem.
    """

    film: Content
    said: list[Said]


class Row(NamedTuple):
    """A row of the results: what one model, of one version on one backbone, says of the film at one address.

    Attributes:
        path: the film's address.
        time: when the row was made, UTC, ISO 8601.
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
