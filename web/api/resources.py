"""The resources under /api/v1: analyses with their images, models, health."""

from collections.abc import Callable
from typing import Any, TypedDict

from flask import Flask, Response, abort
from werkzeug.datastructures import FileStorage

from web import forms
from web.analyses.records import ID, Record
from web.api import PATH, ROUTES, answers, document, schemas, tokens
from web.api.answers import DISCLAIMER, Answer
from web.api.document import ROUTE, refuses
from web.api.schemas import MULTIPART, MultipartBlueprint
from web.security.rate_limit import sender_group
from web.services import services
from xray.analysis import Adjustments
from xray.errors import Phrase
from xray.quality.frame import Part

api = MultipartBlueprint("api", __name__, url_prefix=PATH, description="The interface itself.")

ANALYSES, MODELS = ["analyses"], ["models"]
AN_ID = [{
    "in": "path", "name": "id", "required": True, "description": Phrase("The id of an analysis."),
    "schema": {"type": "string", "pattern": f"^{ID.pattern}$"}, "example": document.EXAMPLE_ANALYSIS["id"],
}]  # fmt: skip
A_PICTURE = [{
    "in": "path", "name": "name", "required": True, "example": "film.jpg",
    "description": Phrase(
        "film.jpg, mask.png, opacity.png, heat-MODEL.png or annotated-MODEL.jpg; an analysis names those that it has."
    ),
    "schema": {
        "type": "string",
        "pattern": r"^(film\.jpg|(mask|opacity)\.png|heat-[a-z0-9_-]+\.png|annotated-[a-z0-9_-]+\.(jpg|png))$",
    },
}]  # fmt: skip
A_NAME = [{
    "in": "path", "name": "name", "required": True, "description": Phrase("The name of a model."),
    "example": "covid_normal",
}]  # fmt: skip
BYTES = {"type": "string", "format": "binary"}
# OpenAPI links from the id in an answer to the operations that take it.
THE_ID = {"id": "$response.body#/id"}
LINKS = {
    "read": {"operationId": "readAnalysis", "parameters": THE_ID},
    "delete": {"operationId": "deleteAnalysis", "parameters": THE_ID},
    "film": {"operationId": "readPicture", "parameters": {**THE_ID, "name": "film.jpg"}},
}


def _route(**options: Any) -> Callable[[ROUTE], ROUTE]:
    """Return a decorator that documents a view at its route; web/api/routes.py serves it there."""

    def decorate(view: ROUTE) -> ROUTE:
        rule, method = ROUTES[view.__name__]
        api.route(rule, methods=[method], **options)(view)
        return view

    return decorate


class Form(TypedDict):
    """A form that schemas.AnalysisRequest has validated."""

    file: FileStorage
    model: str
    turn: int
    part: Part | None
    straighten: bool


@_route(tags=ANALYSES)
@api.doc(
    operationId="createAnalysis",
    summary=Phrase("Read one radiograph"),
    description=Phrase(
        "Takes a few tenths of a second for each radiograph, more on a small or busy host. The answer comes "
        "when all is done."
    ),
    requestBody={"content": {"multipart/form-data": {
        "encoding": {"file": {"contentType": "image/png, image/jpeg, application/dicom"}}
    }}},
    responses={201: {"links": LINKS}},
)  # fmt: skip
@api.arguments(schemas.AnalysisRequest, location=MULTIPART, error_status_code=400)
@api.response(
    201,
    schemas.Analysis,
    description=Phrase("What was found; the header Location holds its address."),
    example=document.EXAMPLE_ANALYSIS,
    headers={"Location": {"description": "Its address.", "schema": {"type": "string", "format": "uri"}}},
)
@refuses(401, 413, 415, 422, 429, 500, 503, 507)
def create_analysis(form: Form) -> tuple[Answer, dict[str, str]]:
    """Analyse the uploaded radiograph."""
    file = form["file"]
    name = forms.shown_name(file.filename or "")
    adjust = Adjustments(form["turn"], form["part"], form["straighten"])
    service, owner = services().analyses, tokens.owner()
    with service.turns:
        record = service.analyse(
            file.read(), name=name, choice=form["model"], owner=owner, sender=sender_group(), adjust=adjust
        )
    found = answers.analysis(record)
    return found, {"Location": found["url"]}


@_route(parameters=AN_ID, tags=ANALYSES)
@api.doc(operationId="readAnalysis", summary=Phrase("Read what was found"))
@api.response(200, schemas.Analysis, description=Phrase("What was found."), example=document.EXAMPLE_ANALYSIS)
@refuses(401, 404, 500, 503)
def read_analysis(id: str) -> Answer:
    """Return a stored analysis."""
    return answers.analysis(_own(id))


@_route(parameters=AN_ID, tags=ANALYSES)
@api.doc(operationId="deleteAnalysis", summary=Phrase("Delete it, with its pictures and its annotated copies"))
@api.response(204, description=Phrase("Nothing of it is left."))
@refuses(401, 404, 500, 503)
def delete_analysis(id: str) -> Response:
    """Delete an analysis."""
    services().analyses.remove(_own(id))
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


@_route(parameters=AN_ID + A_PICTURE, tags=ANALYSES)
@api.doc(
    operationId="readPicture",
    summary=Phrase("Fetch one of its pictures"),
    description=Phrase(
        "The radiograph, the lung mask, the opacity map and the heat maps have the same proportions: scale "
        "them to the same size to lay one over another. The mask has the size of the radiograph that was sent."
    ),
)
@api.response(200, BYTES, content_type="image/jpeg", description=Phrase("The picture."))
@api.response(200, BYTES, content_type="image/png", description=Phrase("The picture."))
@refuses(401, 404, 500, 503)
def read_picture(id: str, name: str) -> Response:
    """Send an image: the radiograph, the lung mask, a heat map as an overlay, or an annotated copy."""
    record = _own(id)
    content = services().analyses.picture(record, name) if name in answers.picture_names(record) else None
    if content is None:
        abort(404)
    return Response(content, mimetype="image/jpeg" if name.endswith(".jpg") else "image/png")


def _own(id: str) -> Record:
    """Return an analysis of the requesting owner; 404 for everybody else."""
    # Databases differ in how they treat NUL, invalid encodings and trailing spaces.
    record = services().analyses.records.get(id, tokens.owner()) if ID.fullmatch(id) else None
    if record is None:
        abort(404)
    return record


@_route(tags=MODELS)
@api.doc(operationId="listModels", summary=Phrase("List the models"))
@api.response(200, schemas.Models, description=Phrase("All models that can be asked."), example=document.EXAMPLE_MODELS)
@refuses(401, 500)
def list_models() -> Answer:
    """Return the facts of all models."""
    return {"models": [answers.model(facts) for facts in services().models.values()], "disclaimer": DISCLAIMER}


@_route(parameters=A_NAME, tags=MODELS)
@api.doc(operationId="readModel", summary=Phrase("Read the facts of one model"))
@api.response(200, schemas.Model, description=Phrase("Its facts."), example=document.EXAMPLE_MODEL)
@refuses(401, 404, 500)
def read_model(name: str) -> Answer:
    """Return the facts of one model."""
    facts = services().models.get(name)
    if facts is None:
        abort(404)
    return answers.model(facts)


@_route()
@api.doc(
    operationId="health", summary=Phrase("Check whether this instance is running; no token is needed"), security=[]
)
@api.response(200, schemas.Health, description=Phrase("It is running."), example=document.EXAMPLE_HEALTH)
@refuses(500)
def read_health() -> Answer:
    """Return the status of this instance and the versions of its models."""
    return {"status": "ok", "models": {name: facts.version for name, facts in services().models.items()}}


def openapi(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application, with its models and limits."""
    found = document.interface(app)
    found.register_blueprint(api)
    fields = found.spec.components.schemas["AnalysisRequest"]["properties"]
    fields["model"]["enum"] = [*forms.choices(app.extensions["xray"].analyses.analyzer.names)]
    fields["file"]["description"] = " ".join(words % values for words, values in document.limits(app)[:2])
    return dict(found.spec.to_dict())
