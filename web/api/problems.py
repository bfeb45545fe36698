"""Errors of the API as problem details.

Source:
    RFC 9457, Problem Details for HTTP APIs.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from flask import Response, current_app, request, url_for
from werkzeug.exceptions import HTTPException, TooManyRequests

from web.analyses.folders import StoreError
from web.api import PREFIX
from web.settings import MIB
from xray.errors import ImageError, ImageTooLargeError, NotAChestXrayError, Phrase, UnsupportedImageError

MEDIA_TYPE = "application/problem+json"
ABOUT_BLANK = "about:blank"  # RFC 9457, section 4.2.1: the status says it all


@dataclass(frozen=True)
class Kind:
    """A type of problem.

    Attributes:
        name: the fragment of its URI; the page of that address explains it.
        title: for people, always the same.
        statuses: of the answers with this type.
    """

    name: str
    title: Phrase
    statuses: tuple[int, ...]


INVALID = Kind("invalid-request", Phrase("The request is not as documented"), (400,))
UNREADABLE = Kind("unreadable-picture", Phrase("The file is not a whole picture"), (400,))
TOO_LARGE = Kind("picture-too-large", Phrase("The picture is too large"), (413,))
UNSUPPORTED = Kind("unsupported-picture", Phrase("The picture is of a kind that is not read"), (415,))
NO_CHEST = Kind("not-a-chest-x-ray", Phrase("The picture does not look like a frontal chest radiograph"), (422,))
NOT_KEPT = Kind("not-kept", Phrase("The analysis could not be saved"), (500, 503, 507))
KINDS = (INVALID, UNREADABLE, TOO_LARGE, UNSUPPORTED, NO_CHEST, NOT_KEPT)
_OF_PICTURES = {ImageTooLargeError: TOO_LARGE, UnsupportedImageError: UNSUPPORTED, NotAChestXrayError: NO_CHEST}
_DETAILS = {
    404: "There is nothing at this address. An analysis is gone once it was deleted or grew too old, and only the "
    "token that made it can see it.",
    405: "This address does not answer to that method; the header Allow names those that it answers to.",
    429: "Too many radiographs came from your address. The header Retry-After says how long.",
    500: "Something broke on our side, and nothing was kept. Try again in a moment.",
}
_NO_ROOM = "There is no room left on the disk, so nothing was kept. Whoever runs this site has to make room."
_OUT_OF_REACH = (
    "What keeps the analyses is busy or out of reach, so nothing new was kept and nothing old was lost. "
    "Try again in a moment."
)
_NO_FOLDER = "The folder of analyses cannot be written, so nothing was kept. Whoever runs this site has to mend it."


def wanted() -> bool:
    """Return whether the request is for the API."""
    return request.path.startswith(PREFIX)


def of_http(error: HTTPException) -> Response:
    """Return the problem of an HTTP error: a wrong address, method, media type, token or form."""
    status = error.code or 500
    # The validation messages of webargs, by field.
    found = getattr(error, "data", {}).get("messages", {})
    errors = [
        {"field": str(field), "detail": " ".join(messages)}
        for fields in found.values()
        for field, messages in fields.items()
    ]
    if errors:
        detail = " ".join(f"{each['field']}: {each['detail']}" for each in errors)
        return _answer(status, detail, INVALID, errors)
    told = error.description if type(error) is TooManyRequests else None  # not by the limit of radiographs
    detail = _too_large() if status == 413 else told or _DETAILS.get(status, error.description or "")
    return _answer(status, detail)


def of_picture(error: ImageError) -> Response:
    """Return the problem of a file that cannot be analysed."""
    kinds = (kind for error_class, kind in _OF_PICTURES.items() if isinstance(error, error_class))
    return _answer(error.status, str(error), next(kinds, UNREADABLE))


def of_store(error: StoreError) -> Response:
    """Return the problem of an analysis that cannot be stored; its cause is only logged."""
    current_app.logger.error("%s", error)
    return _answer(error.status, {503: _OUT_OF_REACH, 507: _NO_ROOM}.get(error.status, _NO_FOLDER), NOT_KEPT)


def _too_large() -> str:
    config = current_app.config
    return (
        f"Expected at most {config['MAX_CONTENT_LENGTH'] / MIB:g} MiB in all, {config['MAX_FORM_MEMORY_SIZE']} bytes "
        f"in what is no file, and {config['MAX_FORM_PARTS']} fields. Send the picture as a file, with a file name, and "
        "export it smaller if it is larger."
    )


def _answer(status: int, detail: str, kind: Kind | None = None, errors: list[dict[str, str]] | None = None) -> Response:
    page = url_for("api_docs.index", _external=True) if kind else ""
    problem = {
        "type": f"{page}#{kind.name}" if kind else ABOUT_BLANK,
        "title": kind.title if kind else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": quote(request.script_root + request.path, safe="/:@!$&'()*+,;=~"),
    }
    more = {"errors": errors} if errors else {}
    return Response(json.dumps(problem | more, ensure_ascii=False), status, mimetype=MEDIA_TYPE)
