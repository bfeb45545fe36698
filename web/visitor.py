"""Who is asking: a browser that carries our signed cookie. No account, no name."""

import secrets

from flask import session

_KEY = "visitor"


def known() -> str | None:
    """Return this browser's token; None for one that was never given any."""
    found = session.get(_KEY)
    return found if isinstance(found, str) else None


def token() -> str:
    """Return this browser's token, giving it one at its first analysis."""
    found = known()
    if found is None:
        found = session[_KEY] = secrets.token_urlsafe(16)
        session.permanent = True
    return found
