"""What is logged: with its request, as JSON where machines collect it, and without anybody's name or address."""

import json
import logging
import re
import time
import traceback
import uuid
from datetime import UTC, datetime
from functools import partial
from types import TracebackType

from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-ID"
# What a proxy in front may call a request; anything else might be an attack on whoever reads the log.
_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
_BECAUSE = "The above exception was the direct cause of the following exception:"
_MEANWHILE = "During handling of the above exception, another exception occurred:"
log = logging.getLogger("web.requests")


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, and the request's id where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if has_request_context():
            line["request_id"] = g.get("request_id")
        if record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def number(app: Flask) -> None:
    """Give each request an id, which its answer and its log lines carry; log in JSON where that is asked for."""
    app.before_request(_begin)
    app.after_request(_name)
    app.logger.addFilter(_tell_no_names)
    app.log_exception = partial(_log_exception, app)  # type: ignore[method-assign]  # a method made to be replaced
    if app.config["LOG_FORMAT"] == "json":
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        for logger in (app.logger, log):
            logger.handlers, logger.propagate = [handler], False
        log.setLevel(logging.INFO)
        app.after_request(_tell)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
    g.begun = time.perf_counter()


def _name(response: Response) -> Response:
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
    return response


def _rule() -> str | None:
    """Return the request's rule, not its path: that holds names of copies and ids of analyses."""
    return request.url_rule.rule if request.url_rule else None


def _log_exception(app: Flask, exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None]) -> None:
    app.logger.error("Exception on %s [%s]", _rule() or "no page of ours", request.method, exc_info=exc_info)


def _tell_no_names(record: logging.LogRecord) -> bool:
    """Write a traceback beforehand, as every formatter takes it over, without the paths that the system names."""
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = "".join(_traced(record.exc_info[1])).rstrip("\n")
    return True


def _traced(error: BaseException) -> list[str]:
    """Write an error's traceback, and first those of the errors that led to it, as Python does."""
    chain: list[list[str]] = []
    seen: set[int] = set()
    found: BaseException | None = error
    link = ""
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        frames = traceback.format_tb(found.__traceback__)
        head = ["Traceback (most recent call last):\n"] if frames else []
        chain.append([*head, *frames, *_words(found), link])
        link = f"\n{_BECAUSE if found.__cause__ else _MEANWHILE}\n\n"
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return [line for part in reversed(chain) for line in part]


def _words(error: BaseException) -> list[str]:
    if isinstance(error, OSError):
        # Its own words would go on with the path: a copy's holds the name of a visitor's file.
        return [f"{type(error).__qualname__}: {error.strerror or '…'}\n"]
    return traceback.format_exception_only(error)


def _tell(response: Response) -> Response:
    rule = _rule()
    took = round(1000 * (time.perf_counter() - g.begun), 1) if "begun" in g else None
    facts = {"method": request.method, "route": rule, "status": response.status_code, "ms": took}
    log.info("answered", extra={"facts": facts})
    return response
