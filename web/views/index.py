"""The pages that everybody may see: the form, the result of one film, and what the models can."""

from flask import (
    Blueprint,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.examples import EXAMPLES
from web.forms import FormError
from web.i18n import in_words
from web.security import visitors
from web.services import services
from web.views import result
from web.views.pictures import sent
from xray.errors import ImageError, NotAChestXrayError
from xray.io.limits import DEFAULT_LIMITS
from xray.quality.out_of_distribution import Caution

pages = Blueprint("pages", __name__)


@pages.get("/")
def index() -> AnyResponse:
    """Show the form."""
    return _form_page()


@pages.get("/query")
def query_without_a_picture() -> AnyResponse:
    """Lead to the form: nobody's result waits at this address for the next visitor."""
    return redirect(url_for("pages.index"), 303)


@pages.post("/query")
def query() -> AnyResponse:
    """Read the picture and show what the models say."""
    desk = services().desk
    try:
        upload = forms.read(request, desk.analyzer.names)
        record = desk.read(upload.data, name=upload.name, choice=upload.model, owner=visitors.token(), turn=upload.turn)
    except NotAChestXrayError as error:
        # What would bring this film upright, on top of what its sender asked for.
        asked = request.form.get("turn", 0, type=int)
        return _form_page(problem=in_words(error), status=error.status, turn=(asked + error.turn) % 360)
    except (FormError, ImageError) as error:
        return _form_page(problem=in_words(error), status=error.status)
    return Response(result.page(record))


@pages.get("/static/xray_analysis/<name>")
def annotated_copy(name: str) -> Response:
    """Send a saved copy, asking search engines and caches to forget it."""
    response = sent(services().desk.store.open(name), name, tag=name)
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@pages.get("/about")
def about() -> str:
    """Say what the models can and cannot do."""
    return render_template("about.html", models=services().models, labels=services().labels, cautions=Caution)


@pages.app_errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Offer the form anew, with a fresh token."""
    return _form_page(problem=gettext(forms.EXPIRED), status=400)


def _form_page(problem: str | None = None, status: int = 200, turn: int | None = None) -> AnyResponse:
    page = render_template(
        "index.html",
        choices=services().choices,
        chosen=request.values.get("model"),
        turn=str(turn) if turn is not None else request.values.get("turn", "0"),
        examples=EXAMPLES.values(),
        problem=problem,
        largest=min(current_app.config["MAX_CONTENT_LENGTH"], DEFAULT_LIMITS.size_bytes),
        limits=DEFAULT_LIMITS,
    )
    return Response(page, status)
