"""The page for programmers: the operations of the OpenAPI document, and a form to try one."""

import json
from collections.abc import Iterator
from typing import Any, cast

from flask import Blueprint, Flask, current_app, redirect, render_template, url_for
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response as AnyResponse

from web.api import DOCUMENT, problems, tokens
from web.services import services

blueprint = Blueprint("api_docs", __name__)

PYTHON = """{os}import requests

with open("film.png", "rb") as film:
    answer = requests.post("{address}", files={{"file": film}}{token}, timeout=60)
answer.raise_for_status()
found = answer.json()
print(found["finding"])
for each in found["verdicts"]:
    print(each["model"], each["finding"], each["verdict"], each["score"])
"""
# What stands for {name} in the command of an operation.
NAMES = {"readPicture": "film.jpg", "readModel": "covid_normal"}


@blueprint.get("/api")
def index() -> str:
    """Show the page."""
    from web.api import document  # late, see web/api/routes.py

    spec = _openapi()
    return render_template(
        "api_docs.html",
        operations=list(operations(spec)),
        python=PYTHON.format(
            address=url_for("api.create_analysis", _external=True),
            token=", headers={'Authorization': 'Bearer ' + os.environ['TOKEN']}" if tokens.required() else "",
            os="import os\n\n" if tokens.required() else "",
        ),
        kinds=problems.KINDS,
        limits=document.limits(current_app),
        token_asked=tokens.required(),
        choices=services().choices,
    )


@blueprint.get(DOCUMENT)
def openapi() -> AnyResponse:
    """Send the OpenAPI document."""
    return current_app.response_class(json.dumps(_openapi(), indent=2), mimetype="application/json")


@blueprint.get("/api/")
def with_a_slash() -> AnyResponse:
    """Redirect to the page."""
    return redirect(url_for("api_docs.index"), 301)


def _openapi() -> dict[str, Any]:
    """Return the OpenAPI document, made once."""
    made = current_app.extensions.setdefault("xray-openapi", {})
    if not made:
        from web.api import resources  # late, see web/api/routes.py

        made.update(resources.openapi(cast(LocalProxy[Flask], current_app)._get_current_object()))
    return cast(dict[str, Any], made)


def operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of an OpenAPI document, each with `method`, `path`, `answers` and the command `curl`."""
    for path, methods in spec["paths"].items():
        for method in ("get", "post", "delete"):
            if operation := methods.get(method):
                yield operation | {
                    "method": method.upper(),
                    "path": path,
                    "parameters": methods.get("parameters", []),
                    "answers": list(_answers(operation["responses"], spec["components"]["responses"])),
                    "curl": _curl(method.upper(), path, operation),
                }


def _answers(responses: dict[str, Any], refusals: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield status, description and media types of each answer."""
    for status, answer in sorted(responses.items()):
        found = refusals[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        yield status, found["description"], ", ".join(found.get("content", ()))


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    """Return the command of an operation, with this site's address."""
    words = ["curl"]
    if method == "DELETE":
        words.append("-X DELETE")
    if tokens.required() and operation.get("security") != []:
        words.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in operation:
        words.append("-F file=@film.png")
    if operation["operationId"] == "readPicture":
        words.append("-o film.jpg")
    name = NAMES.get(operation["operationId"], "")
    address = url_for("index.index", _external=True).rstrip("/") + path.replace("{id}", "$ID").replace("{name}", name)
    return " ".join([*words, f'"{address}"'])
