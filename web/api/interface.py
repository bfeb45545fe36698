"""Joins the programs' interface to an application."""

from typing import cast

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from web import forms
from web.analyses.store import StoreError
from web.api import document, owners, problems
from web.api.analyses import analyses
from web.api.document import PATH, Interface
from web.api.models import health, models
from web.api.multipart import MultipartBlueprint
from web.views.api_docs import page
from xray.errors import ImageError

api = MultipartBlueprint("api", __name__, url_prefix=PATH, description="The interface itself.")
api.register_error_handler(ImageError, problems.of_picture)
api.register_error_handler(StoreError, problems.of_store)
api.register_blueprint(analyses)
api.register_blueprint(models)
api.register_blueprint(health)


def register(app: Flask) -> None:
    """Give an application its interface for programs, the OpenAPI document, and the page to try it.

    Call it when the application's services stand: the document names its models.

    Raises:
        SettingError: API_TOKENS holds what cannot be a token.
    """
    owners.check(app.config["API_TOKENS"])
    # In the order that the schemas state: people read it too.
    cast(DefaultJSONProvider, app.json).sort_keys = False
    found = document.interface(app)
    found.register_blueprint(api)
    _state_what_is_taken(app, found)
    # A forged form of another site has nothing to gain: no cookie is read here, whoever's browser sends it.
    for blueprint in (api, analyses, models, health):
        app.extensions["csrf"].exempt(blueprint)
    app.register_blueprint(page)


def _state_what_is_taken(app: Flask, found: Interface) -> None:
    """Write into the document what only a running application knows."""
    fields = found.spec.components.schemas["AnalysisRequest"]["properties"]
    fields["model"]["enum"] = [*forms.choices(app.extensions["xray"].desk.analyzer.names)]
    fields["file"]["description"] = " ".join(words % values for words, values in document.limits(app)[:2])
