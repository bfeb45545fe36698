"""The errors of the project.

XrayError
├─ ImageError              the user's file; carries the HTTP status and a message fit for a page
│  ├─ UnreadableImageError     400   not a picture, or a truncated one
│  ├─ UnsupportedImageError    415   format, mode or size that is not read
│  ├─ ImageTooLargeError       413   bytes or pixels
│  └─ NotAChestXrayError       422   refused by the gate, with the reason
├─ ModelError              the operator's artefact; stops start-up
└─ DatasetError            the trainer's data
   ├─ ManifestError            a table or a folder that cannot be used
   └─ LeakageError             a patient or a picture in two splits
"""


class Phrase(str):
    """Words that are shown in the reader's language; so marked, `make words` finds them."""


# Measured on 400 films: 766 of 800 turned by a quarter are refused, and in 765 the lungs show once they are
# turned back; so they do in 49 of 86 refused CT slices, which is why the hint says no more than "may".
ON_ITS_SIDE = Phrase("It may be a film that lies on its side: turn it upright and send it again.")
UPSIDE_DOWN = Phrase("It may be a film that stands upside down: turn it upright and send it again.")
# By degrees clockwise to upright.
HINTS = {90: ON_ITS_SIDE, 180: UPSIDE_DOWN, 270: ON_ITS_SIDE}


class XrayError(Exception):
    """Anything this project refuses, with what was expected, what came, and what to do.

    `str()` is English. A page translates the template and then fills it in: see `web.i18n.in_words`.

    Attributes:
        template: the message, with a place such as %(size)s for each value; without values it holds no places.
        values: what stands in these places; a Phrase or an error among them is translated too.
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
    """Write a value of a message in English: a fraction with no more decimals than it needs."""
    return f"{value:g}" if isinstance(value, float) else str(value)


class ImageError(XrayError):
    """The uploaded file cannot be analysed; the message may be shown to its sender."""

    status = 400


class UnreadableImageError(ImageError):
    """The bytes are not a picture, or the picture is truncated."""

    status = 400


def damaged(what: str) -> UnreadableImageError:
    """Make the error for a file that is cut short or whose content contradicts itself."""
    return UnreadableImageError(
        "Expected a whole %(what)s, received a truncated or damaged one. Please export it again.", what=Phrase(what)
    )


class UnsupportedImageError(ImageError):
    """A picture, but of a format, mode or size that is not read."""

    status = 415


class ImageTooLargeError(ImageError):
    """Too many bytes or too many pixels."""

    status = 413


class NotAChestXrayError(ImageError):
    """A picture that does not look like a frontal chest radiograph.

    Attributes:
        turn: degrees clockwise that may bring it upright; 0 where no turn brings lungs out.
    """

    status = 422
    turn = 0

    def that_may_be_upright_after(self, turn: int) -> "NotAChestXrayError":
        """Add how the picture may lie, where it is known.

        Args:
            turn: degrees clockwise, one of HINTS; 0 where it is not known.
        """
        if not turn:
            return self
        hinted = NotAChestXrayError("%(reason)s %(hint)s", reason=self, hint=HINTS[turn])
        hinted.turn = turn
        return hinted


class ModelError(XrayError):
    """An artefact under model/ is missing, broken or inconsistent; the message names the mending command."""


class DatasetError(XrayError):
    """The training data cannot be used as it is."""


class ManifestError(DatasetError):
    """A manifest, table or folder layout that was not as expected."""


class LeakageError(DatasetError):
    """A patient, a picture or a near-copy stands in more than one split."""
