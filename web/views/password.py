"""One password for the whole application, for a class or a lab. Without the setting nobody is asked."""

import hmac
import os
from pathlib import Path
from unicodedata import normalize

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as AnyResponse

from web.api import PREFIX
from web.security.attempts import Attempts
from web.security.shared_attempts import counted
from web.views import errors
from web.views.way_back import way_back

password = Blueprint("password", __name__, url_prefix="/password")

_KEY = "password"
# What a visitor may see before: the way in and its language. Machines may ask for web.views.health.
_OPEN = frozenset({"password.ask", "password.enter", "language.choose"})


def guard(app: Flask) -> None:
    """Let an application ask for its password, before anything else looks at a request."""
    app.extensions["attempts"] = counted(app, "password")
    app.before_request(_stop)
    app.register_blueprint(password)
    app.context_processor(lambda: {"may_leave": asked() and _let_in()})


def asked() -> bool:
    """Tell whether this application has a password."""
    return bool(current_app.config["PASSWORD"])


@password.get("")
def ask() -> AnyResponse:
    """Ask for the password, or lead on whoever need not be asked."""
    after = request.args.get("next", "")
    if not asked() or _let_in():
        return redirect(way_back(after), 303)
    return _form(after)


@password.post("")
def enter() -> AnyResponse:
    """Let in whoever knows the password."""
    after, address = request.form.get("next", ""), request.remote_addr or ""
    if not asked():
        return redirect(way_back(after), 303)
    attempts: Attempts = current_app.extensions["attempts"]
    if wait := attempts.take(address):
        current_app.logger.warning("Too many passwords were tried from one address")
        answer = _form(after, _("Too many passwords were tried. Wait a few seconds, then try again."), 429)
        answer.headers["Retry-After"] = str(wait)
        return answer
    if not hmac.compare_digest(_bytes(request.form.get("password", "")), _bytes(current_app.config["PASSWORD"])):
        problem = _("That is not the password. Type it again, or ask whoever runs this site for it.")
        return _form(after, problem, 403)
    attempts.forgive(address)
    session[_KEY] = _proof()
    session.permanent = True
    return redirect(way_back(after), 303)


@password.post("/leave")
def leave() -> AnyResponse:
    """Ask this browser again from now on; its analyses stay its own."""
    session.pop(_KEY, None)
    answer = redirect(url_for("password.ask"), 303)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@password.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Offer the form anew, with a fresh token."""
    return _form(request.form.get("next", ""), _("The page had expired. Type the password once more."), 400)


def _form(after: str, problem: str | None = None, status: int = 200) -> AnyResponse:
    return Response(render_template("password.html", after=after, problem=problem), status)


def _stop() -> AnyResponse | None:
    """Lead to the form whoever must give the password first."""
    if not asked() or _is_open() or _let_in():
        return None
    # A browser looks at no answer before its upload is through.
    errors.drain()
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        abort(401)  # a page's script or picture: a form in its place would only puzzle it
    path = request.full_path if request.query_string else request.path
    # A form that was sent cannot be sent again by a link.
    after = path if request.method in ("GET", "HEAD") else None
    return redirect(url_for("password.ask", next=after), 303)


def _is_open() -> bool:
    if request.endpoint == "static":
        return not _is_copy((request.view_args or {}).get("filename", ""))
    # Programs have tokens, which web.api asks for.
    return request.endpoint in _OPEN or request.blueprint == "health" or request.path.startswith(PREFIX)


def _is_copy(file_name: str) -> bool:
    """Tell whether a file of static/ is an annotated copy, by whatever detour its address leads there."""
    path = safe_join(str(current_app.static_folder), file_name)
    folder = Path(current_app.config["ANALYSIS_DIR"])
    if path is None or not folder.is_dir() or not os.path.isfile(path):
        return False
    return os.path.samefile(os.path.dirname(path), folder)


def _let_in() -> bool:
    found = session.get(_KEY)
    return isinstance(found, str) and hmac.compare_digest(_bytes(found), _bytes(_proof()))


def _proof() -> str:
    """Return what a session holds that knew the password: another password, or another key, makes it worthless."""
    key = current_app.secret_key or ""
    return hmac.new(_bytes(key), b"password:" + _bytes(current_app.config["PASSWORD"]), "sha256").hexdigest()


def _bytes(text: str | bytes) -> bytes:
    """Return what is compared; keyboards differ in how they compose an accent."""
    return text if isinstance(text, bytes) else normalize("NFC", text).encode(errors="surrogatepass")
