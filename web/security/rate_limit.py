"""How many films an address may send: as many at once as a batch has, and then so many a minute.

Each process counts for itself, or all together in Redis (XRAY_REDIS_URL). Behind a proxy that is not announced
(XRAY_PROXIES) all visitors are one address.
"""

from flask import Flask, current_app, request
from werkzeug.exceptions import TooManyRequests

from web.security.attempts import Attempts
from web.security.shared_attempts import counted
from web.views import errors
from xray.errors import Phrase, XrayError

TOO_MANY = Phrase(
    "So many films came from your address that others would have to wait. Wait a minute, then send it again."
)
# Where each request is a film. A form without JavaScript holds many: web.batch.intake counts them one by one.
FILMS = frozenset({"result.query", "index.preview", "batch.one", "api.create_analysis"})
_NAME = "films"


class RateError(XrayError):
    """A film came too soon; the message may be shown to its sender."""

    status = 429


def limit(app: Flask) -> None:
    """Let an application count its visitors' films, before anything else is done with a request."""
    per_minute = app.config["RATE_LIMIT"]
    if per_minute:
        app.extensions[_NAME] = counted(
            app, _NAME, at_once=app.config["BATCH_COUNT"] + per_minute, per_second=per_minute / 60
        )
    app.before_request(_stop)


def count() -> int:
    """Count a film of whoever asks: 0 if it may be read, else after how many seconds the next one may."""
    films: Attempts | None = current_app.extensions.get(_NAME)
    return films.take(request.remote_addr or "") if films else 0


def _stop() -> None:
    if request.method == "POST" and request.endpoint in FILMS and (wait := count()):
        # A browser looks at no answer before its upload is through.
        errors.drain()
        raise TooManyRequests(TOO_MANY, retry_after=wait)
