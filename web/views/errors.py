"""Error pages: each says what happened and leads back; for programs a problem detail instead."""

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError, TooManyRequests

from web.analyses.folders import FULL, StoreError
from web.api import problems
from web.security import visitors
from web.security.slow_uploads import drain


def init_app(app: Flask) -> None:
    """Give every HTTP error, an analysis that cannot be stored, and a full disk its page."""
    app.register_error_handler(HTTPException, _refuse)
    app.register_error_handler(RequestEntityTooLarge, _refuse_upload)
    app.register_error_handler(TooManyRequests, _refuse_upload)
    app.register_error_handler(StoreError, _not_stored)
    app.register_error_handler(OSError, _disk_full)


def _refuse(error: HTTPException) -> Response:
    if problems.wanted():
        response = problems.of_http(error)
    elif isinstance(error, SecurityError):
        # The host name is not ours: no address of a page can be made, and the sender is no visitor.
        return Response("This site does not answer to that host name.", 400, mimetype="text/plain")
    else:
        private = isinstance(error, visitors.Private)
        response = make_response(render_template("errors.html", status=error.code, private=private), error.code)
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "WWW-Authenticate"):
            response.headers[name] = value
    return response


def _refuse_upload(error: HTTPException) -> Response:
    drain()
    return _refuse(error)


def _not_stored(error: StoreError) -> Response:
    current_app.logger.error("%s", error)
    return make_response(render_template("errors.html", status=error.status, not_saved=True), error.status)


def _disk_full(error: OSError) -> Response:
    """Answer an upload that fills the disk while it is received; any other such error is a bug like others."""
    if error.errno not in FULL:
        raise error
    full = StoreError(error)
    return problems.of_store(full) if problems.wanted() else _not_stored(full)
