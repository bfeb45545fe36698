"""The form for one radiograph: a file or an example (web/examples.py), and which models shall analyse it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Request

from web.examples import EXAMPLES
from xray.analysis import ALL_MODELS, AS_SENT, BOTH_MODELS, Adjustments
from xray.errors import Phrase, XrayError
from xray.io.pixels import TURNS
from xray.quality.frame import Part

BOTH, ALL = BOTH_MODELS, ALL_MODELS
LABELS = {
    "covid_normal": Phrase("Model 1: Covid / Normal"),
    "covid_pneumo": Phrase("Model 2: Covid / Pneumo"),
    "three_classes": Phrase("Model 3: Covid / Normal / Pneumo"),
    "findings": Phrase("Model 4: findings, each by itself"),
    BOTH: Phrase("Both models"),
    ALL: Phrase("All models"),
}
NO_FILE = Phrase("No picture came with the form. Choose a chest radiograph, then press Analyse.")
EMPTY_FILE = Phrase("The file is empty (0 bytes). Choose it again, or export it again.")
UNKNOWN_EXAMPLE = Phrase("That example is not known here. Choose one of those on the form, or a file.")
UNKNOWN_MODEL = Phrase("That model is not known here. Choose one from the list.")
EXPIRED = Phrase("The page had expired, so nothing was read. Choose the picture again and send it once more.")
UNKNOWN_TURN = Phrase("A radiograph can be turned by 0, 90, 180 or 270 degrees. Choose one of these.")
UNKNOWN_PART = Phrase("Of two pictures in one, the left, right, top or bottom one can be read. Choose one of these.")
UNNAMED = "picture"
LONGEST_NAME = 60


class FormError(XrayError):
    """A form that cannot be used; the message may be shown to its sender."""

    status = 400


@dataclass(frozen=True)
class Upload:
    """A valid form.

    Attributes:
        name: of the file, safe to display, at most 60 characters.
        data: the content of the file, not empty.
        model: a model's name, "both" or "all".
        adjust: what is done to the picture first.
        example: the name of the example that it is; empty for a file.
    """

    name: str
    data: bytes
    model: str
    adjust: Adjustments = AS_SENT
    example: str = ""


def labels(titles: Mapping[str, str]) -> dict[str, str]:
    """Return the display name of each model, by name: from LABELS, else its title."""
    return {name: LABELS.get(name, title) for name, title in titles.items()}


def choices(models: Sequence[str]) -> tuple[str, ...]:
    """Return the choices of the form: each model, models 1 and 2 together, and all where there are more."""
    return (*models, BOTH, *((ALL,) if len(models) > 2 else ()))


def read(request: Request, models: Sequence[str]) -> Upload:
    """Read the form; an example, whose picture is its button, takes precedence over a file and is never turned.

    Args:
        request: with the fields `file` or `example`, `model` and optionally `turn`, `part` (of `Part`) and
            `straighten` (of any value that is not empty).
        models: the names of the models.

    Raises:
        FormError: a field is missing or cannot be used.
    """
    model = request.form.get("model", "")
    if model not in choices(models):
        raise FormError(UNKNOWN_MODEL)
    turn = request.form.get("turn", "0")
    if turn not in map(str, TURNS):
        raise FormError(UNKNOWN_TURN)
    part = request.form.get("part", "")
    if part not in ("", *Part):
        raise FormError(UNKNOWN_PART)
    if name := request.form.get("example"):
        if name not in EXAMPLES:
            raise FormError(UNKNOWN_EXAMPLE)
        example = EXAMPLES[name]
        return Upload(example.upload_name, example.path.read_bytes(), model, example=name)
    found = read_file(request)
    if found is None:
        raise FormError(NO_FILE)
    adjust = Adjustments(int(turn), Part(part) if part else None, bool(request.form.get("straighten")))
    return Upload(*found, model, adjust)


def read_file(request: Request) -> tuple[str, bytes] | None:
    """Return name and content of the field `file`; None where no file was chosen.

    Raises:
        FormError: the file is empty.
    """
    file = request.files.get("file")
    if file is None or not file.filename:
        return None
    data = file.read()
    if not data:
        raise FormError(EMPTY_FILE)
    return shown_name(file.filename), data


def shown_name(name: str) -> str:
    """Return a client's file name safe to display: no folders, printable, not too long.

    Some unprintable characters reverse the reading direction and disguise a name.
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(character for character in base if character.isprintable()).strip()
    if len(clean) > LONGEST_NAME:
        half = (LONGEST_NAME - 1) // 2
        clean = f"{clean[:half]}…{clean[-half:]}"
    return clean or UNNAMED
