"""The page for programmers: what the OpenAPI document says, for people, and a form to try it."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response as AnyResponse

from web.api import document, problems, tokens
from web.services import services

blueprint = Blueprint("api_docs", __name__)

METHODS = ("get", "post", "delete")


@dataclass(frozen=True)
class Operation:
    """One operation, as the page shows it.

    Attributes:
        id: its name in the document.
        method: such as GET.
        path: with {names} where parameters stand.
        summary: what it does.
        description: more about it, or nothing.
        parameters: those of the path, as the document has them.
        answers: status, description and media types of each answer.
        curl: the command that calls it.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    answers: list[tuple[str, str, str]]
    curl: str


@blueprint.get("/api")
def index() -> str:
    """Show the interface for programs."""
    return render_template(
        "api_docs.html",
        operations=operations(),
        kinds=problems.KINDS,
        limits=document.limits(current_app),
        token_asked=tokens.required(),
        choices=services().choices,
    )


@blueprint.get("/api/")
def with_a_slash() -> AnyResponse:
    """Lead to the page."""
    return redirect(url_for("api_docs.index"), 301)


def operations() -> list[Operation]:
    """List what the OpenAPI document holds."""
    spec = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    refusals = spec["components"]["responses"]
    return [
        Operation(
            id=found["operationId"],
            method=method.upper(),
            path=path,
            summary=found["summary"],
            description=found.get("description", ""),
            parameters=paths.get("parameters", []),
            answers=[_answer(status, each, refusals) for status, each in sorted(found["responses"].items())],
            curl=_curl(method.upper(), path, found),
        )
        for path, paths in spec["paths"].items()
        for method, found in paths.items()
        if method in METHODS
    ]


def _answer(status: str, answer: dict[str, Any], refusals: dict[str, Any]) -> tuple[str, str, str]:
    found = refusals[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
    return status, found["description"], ", ".join(found.get("content", ()))


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    """Write the command of an operation, with this site's own address."""
    words = ["curl"]
    if method == "DELETE":
        words.append("-X DELETE")
    if tokens.required() and operation.get("security") != []:
        words.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in operation:
        words.append("-F file=@film.png -F model=both")
    if operation["operationId"] == "readPicture":
        words.append("-o film.jpg")
    address = url_for("index.index", _external=True).rstrip("/") + path.replace("{id}", "$ID")
    return " ".join([*words, f'"{address.replace("{name}", _NAMES.get(operation["operationId"], ""))}"'])


_NAMES = {"readPicture": "film.jpg", "readModel": "covid_normal"}
