"""Create, read and delete an analysis, and fetch its pictures."""

from typing import TypedDict

from flask import Response, abort
from werkzeug.datastructures import FileStorage

from web import forms
from web.analyses import pictures
from web.analyses.record import ID, Record
from web.api import answers, examples, owners, schemas
from web.api.answers import Answer
from web.api.document import refuses
from web.api.multipart import MULTIPART, MultipartBlueprint
from web.services import services
from xray.errors import Phrase

analyses = MultipartBlueprint("analyses", __name__, url_prefix="/analyses")
analyses.before_request(owners.require)

TAGS = ["analyses"]
AN_ID = [{
    "in": "path", "name": "id", "required": True, "description": Phrase("The id of an analysis."),
    "schema": {"type": "string", "pattern": f"^{ID.pattern}$"}, "example": examples.ID,
}]  # fmt: skip
A_PICTURE = [{
    "in": "path", "name": "name", "required": True, "example": "film.jpg",
    "description": Phrase(
        "film.jpg, mask.png, heat-MODEL.png or annotated-MODEL.png; an analysis names those that it has."
    ),
    "schema": {"type": "string", "pattern": r"^(film\.jpg|mask\.png|(heat|annotated)-[a-z0-9_]+\.png)$"},
}]  # fmt: skip
BYTES = {"type": "string", "format": "binary"}
# What an answer's id leads to.
THE_ID = {"id": "$response.body#/id"}
LINKS = {
    "read": {"operationId": "readAnalysis", "parameters": THE_ID},
    "delete": {"operationId": "deleteAnalysis", "parameters": THE_ID},
    "film": {"operationId": "readPicture", "parameters": {**THE_ID, "name": "film.jpg"}},
}


class Form(TypedDict):
    """A form as schemas.AnalysisRequest lets it pass."""

    file: FileStorage
    model: str
    turn: int


@analyses.route("", methods=["POST"], tags=TAGS)
@analyses.doc(
    operationId="createAnalysis",
    summary=Phrase("Read one film"),
    description=Phrase(
        "Takes a few tenths of a second for each film, more on a small or busy host. The answer comes when all is done."
    ),
    requestBody={"content": {"multipart/form-data": {
        "encoding": {"file": {"contentType": "image/png, image/jpeg, application/dicom"}}
    }}},
    responses={201: {"links": LINKS}},
)  # fmt: skip
@analyses.arguments(schemas.AnalysisRequest, location=MULTIPART, error_status_code=400)
@analyses.response(
    201,
    schemas.Analysis,
    description=Phrase("What was found; the header Location holds its address."),
    example=examples.ANALYSIS,
    headers={"Location": {"description": "Its address.", "schema": {"type": "string", "format": "uri"}}},
)
@refuses(401, 413, 415, 422, 429, 500, 503, 507)
def create(form: Form) -> tuple[Answer, dict[str, str]]:
    """Analyse the film that was sent."""
    file = form["file"]
    name = forms.shown_name(file.filename or "")
    record = services().desk.read(file.read(), name=name, choice=form["model"], owner=owners.owner(), turn=form["turn"])
    found = answers.analysis(record)
    return found, {"Location": found["url"]}


@analyses.route("/<id>", parameters=AN_ID, tags=TAGS)
@analyses.doc(operationId="readAnalysis", summary=Phrase("Read what was found"))
@analyses.response(200, schemas.Analysis, description=Phrase("What was found."), example=examples.ANALYSIS)
@refuses(401, 404, 500, 503)
def one(id: str) -> Answer:
    """Tell an analysis again."""
    return answers.analysis(_own(id))


@analyses.route("/<id>", methods=["DELETE"], parameters=AN_ID, tags=TAGS)
@analyses.doc(operationId="deleteAnalysis", summary=Phrase("Delete it, with its pictures and its annotated copies"))
@analyses.response(204, description=Phrase("Nothing of it is left."))
@refuses(401, 404, 500, 503)
def delete(id: str) -> Response:
    """Take an analysis away."""
    services().desk.remove(_own(id))
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


@analyses.route("/<id>/pictures/<name>", parameters=AN_ID + A_PICTURE, tags=TAGS)
@analyses.doc(
    operationId="readPicture",
    summary=Phrase("Fetch one of its pictures"),
    description=Phrase(
        "The film, the lung mask and the heat maps have the same proportions: scale them to the same size to lay one "
        "over another. The mask has the size of the film that was sent."
    ),
)
@analyses.response(200, BYTES, content_type="image/jpeg", description=Phrase("The picture."))
@analyses.response(200, BYTES, content_type="image/png", description=Phrase("The picture."))
@refuses(401, 404, 500, 503)
def picture(id: str, name: str) -> Response:
    """Send a picture: the film, the lung mask, a heat map to be laid over the film, or an annotated copy."""
    record = _own(id)
    content = _content(record, name) if name in answers.picture_names(record) else None
    if content is None:
        abort(404)
    return Response(content, mimetype="image/jpeg" if name == pictures.FILM else "image/png")


def _content(record: Record, name: str) -> bytes | None:
    """Read a picture; None where it is gone, as annotated copies are on hosts that empty their disks."""
    desk = services().desk
    for said in record.said:
        if name == answers.annotated(said.model):
            return desk.store.read(said.copy)
    return desk.pictures.read(record.id, [name]).get(name)


def _own(id: str) -> Record:
    """Return an analysis of whoever asks; to everybody else there is none."""
    # Databases differ in what they make of NUL, of wrong encodings and of trailing spaces.
    record = services().desk.records.get(id, owners.owner()) if ID.fullmatch(id) else None
    if record is None:
        abort(404)
    return record
