"""Batches: files sent one by one by the page's script, or, without JavaScript, all in one form."""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import IO

from flask import Blueprint, Response, current_app, jsonify, render_template, request, stream_template, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from web import forms
from web.batch import downloads, uploads
from web.batch import table as batch_table
from web.batch.table import Row, RowsError
from web.forms import FormError
from web.i18n import in_words
from web.render.findings import finding_words
from web.security import visitors
from web.security.slow_uploads import drain
from web.services import services
from web.settings import MIB
from web.translation import gettext as _
from xray import combined
from xray.errors import Phrase
from xray.finding import possible
from xray.io import zips
from xray.io.storage import is_hidden
from xray.io.zips import Sent

blueprint = Blueprint("batch", __name__, url_prefix="/batch")

CLASSIFY, MASK, SHOW = FUNCTIONS = ("classify", "mask", "show")
# Of the list of rows that the page sends back: some hundred bytes for each file.
LIST_BYTES = 4 * MIB
# Form fields beside the files.
FIELDS = 16

NO_FILES = Phrase("No pictures came with the form. Choose some files, a folder or a zip, then press Start.")
UNKNOWN_FUNCTION = Phrase("That function is not known here. Choose one from the form.")
TOO_LARGE = Phrase(
    "Expected at most %(limit)s files with %(size)s MiB in all, received more. Please send them in parts, or switch "
    "JavaScript on: then they are sent one by one."
)
TOO_LARGE_ONE = Phrase("Expected at most %(size)s MiB, received more. Please send a smaller export.")
EXPIRED = Phrase("The page had expired, so nothing was read. Load it again, and start again.")
NOTHING_LEFT = Phrase("These analyses no longer exist, so there is nothing to download.")


@blueprint.url_value_preprocessor
def make_room(endpoint: str | None, values: object) -> None:
    """Raise the limits of the forms that carry many files, before the form is parsed."""
    if endpoint == uploads.ENDPOINT:
        request.max_content_length = current_app.config["BATCH_CONTENT_LENGTH"]
        request.max_form_parts = current_app.config["BATCH_COUNT"] + FIELDS
    elif endpoint in ("batch.table", "batch.download"):
        request.max_form_memory_size = LIST_BYTES


@blueprint.get("")
def index() -> AnyResponse:
    """Show the form."""
    return _page()


@blueprint.post("/one")
def one() -> AnyResponse:
    """Analyse one file of a batch and return its row of the table, analysed or refused."""
    function, choice = _asked()
    file = request.files.get("file")
    if file is None or not file.filename:
        raise FormError(NO_FILES)
    path, owner = request.form.get("path") or file.filename, visitors.token()
    with services().analyses.turns:
        row = uploads.read(Sent(path, file.read()), choice, owner)
    record = row.record
    return jsonify(
        file=row.file,
        error=row.error,
        id=record.id if record else "",
        verdict=record.verdict if record else "",
        thumbnail=url_for("result.picture", id=record.id, name="thumb.jpg") if record else "",
        row=render_template("_batch_row.html", row=row, **_columns(function, choice)),
    )


@blueprint.post("")
def many() -> AnyResponse:
    """Analyse all files of one form, and stream each row as soon as it is done."""
    function, choice = _asked()
    files = [(str(file.filename), file) for file in request.files.getlist("file") if file.filename]
    files = [(path, file) for path, file in files if not is_hidden(path)]
    limit = current_app.config["BATCH_COUNT"]
    if not files:
        raise FormError(NO_FILES)
    if len(files) > limit:
        raise FormError(zips.TOO_MANY_AT_ONCE, limit=limit, count=len(files))
    done: list[Row] = []
    shown = uploads.read_all([(path, _kept(file)) for path, file in files], choice, visitors.token(), done)
    page = stream_template(
        "batch.html",
        shown=shown,
        packed=lambda: batch_table.pack(done),
        streams=True,
        asked={},
        **_columns(function, choice),
    )
    # Some proxies would buffer the whole answer.
    return Response(page, headers={"X-Accel-Buffering": "no"})


@blueprint.post("/table")
def table() -> AnyResponse:
    """Show the table of a finished batch, sorted and filtered as asked."""
    return _table(_rows(), *_asked())


@blueprint.post("/download")
def download() -> AnyResponse:
    """Send the table of a batch as CSV, or images of one kind as a zip."""
    rows, (function, choice) = _rows(), _asked()
    what, service = request.form.get("what", ""), services().analyses
    text = batch_table.as_csv(rows, service.analyzer.expand(choice)).encode()
    if what not in downloads.KINDS:
        return _attached([text], "text/csv", "batch.csv")
    if not any(row.record for row in rows):
        return _table(rows, function, choice, problem=_(NOTHING_LEFT))
    files = chain([("README.txt", _about(what).encode()), ("table.csv", text)], downloads.files(what, rows, service))
    return _attached(downloads.write(files), "application/zip", f"{what}.zip")


@blueprint.errorhandler(FormError)
@blueprint.errorhandler(RowsError)
def refused(error: FormError | RowsError) -> AnyResponse:
    """Show why the form was refused."""
    return _problem(in_words(error), error.status, request.form)


@blueprint.errorhandler(CSRFError)
def expired(error: CSRFError) -> AnyResponse:
    """Show the form again, with a fresh token."""
    return _problem(_(EXPIRED), 400)


@blueprint.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> AnyResponse:
    """Show how much can be sent at once."""
    drain()
    config = current_app.config
    if request.endpoint == "batch.one":
        return _problem(_(TOO_LARGE_ONE, size=config["MAX_CONTENT_LENGTH"] // MIB), 413)
    return _problem(_(TOO_LARGE, limit=config["BATCH_COUNT"], size=config["BATCH_CONTENT_LENGTH"] // MIB), 413)


def _asked() -> tuple[str, str]:
    """Return the function and the models that the form asks for."""
    function, choice = request.form.get("function", ""), request.form.get("model", "")
    if function not in FUNCTIONS:
        raise FormError(UNKNOWN_FUNCTION)
    if choice not in forms.choices(services().analyses.analyzer.names):
        raise FormError(forms.UNKNOWN_MODEL)
    return function, choice


def _rows() -> list[Row]:
    """Return the rows of the list that the page sends back."""
    most = current_app.config["BATCH_COUNT"]
    text = request.form.get("rows", "")
    return batch_table.unpack(text, services().analyses.records, visitors.known(), gone=_(batch_table.GONE), most=most)


def _kept(file: FileStorage) -> IO[bytes]:
    """Return the content of a file, detached so that Flask does not close it before the answer has streamed."""
    content, file.stream = file.stream, io.BytesIO()
    return content


def _columns(function: str, choice: str) -> dict[str, object]:
    """Return what the templates need for the head and the rows of the table."""
    models, labels = services().analyses.analyzer.expand(choice), services().labels
    sortable = [("file", _("File"))]
    if function == MASK:
        sortable.append(("lungs", _("Lungs")))
    elif function == SHOW:
        sortable += [(batch_table.heat(model), labels[model]) for model in models]
    else:
        sortable += [("finding", _("Together"))] if set(models) >= set(combined.MODELS) else []
        sortable += [(model, labels[model]) for model in models]
    heads = [services().models[name] for name in models]
    return {
        "function": function,
        "choice": choice,
        "columns": models,
        "labels": labels,
        "choices": services().choices,
        "sortable": sortable,
        "passing": [(each, finding_words(each, heads[0])) for each in possible(heads)],
        "blank": Row(""),
        "zips": zips,
    }


def _table(rows: Sequence[Row], function: str, choice: str, problem: str = "") -> AnyResponse:
    form = request.form
    models = services().analyses.analyzer.expand(choice)
    asked = {name: form.get(name, "") for name in ("by", "kind", "text")}
    shown = batch_table.arranged(rows, models, down=form.get("down") == "1", **asked)
    columns = _columns(function, choice)
    return _page(200, shown=shown, packed=lambda: batch_table.pack(rows), problem=problem, asked=form, **columns)


def _page(status: int = 200, **values: object) -> AnyResponse:
    values = {"asked": {}, **_columns(CLASSIFY, forms.BOTH), **values}
    return Response(render_template("batch.html", **values), status)


def _problem(words: str, status: int, asked: Mapping[str, str] | None = None) -> AnyResponse:
    if request.endpoint == "batch.one":
        return Response(jsonify(problem=words).data, status, mimetype="application/json")
    return _page(status, problem=words, asked=asked or {})


def _about(what: str) -> str:
    """Return the text of the README.txt in a zip."""
    held = {
        "copies": _(
            "Annotated copies: radiograph, heat map and conclusion on one sheet, in a folder for each model; and the "
            "pictures under their opacity maps, where one is served."
        ),
        "masks": _("Lung masks, as large as the pictures: white is lung."),
        "masked": _("Pictures with everything but the lungs black; the longer side has at most 1,024 pixels."),
        "heat": _("Pictures under the heat map of each model; the longer side has at most 1,024 pixels."),
    }
    names = _("table.csv says which picture came from which file, and what was found.")
    return "\r\n".join([held[what], names, _("For education and research only, not for diagnosis."), ""])


def _attached(content: Iterable[bytes], mimetype: str, name: str) -> AnyResponse:
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
