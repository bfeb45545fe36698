"""Who is asking: a browser that carries our signed cookie. No account, no name."""

import secrets
from datetime import UTC, datetime

from flask import Flask, abort, request, session

from web.analyses.record import Record
from web.api import PREFIX
from web.services import services

_KEY, _DAY = "visitor", "day"
# What is asked for beside a page.
_NO_PAGES = frozenset({"static", "result.annotated_copy", "result.picture", "explain.slide"})


def remember(app: Flask) -> None:
    """Let an application know its visitors again."""
    app.before_request(_welcome)


def known() -> str | None:
    """Return this browser's token; None for one that was never given any."""
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
    """Return this browser's analysis of that id; to everybody else there is none."""
    owner = known()
    return services().desk.records.get(id, owner) if owner else None


def own(id: str) -> Record:
    """Return this browser's analysis, or end the request: there is no such page."""
    found = analysis(id)
    if found is None:
        abort(404)
    return found


def _welcome() -> None:
    """Give a browser its token with its first page, and once a day let it keep it for longer.

    Not with its first analysis: films that are sent two at a time would each make a visitor. Not with every answer: a
    late picture's cookie would undo what was chosen meanwhile.
    """
    beside = request.endpoint in _NO_PAGES or request.blueprint == "health" or request.path.startswith(PREFIX)
    if request.method != "GET" or beside:
        return
    token()
    today = datetime.now(UTC).date().toordinal()
    if session.get(_DAY) != today:
        session[_DAY] = today
        session.permanent = True
