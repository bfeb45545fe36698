"""Every refusal becomes a page that says what happened and leads back, or a problem detail for programs."""

import time

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError

from web.analyses.folders import FULL, StoreError
from web.api import problems
from web.settings import MIB

# A browser shows an answer only after it has sent its whole request: so listen on, within bounds.
DRAIN_BYTES = 256 * MIB
DRAIN_S = 20
CHUNK_BYTES = 64 * 1024


def register(app: Flask) -> None:
    """Give every HTTP error, a copy that cannot be saved, and a disk without room its page."""
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(StoreError, _not_saved)
    app.register_error_handler(OSError, _no_room)


def _refuse(error: HTTPException) -> Response:
    if problems.wanted():
        response = problems.of_http(error)
    elif isinstance(error, SecurityError):
        # A host name that is not ours: no address of a page can be made, and the sender is no visitor.
        return Response("This site does not answer to that host name.", 400, mimetype="text/plain")
    else:
        response = make_response(render_template("errors.html", status=error.code), error.code)
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Retry-After", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _too_large(error: RequestEntityTooLarge) -> Response:
    drain()
    return _refuse(error)


def _not_saved(error: StoreError) -> Response:
    current_app.logger.error("%s", error)
    return make_response(render_template("errors.html", status=error.status, not_saved=True), error.status)


def _no_room(error: OSError) -> Response:
    """Say so where the disk is full while an upload is received; any other such error is a bug like others."""
    if error.errno not in FULL:
        raise error
    full = StoreError(error)
    return problems.of_store(full) if problems.wanted() else _not_saved(full)


def drain() -> None:
    """Read and forget the rest of an upload that is refused unread."""
    left = min(request.content_length or 0, DRAIN_BYTES)
    deadline = time.monotonic() + DRAIN_S
    stream = request.environ["wsgi.input"]
    while left > 0 and time.monotonic() < deadline:
        chunk = stream.read(min(CHUNK_BYTES, left))
        if not chunk:
            return
        left -= len(chunk)
