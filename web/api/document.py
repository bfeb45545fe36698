"""The OpenAPI document: the parts that flask-smorest cannot derive from the routes, and examples of answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from flask_smorest import Api, Blueprint

from web.api import problems, schemas, tokens
from web.api.answers import DISCLAIMER
from web.settings import MIB
from xray.errors import Phrase
from xray.io.limits import DEFAULT_LIMITS

VERSION = "1.0.0"
TOKEN = "token"  # noqa: S105  # the scheme's name
ROUTE = TypeVar("ROUTE", bound=Callable[..., Any])

# For each status: the name of the component and when it is answered.
REFUSALS = {
    400: ("BAD_REQUEST", Phrase("A field is missing, misspelt or unknown, or the file is not a whole picture.")),
    401: ("UNAUTHORIZED", Phrase("A token is needed here; none, or a wrong one, was sent.")),
    404: ("NOT_FOUND", Phrase("Not found, or it belongs to another token.")),
    413: ("TOO_LARGE", Phrase("Too many bytes, too many pixels or too many fields.")),
    415: ("UNSUPPORTED", Phrase("The request is not multipart/form-data, or the file no PNG, JPEG or DICOM picture.")),
    422: ("NO_CHEST", Phrase("The picture does not look like a frontal chest radiograph.")),
    429: ("TOO_MANY", Phrase("Too many radiographs came from this address; Retry-After says how long to wait.")),
    500: ("INTERNAL_SERVER_ERROR", Phrase("Something broke on the side of this site; nothing was kept.")),
    503: ("OUT_OF_REACH", Phrase("The analyses cannot be reached just now")),
    507: ("NO_ROOM", Phrase("There is no room left to keep the analysis; nothing was kept.")),
}
_HEADERS = {
    401: {"WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}},
}

# Answers, as a test compares them with real ones.
_EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "examples.json").read_text(encoding="utf-8"))
EXAMPLE_ANALYSIS: dict[str, Any] = _EXAMPLES["analysis"] | {"disclaimer": DISCLAIMER}
EXAMPLE_MODEL: dict[str, Any] = _EXAMPLES["model"]
EXAMPLE_MODELS: dict[str, Any] = {"models": [EXAMPLE_MODEL], "disclaimer": DISCLAIMER}
EXAMPLE_HEALTH: dict[str, Any] = {"status": "ok", "models": {"covid_normal": "2.0.0", "covid_pneumo": "2.0.0"}}


class Interface(Api):
    """The API of one application, with problem details for errors."""

    ERROR_SCHEMA = schemas.Problem
    # Every route names its statuses; a default would document any other status.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Leave errors to web/views/errors.py."""

    def _register_responses(self) -> None:
        for status, (name, words) in REFUSALS.items():
            answer = {"description": words, "content": {problems.MEDIA_TYPE: {"schema": schemas.Problem}}}
            headers = {"headers": _HEADERS[status]} if status in _HEADERS else {}
            self.spec.components.response(name, answer | headers, lazy=True)


def refuses(*statuses: int) -> Callable[[ROUTE], ROUTE]:
    """Return a decorator that documents the error statuses of a route."""

    def decorate(route: ROUTE) -> ROUTE:
        for status in statuses:
            route = Blueprint.alt_response(None, status, response=REFUSALS[status][0])(route)
        return route

    return decorate


def interface(app: Flask) -> Interface:
    """Return the API of an application, registered on an application that serves nothing but this document."""
    paper = Flask("document")
    paper.config.update(API_TITLE="Chest X-ray reader", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
    with app.app_context():
        token_needed = tokens.required()
    found = Interface(
        paper,
        spec_kwargs={
            "info": {"description": _description(app), "license": {"name": "MIT", "identifier": "MIT"}},
            "tags": [
                {"name": "analyses", "description": "Read films, and read again what was found."},
                {"name": "models", "description": "What can be asked."},
            ],
            **({"security": [{TOKEN: []}]} if token_needed else {}),
        },
    )
    found.spec.components.security_scheme(
        TOKEN,
        {
            "type": "http",
            "scheme": "bearer",
            "description": "One of XRAY_API_TOKENS, from whoever runs this site. An analysis belongs to the token "
            "that made it. Where no tokens are set none is asked, and whoever knows an analysis' id may open it.",
        },
    )
    return found


def limits(app: Flask) -> list[tuple[Phrase, dict[str, object]]]:
    """Return the limits of an application: sentences, each with its values."""
    config = app.config
    return [
        (
            Phrase("A request holds at most %(bytes)s bytes (%(mebibytes)s MiB) and one radiograph."),
            {"bytes": config["MAX_CONTENT_LENGTH"], "mebibytes": f"{config['MAX_CONTENT_LENGTH'] / MIB:g}"},
        ),
        (
            Phrase(
                "A radiograph is a PNG, JPEG or DICOM file of at most %(mebibytes)s MiB, with at most "
                "%(millions)s million pixels and at least %(side)s pixels a side."
            ),
            {
                "mebibytes": f"{DEFAULT_LIMITS.size_bytes / MIB:g}",
                "millions": f"{DEFAULT_LIMITS.pixels / 1e6:g}",
                "side": DEFAULT_LIMITS.min_side,
            },
        ),
        (
            Phrase(
                "An analysis is kept for %(days)s days, or until there are %(count)s newer ones. The file itself is "
                "not kept."
            ),
            {"days": config["KEEP_DAYS"], "count": config["KEEP_COUNT"]},
        ),
        (
            Phrase(
                "Radiographs that each process reads at the same time: %(pool)s. Further requests wait for their turn."
            ),
            {"pool": config["POOL_SIZE"]},
        ),
    ]


def _description(app: Flask) -> str:
    sentences = [f"- {words % values}" for words, values in limits(app)]
    return "\n".join(
        [
            f"Two small networks read frontal chest radiographs. **{DISCLAIMER}**",
            "",
            *sentences,
            "- Every error is a problem detail (RFC 9457, application/problem+json), at any address under /api/.",
            "- A method that an address does not answer to gets 405 with the header Allow.",
            "- No cookie is read or set, and no other site's pages may read the answers (no CORS).",
        ]
    )
