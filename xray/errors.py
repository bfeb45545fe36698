"""The errors of the project.

XrayError
├─ ImageError              the user's file; carries the HTTP status and a message for the page
│  ├─ UnreadableImageError     400   not an image, or a truncated one
│  ├─ UnsupportedImageError    415   format, mode or size that is not read
│  ├─ ImageTooLargeError       413   bytes or pixels
│  └─ NotAChestXrayError       422   refused by a quality check, with the reason
│     └─ TwoFilmsError             422   two films in one picture, of which one can be asked for
├─ ModelError              the operator's artefact; stops start-up
└─ DatasetError            the trainer's data
   ├─ ManifestError            a table or a folder that cannot be used
   └─ LeakageError             a patient or an image in two splits
"""

from collections.abc import Sequence


class Phrase(str):
    """A text that is translated for its reader; `make words` extracts what is so marked."""


# Measured on 400 radiographs: 766 of 800 rotated by a quarter turn are refused, and in 765 lungs are found after
# rotating back. So they are in 49 of 86 refused CT slices, which is why the hint says "may".
ON_ITS_SIDE = Phrase("It may be a radiograph that lies on its side: turn it upright and send it again.")
UPSIDE_DOWN = Phrase("It may be a radiograph that stands upside down: turn it upright and send it again.")
# By degrees clockwise to upright.
HINTS = {90: ON_ITS_SIDE, 180: UPSIDE_DOWN, 270: ON_ITS_SIDE}


class XrayError(Exception):
    """Base of all errors of the project: what was expected, what was received, and what to do.

    `str()` is English. A page translates the template before filling it in: see `web.i18n.in_words`.

    Attributes:
        template: the message, with a placeholder such as %(size)s for each value; without values it is taken as it is.
        values: the values of the placeholders; a Phrase or an error among them is translated too.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        super().__init__(template)
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return (
            self.template % {name: plain(value) for name, value in self.values.items()}
            if self.values
            else self.template
        )


def plain(value: object) -> str:
    """Format a value of a message in English, a float without trailing zeros."""
    return f"{value:g}" if isinstance(value, float) else str(value)


class ImageError(XrayError):
    """The uploaded file cannot be analysed; the message is for its sender."""

    status = 400


class UnreadableImageError(ImageError):
    """The bytes are not an image, or the image is truncated."""

    status = 400


def damaged(what: str) -> UnreadableImageError:
    """Return the error for a file that is truncated or contradicts itself."""
    return UnreadableImageError(
        "Expected a whole %(what)s, received a truncated or damaged one. Please export it again.", what=Phrase(what)
    )


class UnsupportedImageError(ImageError):
    """An image, but of a format, mode or size that is not read."""

    status = 415


class ImageTooLargeError(ImageError):
    """Too many bytes or too many pixels."""

    status = 413


class NotAChestXrayError(ImageError):
    """An image that does not look like a frontal chest radiograph.

    Attributes:
        turn: degrees clockwise that may bring it upright; 0 where this is unknown.
    """

    status = 422
    turn = 0

    def with_hint(self, turn: int) -> "NotAChestXrayError":
        """Return this error with a hint of how the radiograph may lie; itself where that is unknown.

        Args:
            turn: degrees clockwise to upright, one of HINTS; 0 where unknown.
        """
        if not turn:
            return self
        hinted = NotAChestXrayError("%(reason)s %(hint)s", reason=self, hint=HINTS[turn])
        hinted.turn = turn
        return hinted


class TwoFilmsError(NotAChestXrayError):
    """Two frontal films in one picture; sent again with a part, one of them is read.

    Attributes:
        parts: what one can ask for; see `xray.quality.frame.Part`.
    """

    def __init__(self, template: str, /, parts: Sequence[str], **values: object) -> None:
        super().__init__(template, **values)
        self.parts = tuple(parts)


class ModelError(XrayError):
    """An artefact under model/ is missing, broken or inconsistent; the message names the command that repairs it."""


class DatasetError(XrayError):
    """The training data cannot be used; the message names the file."""


class ManifestError(DatasetError):
    """A manifest, table or folder layout other than expected."""


class LeakageError(DatasetError):
    """A patient, an image or a near-duplicate occurs in more than one split."""
