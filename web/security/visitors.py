"""Visitors: a browser is known by a random token in its signed session cookie; there are no accounts and no names."""

import secrets
from datetime import UTC, datetime
from typing import NoReturn

from flask import Flask, Response, abort, request, session
from werkzeug.exceptions import NotFound

from web.analyses.records import ID, Record
from web.services import services

_KEY, _DAY = "visitor", "day"


class Private(NotFound):
    """The address of an analysis that this browser may not see, or that is no more.

    The answer is the same for both, so that nobody learns which addresses hold an analysis: hence 404, not 403.
    """


def init_app(app: Flask) -> None:
    """Give the visitors of an application their tokens."""
    app.after_request(_welcome)


def known() -> str | None:
    """Return this browser's token; None if it has none yet."""
    found = session.get(_KEY)
    return found if isinstance(found, str) else None


def token() -> str:
    """Return this browser's token, giving it one if it has none."""
    found = known()
    if found is None:
        found = session[_KEY] = secrets.token_urlsafe(16)
        session.permanent = True
    return found


def analysis(id: str) -> Record | None:
    """Return this browser's analysis of that id; None if there is none, or it is somebody else's."""
    owner = known()
    return services().analyses.records.get(id, owner) if owner else None


def own(id: str) -> Record:
    """Return this browser's analysis, or end the request; see `refuse`."""
    return analysis(id) or refuse(id)


def refuse(id: str) -> NoReturn:
    """End a request for an analysis that this browser may not see.

    Raises:
        Private: it could be one.
        NotFound: no analysis has such an id.
    """
    if ID.fullmatch(id):
        raise Private
    abort(404)


def _welcome(response: Response) -> Response:
    """Give a browser its token with its first page, and renew the cookie once a day.

    Not with its first analysis: radiographs that are sent two at a time would each make a visitor. And not with
    images and files: the cookie of a late image would undo a choice that was made meanwhile.
    """
    if request.method == "GET" and response.status_code < 300 and response.mimetype == "text/html":
        token()
        today = datetime.now(UTC).date().toordinal()
        if session.get(_DAY) != today:
            session[_DAY] = today
            session.permanent = True
    return response
