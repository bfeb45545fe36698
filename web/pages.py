"""The pages: the form, the result, what it can and cannot do, and the health check."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import cv2
import numpy as np
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
    send_from_directory,
    url_for,
)
from flask_wtf.csrf import CSRFError
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.forms import FormError
from web.settings import MIB
from web.store import COPY_NAME, Store, StoreError
from xray.analysis import Analysis, Analyzer, Prediction
from xray.annotate import (
    LARGEST_PANEL,
    annotate,
    encode_jpeg,
    encode_png,
    heat_panel,
    radiograph_panel,
)
from xray.combined import combine
from xray.errors import ImageError
from xray.image import GreyImage
from xray.metadata import HeadFacts
from xray.registry import Registry
from xray.screen import Caution

pages = Blueprint("pages", __name__)


@dataclass(frozen=True)
class Services:
    """What the pages work with."""

    analyzer: Analyzer
    models: dict[str, HeadFacts]
    labels: dict[str, str]
    store: Store


@dataclass(frozen=True)
class Reading:
    """One model's part of the result page: what it said, its heat map as a data address, its saved copy."""

    prediction: Prediction
    heat: str
    copy: str


def serve(app: Flask, registry: Registry, store: Store) -> None:
    """Give the pages of an application its models and its folder of copies."""
    models = {name: head.facts for name, head in registry.heads.items()}
    labels = forms.labels({name: facts.title for name, facts in models.items()})
    app.extensions["xray"] = Services(Analyzer(registry), models, labels, store)


def _services() -> Services:
    return cast(Services, current_app.extensions["xray"])


@pages.app_template_filter("decimals")
def decimals(value: float) -> str:
    """Write a threshold with two decimals, or up to four where it has them."""
    return f"{value:.2f}" if round(value, 2) == round(value, 4) else f"{value:.4f}"


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
    services = _services()
    try:
        upload = forms.read(request, services.analyzer.names)
        analysis = services.analyzer.analyse(upload.data, services.analyzer.expand(upload.model))
    except (FormError, ImageError) as error:
        return _form_page(problem=str(error), status=error.status)
    when = datetime.now(UTC)
    page = render_template(
        "result.html",
        name=upload.name,
        when=when,
        inverted=analysis.inverted,
        cautions=analysis.cautions,
        combined=combine(analysis.predictions),
        readings=_readings(analysis, upload.name, when, services.store),
        original=_data_address(_shrunk(analysis.image)),
        lungs=_data_address(radiograph_panel(analysis)),
        labels=services.labels,
    )
    return Response(page)


@pages.get("/static/xray_analysis/<name>")
def annotated_copy(name: str) -> Response:
    """Send a saved copy, asking search engines and caches to forget it."""
    if not COPY_NAME.fullmatch(name):
        abort(404)
    response = send_from_directory(_services().store.folder, name)
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@pages.get("/about")
def about() -> str:
    """Say what the models can and cannot do."""
    services = _services()
    return render_template("about.html", models=services.models, labels=services.labels, cautions=Caution)


@pages.get("/healthz")
def healthz() -> Response:
    """Answer a host's question whether this instance serves, and with which models."""
    models = {name: facts.version for name, facts in _services().models.items()}
    return jsonify(status="ok", models=models)


@pages.app_errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Offer the form anew, with a fresh token."""
    return _form_page(problem=forms.EXPIRED, status=400)


def _form_page(problem: str | None = None, status: int = 200) -> AnyResponse:
    page = render_template(
        "index.html",
        labels=_services().labels,
        both=forms.BOTH,
        chosen=request.form.get("model"),
        problem=problem,
        limit_mib=current_app.config["MAX_CONTENT_LENGTH"] // MIB,
    )
    return Response(page, status)


def _readings(analysis: Analysis, name: str, when: datetime, store: Store) -> list[Reading]:
    """Draw and save each model's copy: all of them, or none when one cannot be written."""
    readings: list[Reading] = []
    try:
        for prediction in analysis.predictions:
            png = encode_png(annotate(analysis, prediction, file_name=name, when=when))
            copy = store.save(png, prediction.verdict, prediction.score, name)
            readings.append(Reading(prediction, _data_address(heat_panel(analysis, prediction)), copy))
    except StoreError:
        for reading in readings:
            store.remove(reading.copy)
        raise
    return readings


def _shrunk(image: GreyImage) -> GreyImage:
    """Scale a large picture down to the size of the drawn panels."""
    scale = LARGEST_PANEL / max(image.shape)
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _data_address(picture: GreyImage) -> str:
    """Put a picture into the page itself: no second request, and no file that outlives the visit."""
    return f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(picture)).decode()}"
