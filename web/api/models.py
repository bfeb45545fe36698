"""The models that can be asked, and whether this instance serves."""

from flask import abort

from web.api import answers, examples, owners, schemas
from web.api.answers import DISCLAIMER, Answer
from web.api.document import refuses
from web.api.multipart import MultipartBlueprint
from web.services import services
from xray.errors import Phrase

models = MultipartBlueprint("models", __name__, url_prefix="/models")
models.before_request(owners.require)
health = MultipartBlueprint("health", __name__, url_prefix="/health")

A_NAME = [{
    "in": "path", "name": "name", "required": True, "description": Phrase("The name of a model."),
    "example": "covid_normal",
}]  # fmt: skip


@models.route("", tags=["models"])
@models.doc(operationId="listModels", summary=Phrase("List the models"))
@models.response(200, schemas.Models, description=Phrase("All models that can be asked."), example=examples.MODELS)
@refuses(401, 500)
def every() -> Answer:
    """Tell the facts of all models."""
    return {"models": [answers.model(facts) for facts in services().models.values()], "disclaimer": DISCLAIMER}


@models.route("/<name>", parameters=A_NAME, tags=["models"])
@models.doc(operationId="readModel", summary=Phrase("Read the facts of one model"))
@models.response(200, schemas.Model, description=Phrase("Its facts."), example=examples.MODEL)
@refuses(401, 404, 500)
def one(name: str) -> Answer:
    """Tell the facts of a model."""
    facts = services().models.get(name)
    if facts is None:
        abort(404)
    return answers.model(facts)


@health.route("")
@health.doc(operationId="health", summary=Phrase("Ask whether this instance serves; no token is needed"), security=[])
@health.response(200, schemas.Health, description=Phrase("It serves."), example=examples.HEALTH)
@refuses(500)
def ask() -> Answer:
    """Tell that this instance serves, and with which models."""
    return {"status": "ok", "models": {name: facts.version for name, facts in services().models.items()}}
