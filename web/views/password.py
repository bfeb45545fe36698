"""One password for the whole application, for a class or a lab; without the setting nobody is asked."""

import hmac
import secrets
from unicodedata import normalize

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from web.api import DOCUMENT, PREFIX, tokens
from web.security import rate_limit
from web.security.slow_uploads import drain
from web.services import services
from web.translation import gettext as _
from web.views.navigation import safe_address

blueprint = Blueprint("password", __name__, url_prefix="/password")

_KEY = "password"
# What is answered before the password: the form, its language and style. Machines may also ask web.views.health.
_OPEN = frozenset({"static", "password.ask", "password.enter", "language.choose"})


def init_app(app: Flask) -> None:
    """Ask the visitors of an application for its password, before anything else looks at a request."""
    app.before_request(_ask_first)
    app.context_processor(lambda: {"may_leave": required() and _is_inside()})


def required() -> bool:
    """Tell whether this application has a password."""
    return bool(current_app.config["PASSWORD"])


@blueprint.get("")
def ask() -> AnyResponse:
    """Show the form, or redirect whoever need not be asked."""
    after = request.args.get("next", "")
    if not required() or _is_inside():
        return redirect(safe_address(after), 303)
    return _form(after)


@blueprint.post("")
def enter() -> AnyResponse:
    """Let in whoever knows the password."""
    after = request.form.get("next", "")
    if not required():
        return redirect(safe_address(after), 303)
    if not hmac.compare_digest(_bytes(request.form.get("password", "")), _bytes(current_app.config["PASSWORD"])):
        problem = _("That is not the password. Type it again, or ask whoever runs this site for it.")
        return _form(after, problem, 403)
    rate_limit.forgive()
    id = secrets.token_hex()
    session[_KEY] = f"{id} {_proof(id)}"
    session.permanent = True
    return redirect(safe_address(after), 303)


@blueprint.post("/leave")
def leave() -> AnyResponse:
    """Log this browser out, and whoever has a copy of its cookie; its analyses stay its own."""
    if required() and _is_inside():
        id, _, _ = session.pop(_KEY).partition(" ")
        services().analyses.records.leave(id, current_app.permanent_session_lifetime)
    answer = redirect(url_for("password.ask"), 303)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@blueprint.errorhandler(TooManyRequests)
def too_many(error: TooManyRequests) -> AnyResponse:
    """Show the form to whoever guesses too fast; nothing was compared."""
    current_app.logger.warning("Too many passwords were tried from one address")
    problem = _("Too many passwords were tried. Wait a few seconds, then try again.")
    return _form(request.form.get("next", ""), problem, 429)


@blueprint.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Show the form with a fresh token."""
    return _form(request.form.get("next", ""), _("The page had expired. Type the password once more."), 400)


def _form(after: str, problem: str | None = None, status: int = 200) -> AnyResponse:
    return Response(render_template("password.html", after=after, problem=problem), status)


def _ask_first() -> AnyResponse | None:
    """Redirect to the form whoever must give the password first."""
    if not required() or _is_open() or _is_inside():
        return None
    if _KEY in session:
        del session[_KEY]  # else it would be renewed with the form
    drain()
    if request.headers.get("Sec-Fetch-Dest", "document") != "document":
        abort(401)  # a page's script or image, which the form would not replace
    path = request.full_path if request.query_string else request.path
    # A form that was sent cannot be sent again by a link.
    after = path if request.method in ("GET", "HEAD") else None
    return redirect(url_for("password.ask", next=after), 303)


def _is_open() -> bool:
    # Programs have tokens, which web.api asks for.
    if request.path.startswith(PREFIX):
        return request.path != DOCUMENT or tokens.known()
    return request.endpoint in _OPEN or request.blueprint == "health"


def _is_inside() -> bool:
    id, _, proof = str(session.get(_KEY, "")).partition(" ")
    if not proof or not hmac.compare_digest(_bytes(proof), _bytes(_proof(id))):
        return False
    if "left" not in g:
        g.left = services().analyses.records.has_left(id)
    return not g.left


def _proof(id: str) -> str:
    """Return what somebody's session holds beside its id: another password, or another key, makes it worthless."""
    key = current_app.secret_key or ""
    return hmac.new(_bytes(key), _bytes(f"password:{id}:{current_app.config['PASSWORD']}"), "sha256").hexdigest()


def _bytes(text: str | bytes) -> bytes:
    """Return what is compared; keyboards differ in how they compose an accent."""
    return text if isinstance(text, bytes) else normalize("NFC", text).encode(errors="surrogatepass")
