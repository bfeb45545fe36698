"""The secret key, session cookies, CSRF protection, security headers and proxies."""

import os
import secrets
import tempfile
import time
from pathlib import Path

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_wtf.csrf import CSRFProtect
from itsdangerous import BadSignature, SignatureExpired
from werkzeug.middleware.proxy_fix import ProxyFix

from web.api import DOCUMENT, PREFIX
from web.settings import SHORTEST_KEY, SettingError

HEADERS = {
    # Everything from this site and nothing from elsewhere; blob: is an image that the visitor has not sent yet.
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: over TLS the CSRF check needs to see where a form came from.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ONE_YEAR = 365 * 24 * 3600


class SchemeSessions(SecureCookieSessionInterface):
    """Sessions whose cookie is Secure if the page came by TLS, and still works on localhost.

    Under /api/ there are none: programs are known by their tokens, and a form that another site forges must not act
    for the browser that sends it.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie, unless the request is for the API."""
        if _is_for_programs(request):
            return self.session_class()
        found = super().open_session(app, request)
        return found if found else self._from_the_future(app, request) or found

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the cookie; under /api/ none, nor does an answer depend on one."""
        if not _is_for_programs(request):
            super().save_session(app, session, response)

    def _from_the_future(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read a cookie that was signed in the future: the clock was set back, and its owner keeps their analyses."""
        serializer = self.get_signing_serializer(app)
        cookie = request.cookies.get(self.get_cookie_name(app))
        if serializer is None or not cookie:
            return None
        try:
            # Age 0: a cookie that has expired is older, and not read.
            serializer.loads(cookie, max_age=0)
        except SignatureExpired as error:
            if error.date_signed and error.payload and error.date_signed.timestamp() > time.time():
                return self.session_class(serializer.load_payload(error.payload))
        except BadSignature:
            pass
        return None

    def get_cookie_name(self, app: Flask) -> str:
        """Return a name that, by TLS, no neighbouring site can set, so that none can plant a visitor's token.

        Source:
            RFC 6265bis, section 4.1.3.2 (the prefix __Host-).
        """
        name = super().get_cookie_name(app)
        ours_alone = self.get_cookie_path(app) == "/" and not self.get_cookie_domain(app)
        return f"__Host-{name}" if ours_alone and self.get_cookie_secure(app) else name

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the cookie may be sent by TLS only."""
        return bool(app.config["SESSION_COOKIE_SECURE"]) or request.is_secure


def _is_for_programs(request: Request) -> bool:
    return request.path.startswith(PREFIX) and request.path != DOCUMENT


def init_app(app: Flask) -> None:
    """Give an application its key, its cookies, its CSRF protection, its headers and the proxies that it believes.

    Raises:
        SettingError: There is no key, and none can be made that would last.
    """
    if app.config["SECRET_KEY"] is None:
        if app.config["PUBLIC"]:
            raise SettingError(
                "XRAY_SECRET_KEY: expected a key, since PORT is set and others are served; received none. "
                "Make one with: python -c 'import secrets; print(secrets.token_hex())'"
            )
        app.config["SECRET_KEY"] = secret_key(Path(app.config["INSTANCE_DIR"]))
    app.session_interface = SchemeSessions()
    CSRFProtect(app)
    app.after_request(_add_headers)
    if proxies := app.config["PROXIES"]:
        # A host name that a visitor makes up would stand in the addresses of answers.
        hosts = proxies if app.config["TRUSTED_HOSTS"] else 0
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask documents this very assignment
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=hosts
        )


def secret_key(folder: Path) -> str:
    """Read the key that signs the cookies, or make it at the first start.

    It is stored in a file because all workers, and the next start, must share it.

    Args:
        folder: The folder of the file `secret_key`, which is made with mode 0600.

    Returns:
        The key.

    Raises:
        SettingError: The folder cannot be written, or the file's content is too short to be a key.
    """
    path = folder / "secret_key"
    try:
        if not path.exists():
            _create_once(path, secrets.token_hex())
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        # Not a key for each process: one worker would not accept the forms of another.
        raise SettingError(
            f"No secret key could be kept in {folder} ({error.strerror}). Set XRAY_SECRET_KEY, and XRAY_INSTANCE_DIR "
            "to a folder that can be written."
        ) from error
    if len(key) < SHORTEST_KEY:
        raise SettingError(
            f"{path}: expected at least {SHORTEST_KEY} characters, received {len(key)}. "
            "Delete the file; a new key is made at the next start."
        )
    return key


def _create_once(path: Path, content: str) -> None:
    """Write a private file atomically, or leave the one that another worker wrote first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600 from its first moment
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content)
        # A link is atomic and never replaces a file: the first worker wins.
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
