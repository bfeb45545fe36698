"""Bearer tokens: a program sees the analyses of its token, or, where no tokens are set, those whose id it knows."""

import hashlib
import re
import secrets

from flask import current_app, request
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests, Unauthorized

from web.security import rate_limit
from web.security.slow_uploads import drain
from web.settings import SettingError

ANYBODY = "api"
# What may follow "Bearer", too long to be guessed.
# Source: RFC 6750, section 2.1.
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")
# A random token of 16 letters and digits has some 14 different ones; a word that is repeated has few.
LEAST_VARIETY = 8


def check(setting: str) -> None:
    """Check the setting XRAY_API_TOKENS: tokens that can be sent and are too long to be guessed.

    Raises:
        SettingError: a token is unusable; the message names its position, never the token.
    """
    for place, token in enumerate(_split(setting), 1):
        if not TOKEN.fullmatch(token) or len(set(token)) < LEAST_VARIETY:
            raise SettingError(
                "XRAY_API_TOKENS: expected tokens of at least 16 letters, digits or -._~+/, of which "
                f"{LEAST_VARIETY} differ, with commas between them. Received something else as number {place}. "
                "Make one with: python -c 'import secrets; print(secrets.token_urlsafe())'"
            )


def required() -> bool:
    """Return whether programs need a token: where tokens are set, or a password guards the pages."""
    return bool(_split(current_app.config["API_TOKENS"]) or current_app.config["PASSWORD"])


def owner() -> str:
    """Return the owner of the analyses that this request may create and read.

    Raises:
        Unauthorized: a token is required, and none or a wrong one came.
        TooManyRequests: too many wrong ones came from this sender; nothing was compared.
    """
    if not required():
        return ANYBODY
    tokens, given = _split(current_app.config["API_TOKENS"]), _given()
    if given and rate_limit.guessed_too_often():
        raise TooManyRequests("Too many wrong tokens came from your address. Wait a few seconds, then try again.")
    if known():
        return _digest(given)
    if given:
        rate_limit.note_guess()
    if not tokens:
        detail = "This site asks for a password, and programs for a token; whoever runs it has to set XRAY_API_TOKENS."
    else:
        detail = "Expected the header 'Authorization: Bearer TOKEN' with a token that whoever runs this site gave you."
    error = {"error": "invalid_token"} if given else {}  # RFC 6750, section 3.1: no error code where no token came
    raise Unauthorized(detail, www_authenticate=WWWAuthenticate("bearer", {"realm": "Chest X-ray reader", **error}))


def known() -> bool:
    """Return whether the request carries one of this application's tokens."""
    digest = _digest(_given())
    # All are compared, each in constant time, so that the time tells nothing about them.
    right = [secrets.compare_digest(digest, _digest(token)) for token in _split(current_app.config["API_TOKENS"])]
    return any(right)


def require() -> None:
    """Refuse a request without a token where one is required."""
    try:
        owner()
    except (Unauthorized, TooManyRequests):
        drain()
        raise


def _given() -> str:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _split(setting: str) -> list[str]:
    return [token.strip() for token in setting.split(",") if token.strip()]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
