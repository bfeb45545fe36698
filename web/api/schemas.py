"""The schemas of requests and answers, as the OpenAPI document states them, and the parser of multipart forms."""

from collections.abc import Mapping
from typing import Any

from flask import Request
from flask_smorest import Blueprint
from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError
from marshmallow.fields import Boolean, DateTime, Dict, Enum, Field, Float, Integer, List, Nested, String
from marshmallow.validate import OneOf, Range, Regexp
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from web import forms
from web.analyses.records import ID
from web.security.slow_uploads import drain
from web.services import services
from xray.finding import Finding
from xray.io.pixels import TURNS
from xray.networks.heads import Verdict
from xray.quality.cautions import Caution
from xray.quality.frame import Part

LONGEST_QUOTE = 40
MULTIPART, FORM_DATA = "multipart", "multipart/form-data"


def text(description: str, **more: Any) -> String:
    """Return a required field of text."""
    return String(required=True, metadata={"description": description}, **more)


def address(description: str, **more: Any) -> String:
    """Return a field with an address, required by default."""
    return String(**{"required": True, "metadata": {"description": description, "format": "uri"}, **more})


def number(description: str, largest: float, **more: Any) -> Float:
    """Return a required field with a number from 0 up."""
    return Float(required=True, validate=Range(0, largest), metadata={"description": description}, **more)


def share(description: str, **more: Any) -> Float:
    """Return a required field with a number from 0 to 1."""
    return number(description, 1, **more)


def count(description: str) -> Integer:
    """Return a required field with a count."""
    return Integer(required=True, validate=Range(0), metadata={"description": description})


def many(schema: type[Schema], description: str) -> "List[Any]":
    """Return a required field with a list of one schema."""
    return List(Nested(schema), required=True, metadata={"description": description})


def optional(schema: type[Schema], description: str) -> Nested:
    """Return a required field with one schema or null."""
    return Nested(schema, required=True, allow_none=True, metadata={"description": description})


class Answer(Schema):
    """An answer; a later version may add members, so clients must ignore unknown ones."""

    class Meta:
        """Leave the schema open for them."""

        unknown = EXCLUDE


class Film(Upload):
    """An uploaded file."""

    def _deserialize(self, value: object, attr: str | None, data: Mapping[str, Any] | None, **_: object) -> FileStorage:
        if not isinstance(value, FileStorage) or not value.filename:
            raise ValidationError("Expected a file with a file name, received a field without one.")
        return value


def known_model(name: str) -> None:
    """Refuse a model that is not served."""
    names = forms.choices(services().analyses.analyzer.names)
    if name not in names:
        raise ValidationError(f"Expected one of {', '.join(names)}. Received {name[:LONGEST_QUOTE]!r}.")


class AnalysisRequest(Schema):
    """A radiograph, and which models shall analyse it."""

    class Meta:
        """A misspelt field is an error."""

        unknown = RAISE

    file: Field[FileStorage] = Film(required=True, error_messages={"required": "Expected a picture, received none."})
    model = String(
        load_default=forms.BOTH,
        validate=known_model,
        metadata={
            "description": "The model to ask, both (models 1 and 2; the default), or all.",
            "example": forms.BOTH,
        },
    )
    turn = Integer(
        load_default=0,
        validate=OneOf(TURNS),
        metadata={"description": "Degrees clockwise by which the film is turned before it is read."},
    )
    part = Enum(
        Part,
        by_value=True,
        load_default=None,
        metadata={"description": "Which of two pictures in one is read; without it, the frontal one."},
    )
    straighten = Boolean(
        load_default=False, metadata={"description": "Whether a tilted film is turned upright before it is read."}
    )


# The edges between which a verdict is INCONCLUSIVE.
NEGATIVE_BELOW = share("A lower score is NEGATIVE; of classes that exclude each other, one is plausible from it up.")
POSITIVE_FROM = share("The lowest score that is POSITIVE.")


class Classes(Answer):
    """What a model's verdict tells apart: two answers, or one class of several and the others."""

    positive = text("The class that the score is for, such as covid.")
    negative = text("The other class, such as normal or pneumonia; `other` for a model of several.")


VERDICT = "For the positive class: POSITIVE, NEGATIVE, or INCONCLUSIVE where the score is too close to call."


class LabelEdges(Answer):
    """How one class of a model is judged."""

    label = text("The class.")
    negative_below, positive_from = NEGATIVE_BELOW, POSITIVE_FROM


class LabelVerdict(LabelEdges):
    """What a model says of one of its classes."""

    verdict = text(
        "Of classes that exclude each other: POSITIVE for the only plausible one, and then NEGATIVE for the others, "
        "else INCONCLUSIVE for all. Of others: by the class's own band.",
        validate=OneOf([str(verdict) for verdict in Verdict]),
    )
    score = share("How strongly the model leans to the class. It is not a probability.")


def finding_field(description: str) -> String:
    """Return a field with a finding, or null."""
    words = f"{description}: {', '.join(Finding)}, or a class of the model; another version may add some."
    return String(required=True, allow_none=True, metadata={"description": words})


class ModelVerdict(Answer):
    """What one model says."""

    model = text("The model's name.")
    version = text("The model's version; another version may answer otherwise.")
    finding = finding_field("What it found by itself; null for a model of several findings, see labels")
    verdict = text(VERDICT, validate=OneOf([str(verdict) for verdict in Verdict]))
    score = share("How strongly the model leans to the positive class. It is not a probability.")
    negative_below, positive_from = NEGATIVE_BELOW, POSITIVE_FROM
    classes = Nested(Classes, required=True)
    called = String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The only plausible one of classes that exclude each other; null where there is none."
        },
    )
    labels = many(LabelVerdict, "The verdict of each class.")
    explained = text("The class whose evidence the heat map shows.")
    heat_in_lungs = share("Share of the heat that lies inside the lungs; null where there is no heat.", allow_none=True)
    heat_in_lungs_if_even = share(
        "The share that evenly spread heat would have there: less than this is a reason for doubt."
    )
    annotated = address("The annotated copy (JPEG): film, heat map and conclusion on one sheet.")
    card = address("The model's card, a page: what it learned from, how it was tested, where it fails.")


class CombinedVerdict(Answer):
    """The verdict of both models together."""

    verdict = text(
        "For COVID-19: POSITIVE where both models are, NEGATIVE where one is, else INCONCLUSIVE.",
        validate=OneOf([str(verdict) for verdict in Verdict]),
    )
    score = share("The smaller of the two scores, each moved so that its model's threshold lies at 0.5: for sorting.")


class OpacityMeasures(Answer):
    """How much of the lungs is opaque on the opacity map; no diagnosis. Right and left are the patient's."""

    version = text("The version of the opacity map.")
    threshold = share("The probability from which a place counts as opaque.")
    opacity_right_percent = number("Of the right lung, 0 to 100; null where none was found.", 100, allow_none=True)
    opacity_left_percent = number("Of the left lung, 0 to 100; null where none was found.", 100, allow_none=True)
    extent_score = number("Estimate of the geographic extent score of arXiv:2005.11856, 0 to 8.", 8)
    extent_error = number("Its mean absolute error; null where that was not measured.", 8, allow_none=True)
    bilateral = share("The smaller percentage over the larger; null where nothing is opaque.", allow_none=True)
    peripheral = share("Share of what is opaque in the outer third of its lung; null likewise.", allow_none=True)
    lower = share("Share of what is opaque in the lower half of its lung; null likewise.", allow_none=True)


class CautionSaid(Answer):
    """Why the verdicts deserve more doubt than their scores say."""

    name = text("For machines.", validate=OneOf([str(caution) for caution in Caution]))
    words = text("For people, in English.")


class Analysis(Answer):
    """The analysis of one radiograph."""

    id = text("Nobody can guess it.", validate=Regexp(f"^{ID.pattern}$"))
    url = address("The address of this analysis.")
    created = DateTime(required=True, metadata={"description": "When it was made, in UTC."})
    file = text("The name of the file, without folders, at most 60 characters.")
    width = count("Of the picture, in pixels.")
    height = count("Of the picture, in pixels.")
    model = text("What was asked: a model's name, both or all.")
    turn = Integer(
        required=True,
        validate=OneOf(TURNS),
        metadata={"description": "Degrees clockwise by which it was turned before it was read, as was asked."},
    )
    tilt = Integer(
        required=True,
        metadata={"description": "Degrees clockwise from upright by which the film is tilted, as its lungs show."},
    )
    finding = finding_field("What was found: by both models together where both were asked, else by the first")
    verdicts = many(ModelVerdict, "One for each model asked.")
    combined = optional(CombinedVerdict, "What both models say together; null where one was asked.")
    opacity = optional(OpacityMeasures, "How much of the lungs is opaque; null where no opacity map is served.")
    cautions = many(CautionSaid, "Why the verdicts deserve more doubt; none of them does not mean no doubt.")
    pictures = Dict(
        keys=String(),
        values=String(metadata={"format": "uri"}),
        required=True,
        metadata={
            "description": "The pictures' addresses by file name: film, lung mask, opacity map, heat maps, "
            "annotated copies."
        },
    )
    disclaimer = text("It belongs to every analysis: keep it with the verdicts.")


class Interval(Answer):
    """A measured share with its 95 % interval."""

    value = share("As measured.")
    low = share("Where the interval begins.")
    high = share("Where it ends.")


class Metrics(Answer):
    """How a model did on patients that it had never seen; the card says far more."""

    films = count("How many were read.")
    patients = count("Of how many patients.")
    positives = count("Films of the positive class.")
    negatives = count("Films of the negative class.")
    roc_auc = Nested(Interval, required=True, allow_none=True)
    sensitivity = Nested(Interval, required=True, allow_none=True)
    specificity = Nested(Interval, required=True, allow_none=True)
    interval = text("How the intervals were made.")
    confounding = text("Why these figures promise nothing in another hospital.")


class Model(Answer):
    """A model."""

    name = text("For the field model of an analysis.")
    url = address("The address of this answer.")
    title = text("For people.")
    version = text("Three numbers.")
    created = DateTime(required=True, metadata={"description": "When it was made, in UTC."})
    licence = text("Of its weights.")
    classes = Nested(Classes, required=True)
    exclusive = Boolean(
        required=True,
        metadata={"description": "Whether the classes exclude each other, or several may be there at once."},
    )
    labels = many(LabelEdges, "How each class is judged.")
    threshold = share("Where sensitivity and specificity were measured; verdicts come from the edges.")
    negative_below, positive_from = NEGATIVE_BELOW, POSITIVE_FROM
    metrics = optional(Metrics, "On films of patients kept apart; null for a model that was not tested.")
    card = address("The model's card, a page.")


class Models(Answer):
    """All models."""

    models = List(Nested(Model), required=True)
    disclaimer = text("It belongs to every analysis.")


class Health(Answer):
    """Whether this instance serves, and with which models."""

    status = text("ok", validate=OneOf(["ok"]))
    models = Dict(keys=String(), values=String(), required=True, metadata={"description": "Versions by name."})


class FieldError(Answer):
    """What was wrong with one field."""

    field = text("Its name.")
    detail = text("For people, in English.")


class Problem(Answer):
    """Why a request was refused (RFC 9457)."""

    type = String(
        required=True,
        metadata={"description": "For machines: which kind of problem.", "format": "uri-reference"},
    )
    title = text("The kind of problem, for people.")
    status = Integer(required=True, metadata={"description": "The answer's status."})
    detail = text("This problem, for people, in English: what was expected, what came, what to do.")
    instance = String(required=True, metadata={"description": "The address that was asked.", "format": "uri-reference"})
    errors = List(Nested(FieldError), metadata={"description": "What was wrong with which field, if it was that."})


class MultipartParser(FlaskParser):
    """A parser with one more location: the fields and the files of a multipart form, checked by one schema."""

    __location_map__ = {**FlaskParser.__location_map__, MULTIPART: "load_multipart"}  # noqa: RUF012

    def load_multipart(self, request: Request, _: Schema) -> dict[str, str | FileStorage]:
        """Return the fields and files of a form.

        Raises:
            UnsupportedMediaType: the request is no multipart form.
            ValidationError: a field came twice, so one of them would be lost.
        """
        if request.mimetype != FORM_DATA:
            drain()
            raise UnsupportedMediaType(f"Expected {FORM_DATA}. Received: {request.mimetype or 'no media type'}.")
        found: dict[str, str | FileStorage] = {}
        sent: list[tuple[str, str | FileStorage]] = [*request.files.items(multi=True), *request.form.items(multi=True)]
        for name, value in sent:
            if name in found:
                raise ValidationError({name: ["Expected it once, received it more often. Send one film a request."]})
            found[name] = value
        return found


class MultipartBlueprint(Blueprint):
    """A blueprint whose routes may take multipart forms."""

    ARGUMENTS_PARSER = MultipartParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {**Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING, MULTIPART: FORM_DATA}
