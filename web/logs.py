"""Logging: a request id for each request, JSON lines if asked for, and no names or addresses of visitors."""

import logging
import re
import time
import traceback
import uuid
from functools import partial
from types import TracebackType

from flask import Flask, Response, g, has_request_context, request
from flask.logging import default_handler
from pythonjsonlogger.json import JsonFormatter

HEADER = "X-Request-ID"
# What a proxy may call a request; anything else might be an attack on whoever reads the log.
_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"
log = logging.getLogger("web.requests")


def init_app(app: Flask) -> None:
    """Give each request an id, which its response and its log lines carry; log in JSON if LOG_FORMAT asks for it."""
    app.before_request(_begin)
    app.after_request(_add_id)
    app.logger.addFilter(scrub)
    app.log_exception = partial(_log_exception, app)  # type: ignore[method-assign]  # a method made to be replaced
    limiter = logging.getLogger("flask-limiter")  # says when Redis cannot be reached
    limiter.addHandler(default_handler)
    if app.config["LOG_FORMAT"] == "json":
        handler = json_handler()
        for logger in (app.logger, log, limiter):
            logger.handlers, logger.propagate = [handler], False
        log.setLevel(logging.INFO)
        app.after_request(_log_response)


def json_handler() -> logging.Handler:
    """Make a handler that writes one JSON object a line: time, level, logger, message, request id and extra fields."""
    handler = logging.StreamHandler()
    fields = {"levelname": "level", "name": "logger", "message": "message", "exc_info": "exception"}
    handler.setFormatter(JsonFormatter(["levelname", "name", "message"], rename_fields=fields, timestamp="time"))
    handler.addFilter(_add_request_id)
    handler.addFilter(scrub)
    return handler


def scrub(record: logging.LogRecord) -> bool:
    """Format a record's traceback without the paths that operating system errors name; formatters then take it over."""
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = "".join(_format_chain(record.exc_info[1])).rstrip("\n")
        record.exc_info = None
    return True


def _add_request_id(record: logging.LogRecord) -> bool:
    if has_request_context():
        record.request_id = g.get("request_id")
    return True


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
    g.begun = time.perf_counter()


def _add_id(response: Response) -> Response:
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
    return response


def _rule() -> str | None:
    """Return the request's rule, not its path, which holds names of copies and ids of analyses."""
    return request.url_rule.rule if request.url_rule else None


def _log_response(response: Response) -> Response:
    took = round(1000 * (time.perf_counter() - g.begun), 1) if "begun" in g else None
    fields = {"method": request.method, "route": _rule(), "status": response.status_code, "ms": took}
    log.info("answered", extra=fields)
    return response


def _log_exception(app: Flask, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
    app.logger.error("Exception on %s [%s]", _rule() or "no page of ours", request.method, exc_info=exc_info)


def _format_chain(error: BaseException) -> list[str]:
    """Format an error's traceback, after those of the errors that led to it, as Python does."""
    chain: list[list[str]] = []
    seen: set[int] = set()
    found: BaseException | None = error
    link = ""
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        frames = traceback.format_tb(found.__traceback__)
        head = ["Traceback (most recent call last):\n"] if frames else []
        chain.append([*head, *frames, *_message(found), link])
        link = f"\n{_CAUSE if found.__cause__ else _CONTEXT}\n\n"
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return [line for part in reversed(chain) for line in part]


def _message(error: BaseException) -> list[str]:
    if isinstance(error, OSError):
        # Its own message would go on with the path: that of a copy holds the name of a visitor's file.
        return [f"{type(error).__qualname__}: {error.strerror or '…'}\n"]
    return traceback.format_exception_only(error)
