"""Lines for machines that collect logs: JSON, with the request that they belong to, and nobody's name or address."""

import json
import logging
import re
import time
import uuid
from datetime import UTC, datetime

from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-ID"
# What a proxy in front may call a request; anything else might be an attack on whoever reads the log.
_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")
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
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def number(app: Flask) -> None:
    """Give each request an id, which its answer and its log lines carry; log in JSON where that is asked for."""
    app.before_request(_begin)
    app.after_request(_name)
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


def _tell(response: Response) -> Response:
    # The rule, not the path: that holds names of copies and ids of analyses.
    rule = request.url_rule.rule if request.url_rule else None
    took = round(1000 * (time.perf_counter() - g.begun), 1) if "begun" in g else None
    facts = {"method": request.method, "route": rule, "status": response.status_code, "ms": took}
    log.info("answered", extra={"facts": facts})
    return response
