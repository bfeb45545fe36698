"""What keeps visitors apart and strangers out: the key, cookies, CSRF, headers, proxies."""

import logging
import os
import secrets
import tempfile
from pathlib import Path

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from web.api import PREFIX
from web.settings import SHORTEST_KEY, SettingError

log = logging.getLogger(__name__)

HEADERS = {
    # Everything from here, and nothing from anywhere else; blob: is a picture that the visitor has not sent yet.
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: over TLS the CSRF check wants to see where a form came from.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ONE_YEAR = 365 * 24 * 3600


class SchemeSessions(SecureCookieSessionInterface):
    """Sessions whose cookie is marked Secure wherever the page came by TLS, and still works on localhost.

    Under /api/ there are none: programs are known by their tokens, and a forged form of another site must not act
    in the name of the browser that sends it.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie, unless it is the programs' interface that is asked."""
        return self.session_class() if request.path.startswith(PREFIX) else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the cookie may travel by TLS only."""
        return bool(app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def protect(app: Flask) -> None:
    """Give the application its key, its cookie rules, its CSRF check, its headers and its view of proxies."""
    if app.config["SECRET_KEY"] is None:
        app.config["SECRET_KEY"] = secret_key(Path(app.config["INSTANCE_DIR"]))
    app.session_interface = SchemeSessions()
    CSRFProtect(app)
    app.after_request(_add_headers)
    if proxies := app.config["PROXIES"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask documents this very assignment
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )


def secret_key(folder: Path) -> str:
    """Read the key that signs the cookies, making it at the first start.

    It is kept in a file because all workers, and the next start, must share it.

    Args:
        folder: where `secret_key` lies, or will lie with mode 0600.

    Returns:
        The key; where the folder cannot be written, one that lives as long as this process, with a warning.

    Raises:
        SettingError: the file holds something too short to be a key.
    """
    path = folder / "secret_key"
    try:
        if not path.exists():
            _create_once(path, secrets.token_hex())
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        log.warning(
            "No secret key could be kept in %s (%s): forms will expire at every restart and differ between "
            "workers. Set XRAY_SECRET_KEY, or XRAY_INSTANCE_DIR to a folder that can be written.",
            folder,
            error.strerror,
        )
        return secrets.token_hex()
    if len(key) < SHORTEST_KEY:
        raise SettingError(
            f"{path}: expected at least {SHORTEST_KEY} characters, received {len(key)}. "
            "Delete the file; a new key is made at the next start."
        )
    return key


def _create_once(path: Path, content: str) -> None:
    """Write a private file whole, or leave the one that another worker wrote first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600 from its first moment
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content)
        # A link appears whole and never replaces: whichever worker comes first wins.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}"
    return response
