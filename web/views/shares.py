"""Share links: its owner makes and withdraws them; whoever opens one looks at one analysis."""

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from web.analyses.records import Record
from web.analyses.shares import LONGEST_DAYS
from web.security import guests, rate_limit, visitors
from web.services import services
from web.translation import gettext as _

blueprint = Blueprint("shares", __name__)

_NEW = "new_link"


@blueprint.post("/analyses/<id>/shares")
def make(id: str) -> AnyResponse:
    """Make a link to an analysis of this browser; the next page shows it, once."""
    record, days = visitors.own(id), request.form.get("days", 0, type=int)
    if not 1 <= days <= LONGEST_DAYS:
        abort(400)
    if token := services().shares.make(record, days):
        session[_NEW] = (record.id, token)
    else:
        flash(_("One analysis can have no more links than these. Withdraw one first."))
    return _back(record.id)


@blueprint.post("/analyses/<id>/shares/<hash>")
def withdraw(id: str, hash: str) -> AnyResponse:
    """Withdraw a link: whoever looks by it sees nothing more from now on."""
    record = visitors.own(id)
    services().shares.withdraw(record.id, hash)
    return _back(record.id)


@blueprint.post("/analyses/<id>/cover")
def cover(id: str) -> AnyResponse:
    """Cover burnt-in text in the stored pictures of an analysis of this browser."""
    record = visitors.own(id)
    if record.text:
        services().analyses.cover_text(record)
        flash(_("The text is covered in the saved pictures. Look whether any is left before you share them."))
    return _back(record.id)


def new_link(record: Record) -> str | None:
    """Return the address of a link that was just made, once.

    The token stands after the #, which browsers do not send: so no log and no preview of a messenger gets it.
    """
    id, token = session.get(_NEW, ("", ""))
    if id != record.id:
        return None
    del session[_NEW]
    return f"{url_for('shares.enter', _external=True)}#{token}"


@blueprint.get("/shared")
def enter() -> AnyResponse:
    """Show the form that a link leads to; a script fills in what stands after the # and sends it."""
    return _form()


@blueprint.post("/shared")
def look() -> AnyResponse:
    """Redirect to the analysis that a link shows."""
    # People paste the whole link.
    token = request.form.get("link", "").strip().rpartition("#")[2]
    record = guests.admit(token)
    if record is None:
        return _form(
            _("This link shows nothing: it has expired, was withdrawn, or is incomplete. Ask for a new one."), 404
        )
    rate_limit.forgive()
    return redirect(url_for("result.show", id=record.id), 303)


@blueprint.errorhandler(TooManyRequests)
def too_many(error: TooManyRequests) -> AnyResponse:
    """Show the form to whoever tries too many; nothing was looked up."""
    current_app.logger.warning("Too many share links were tried from one address")
    return _form(_("Too many links were tried. Wait a few seconds, then try again."), 429)


@blueprint.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Show the form with a fresh token, or the analysis again."""
    if request.endpoint == "shares.look":
        return _form(_("The page had expired. Open the link once more."), 400)
    flash(_("The page had expired, so nothing was changed. Press the button once more."))
    return _back((request.view_args or {})["id"])


def _back(id: str) -> AnyResponse:
    return redirect(url_for("result.show", id=id, _anchor="share"), 303)


def _form(problem: str | None = None, status: int = 200) -> AnyResponse:
    answer = guests.hide(Response(render_template("shared.html", problem=problem), status))
    # Over TLS the check of the form needs to see where it came from; its address tells nothing.
    del answer.headers["Referrer-Policy"]
    return answer
