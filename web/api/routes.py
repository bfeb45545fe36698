"""The routes of /api/v1, and what all of them share.

What answers them is imported with the first request for one of them: it takes a tenth of a second, and most instances
serve pages alone.
"""

from collections.abc import Callable
from typing import cast

from flask import Blueprint, Flask, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue

from web.analyses.folders import StoreError
from web.api import PATH, ROUTES, problems, tokens
from xray.errors import ImageError

blueprint = Blueprint("api", __name__, url_prefix=PATH)
blueprint.register_error_handler(ImageError, problems.of_picture)
blueprint.register_error_handler(StoreError, problems.of_store)


def init_app(app: Flask) -> None:
    """Register the routes.

    Raises:
        SettingError: API_TOKENS holds an unusable token.
    """
    tokens.check(app.config["API_TOKENS"])
    # People read the answers too: keep the order of the schemas.
    cast(DefaultJSONProvider, app.json).sort_keys = False
    app.register_blueprint(blueprint)
    # No cookie is read here, so there is nothing to forge.
    app.extensions["csrf"].exempt(blueprint)


@blueprint.before_request
def require_token() -> None:
    """Refuse a request without a token where one is required; health is open to every probe."""
    if request.endpoint != "api.read_health":
        tokens.require()


def _imported_late(name: str) -> Callable[..., ResponseReturnValue]:
    def view(**values: str) -> ResponseReturnValue:
        from web.api import resources

        return cast(ResponseReturnValue, getattr(resources, name)(**values))

    return view


for _name, (_rule, _method) in ROUTES.items():
    blueprint.add_url_rule(_rule, _name, _imported_late(_name), methods=[_method])
