"""Guests: a browser that opened a share link may look at one analysis for a while, and at nothing else."""

import time

from flask import Response, after_this_request, session

from web.analyses.records import Record
from web.analyses.shares import digest
from web.security import visitors
from web.services import services

_KEY = "shared"
# How long a guest may look before the link has to be opened again, and at how many analyses at the same time.
LOOK_S = 2 * 3600
MOST = 8
HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}


def admit(token: str) -> Record | None:
    """Let this browser look at what a link shows; None where the link has expired, was withdrawn, or never was."""
    record, now = services().shares.shown(digest(token)), time.time()
    if record:
        kept = {id: look for id, look in _looks().items() if look[1] > now and id != record.id}
        session[_KEY] = dict(list(kept.items())[1 - MOST :]) | {record.id: (digest(token), now + LOOK_S)}
    return record


def seen(id: str) -> Record:
    """Return an analysis that this browser may look at: its own, or what a link shows; else end the request.

    The database is asked each time, so a link that is withdrawn shows nothing more.

    Raises:
        Private: it may not.
        NotFound: no analysis has such an id.
    """
    return visitors.analysis(id) or _shared(id) or visitors.refuse(id)


def _shared(id: str) -> Record | None:
    hash, until = _looks().get(id, ("", 0.0))
    record = services().shares.shown(hash) if until > time.time() else None
    if record is None or record.id != id:
        return None
    after_this_request(hide)
    return record


def _looks() -> dict[str, tuple[str, float]]:
    """Return the links that this browser has opened, by analysis: the hash of each, and until when it may look."""
    return session.get(_KEY) or {}


def hide(response: Response) -> Response:
    """Keep a response out of caches and search engines, and its address from other pages."""
    response.headers.update(HEADERS)
    return response
