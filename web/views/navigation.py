"""What frames every page: its navigation, the choice of a language, and redirects back to where a form came from."""

from flask import Blueprint, Flask, redirect, request, session, url_for
from werkzeug.wrappers import Response

from web.translation import LANGUAGES, SESSION_KEY
from web.translation import gettext as _

blueprint = Blueprint("language", __name__)


def init_app(app: Flask) -> None:
    """Give the templates of an application their navigation."""
    app.context_processor(_navigation)


@blueprint.post("/language")
def choose() -> Response:
    """Remember the chosen language, and redirect to the page that it was chosen on."""
    wanted = request.form.get("language")
    if wanted in LANGUAGES:
        session[SESSION_KEY] = wanted
        session.permanent = True
    return redirect(safe_address(request.form.get("back", "")), 303)


def safe_address(address: str) -> str:
    r"""Return an address to redirect to: the given one if it is a path of this site, else the first page.

    Args:
        address: As it came, from whoever wrote the link or the form.

    Source:
        OWASP, Unvalidated Redirects and Forwards. Browsers read "//host" and "/\host" as another site, and leave
        out line breaks and tabs before they look.
    """
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours else url_for("index.index")


def _navigation() -> dict[str, object]:
    """Return the links by endpoint."""
    links = {
        "index.index": _("Analyse"),
        "batch.index": _("Batch"),
        "analyses.index": _("My analyses"),
        "models.index": _("Models"),
        "data.index": _("Data"),
        "explain.index": _("How it works"),
        "index.about": _("About"),
    }
    return {"links": links}
