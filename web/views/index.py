"""The first page with the form for one radiograph, its preview, what a refused file looks like, and the page about."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.examples import EXAMPLES
from web.forms import FormError
from web.i18n import in_words
from web.services import services
from web.translation import gettext
from xray.analysis import BOTH_MODELS
from xray.annotate.panels import thumbnail
from xray.errors import ImageError, NotAChestXrayError, TwoFilmsError
from xray.io.jpeg import encode_jpeg
from xray.io.limits import DEFAULT_LIMITS
from xray.quality.cautions import Caution
from xray.registry import PROMISED

PREVIEW_SIDE = 512
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# The choices of models that the form shows first.
FIRST = (BOTH_MODELS, *PROMISED)

blueprint = Blueprint("index", __name__)


@blueprint.get("/")
def index() -> AnyResponse:
    """Show the form."""
    return _form()


@blueprint.get("/about")
def about() -> str:
    """Show what the models can and cannot do."""
    return render_template("about.html", models=services().models, labels=services().labels, cautions=Caution)


@blueprint.post("/preview")
def preview() -> Response:
    """Return the file in the field `file` as a small JPEG, its own size in two headers; nothing is stored.

    For files that browsers cannot show: DICOM and 16-bit PNG. A refusal is plain text, in the words of the form.
    """
    try:
        with services().analyses.turns:
            upload = forms.read_file(request)
            if upload is None:
                raise FormError(forms.NO_FILE)
            picture = services().analyses.look(upload[1])
    except (FormError, ImageError) as error:
        return Response(in_words(error), error.status, mimetype="text/plain")
    height, width = picture.sent
    response = Response(encode_jpeg(thumbnail(picture.image, PREVIEW_SIDE)), mimetype="image/jpeg")
    response.headers["X-Picture-Width"], response.headers["X-Picture-Height"] = str(width), str(height)
    return response


@blueprint.app_errorhandler(FormError)
@blueprint.app_errorhandler(ImageError)
def refused(error: FormError | ImageError) -> AnyResponse:
    """Show the form again with the reason.

    For a radiograph on its side it is set to the turn that brings it upright; of two in one it offers one.
    """
    turn = None
    if isinstance(error, NotAChestXrayError) and error.turn:
        turn = (request.form.get("turn", 0, type=int) + error.turn) % 360
    return _form(
        in_words(error), error.status, turn=turn, parts=error.parts if isinstance(error, TwoFilmsError) else ()
    )


@blueprint.app_errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Show the form again, with a fresh token."""
    return _form(problem=gettext(forms.EXPIRED), status=400)


def _form(
    problem: str | None = None, status: int = 200, *, turn: int | None = None, parts: Sequence[str] = ()
) -> AnyResponse:
    """Show the form.

    Args:
        problem: why the last picture was refused.
        status: of the answer.
        turn: degrees clockwise that may make it readable; None if unknown.
        parts: which of two films in it may be read.
    """
    choices = services().choices
    page = render_template(
        "index.html",
        models={name: choices.pop(name) for name in FIRST if name in choices},
        more=choices,
        chosen=request.values.get("model"),
        turn=request.values.get("turn", "0") if turn is None else str(turn),
        offered_turn=turn,
        offered_parts=parts,
        straighten=request.values.get("straighten"),
        examples=EXAMPLES.values(),
        problem=problem,
        local=_is_local(),
        largest=min(current_app.config["MAX_CONTENT_LENGTH"], DEFAULT_LIMITS.size_bytes),
        limits=DEFAULT_LIMITS,
    )
    return Response(page, status)


def _is_local() -> bool:
    """Tell whether the visitor's browser seems to run on the computer that serves this page, by both addresses."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return {host, request.remote_addr or ""} <= LOOPBACK
